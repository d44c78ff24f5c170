"""Early outcomes as monitoring facts: estimates of pending cohorts, and what came of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.models.metric import Metric
from credit_risk_dagster.monitoring.early_outcomes import (
    calibrated_metrics,
    cells,
    soft_label_metrics,
)
from credit_risk_dagster.monitoring.facts import BEYOND_NOISE, WITHIN_NOISE, Fact
from credit_risk_dagster.months import months_between
from credit_risk_dagster.tables.delinquency import STATES

ESTIMATED, OUTCOME = "estimated", "outcome"
"""Bases: what is estimated of labels that are pending, and how far off that was once they came."""

SOFT_LABELS, CALIBRATED = "soft_labels", "calibrated"
"""How a figure was estimated, as the status of its fact."""

FIRST_SOFT_LABELS = 2
"""The month on book from which delinquency tells enough of the label."""

REALISED = {"auc": "auc", "default_rate": "observed_default_rate"}


@dataclass(frozen=True, eq=False)
class Cohort:
    """Loans that were scored in a month and whose labels are pending.

    Attributes:
        applied: the month of the scores.
        model_id: the model that gave them.
        probabilities: shape (n,).
        states: shape (n,), their places in `tables.delinquency.STATES`.
    """

    applied: str
    model_id: str
    probabilities: npt.NDArray[np.float64]
    states: npt.NDArray[np.int64]


def cohort_facts(month: str, cohort: Cohort, matured: pd.DataFrame) -> list[Fact]:
    """Return AUC and default rate of a pending cohort: by soft labels, else what scores promise.

    Args:
        month: the month that it is looked at in.
        cohort: the cohort.
        matured: counts of loans of known outcome: month_on_book, default, state and loans.
    """
    on_book = months_between(cohort.applied, month)
    learned = _learned(matured, on_book)
    has_soft_labels = on_book >= FIRST_SOFT_LABELS and bool(learned.sum(axis=1).all())
    scored = cells(cohort.probabilities, cohort.states, len(STATES))
    metrics = soft_label_metrics(scored, learned) if has_soft_labels else calibrated_metrics(scored)
    status = SOFT_LABELS if has_soft_labels else CALIBRATED
    return [_estimate(metric, cohort, on_book, status) for metric in metrics]


def _learned(matured: pd.DataFrame, on_book: int) -> npt.NDArray[np.int64]:
    counts = np.zeros((2, len(STATES)), dtype=np.int64)
    here = matured[matured["month_on_book"] == on_book]
    states = np.array([STATES.index(state) for state in here["state"]], dtype=np.int64)
    np.add.at(counts, (here["default"].to_numpy(np.int64), states), here["loans"].to_numpy())
    return counts


def _estimate(metric: Metric, cohort: Cohort, on_book: int, status: str) -> Fact:
    return Fact(
        basis=ESTIMATED,
        metric=metric.name,
        subject=cohort.applied[:7],
        value=metric.value,
        lower=metric.lower,
        upper=metric.upper,
        sample_size=metric.sample_size,
        band=f"month on book {on_book}",
        status=status,
        model_id=cohort.model_id,
    )


def outcome_facts(applied: str, realised: pd.DataFrame, estimates: pd.DataFrame) -> list[Fact]:
    """Set what was realised of a cohort against the estimates made while its labels were pending.

    Args:
        applied: the month of the scores.
        realised: performance facts of the month in which their labels matured.
        estimates: facts of earlier months about the cohort.

    Returns:
        The realised figures, and each estimate's error (estimate less realised) with its interval,
        beyond noise where the interval does not hold 0.
    """
    facts = []
    issued = realised[(realised["basis"] == "issued") & (realised["subject"] == "overall")]
    for name, metric in REALISED.items():
        came = issued[(issued["metric"] == metric) & issued["value"].notna()]
        if came.empty:
            continue
        row = came.iloc[0]
        truth, size, model = float(row["value"]), int(row["sample_size"]), row["model_id"]
        subject = applied[:7]
        facts.append(
            Fact(OUTCOME, f"realised_{name}", subject, truth, sample_size=size, model_id=str(model))
        )
        about = estimates["metric"].str.endswith(f"_{name}") & estimates["value"].notna()
        past = estimates[about & (estimates["basis"] == ESTIMATED)]
        for one in past.sort_values("snapshot_date").to_dict("records"):
            lower, upper = one["lower"] - truth, one["upper"] - truth
            facts.append(
                Fact(
                    OUTCOME,
                    f"{one['metric']}_error",
                    f"{subject} at {one['band']}",
                    float(one["value"]) - truth,
                    lower,
                    upper,
                    size,
                    band=one["status"],
                    status=WITHIN_NOISE if lower <= 0 <= upper else BEYOND_NOISE,
                    model_id=one["model_id"],
                )
            )
    return facts
