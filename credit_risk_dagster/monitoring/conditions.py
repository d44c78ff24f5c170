"""The conditions that a risk team acts on, judged from a month's facts as traffic lights."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from credit_risk_dagster.models.metric import Z
from credit_risk_dagster.monitoring.calibration_light import calibration_faults
from credit_risk_dagster.monitoring.drift import shifts_in_band, significant_shifts
from credit_risk_dagster.months import months_between
from credit_risk_dagster.settings import Settings

Light = Literal["green", "amber", "red", "grey"]
"""Grey: not known yet."""

DRIFT_CONDITION, PERFORMANCE_CONDITION = "drift", "performance"
CALIBRATION_CONDITION = "calibration"
NO_PRODUCTION_MODEL, MODEL_AGE = "no_production_model", "model_age"

FALSE_ALARM_Z = 2.326
"""One-sided normal quantile: a basis whose model is as good as it was out of time turns red in
1 % of its months."""

SHOWN_SHIFTS = 5


@dataclass(frozen=True)
class Condition:
    """What a month's facts say of one condition."""

    condition: str
    light: Light
    sentence: str
    value: float | None = None


def month_conditions(
    month: str,
    production: Mapping[str, Any],
    decision: Mapping[str, Any],
    drift: Sequence[pd.DataFrame],
    performance: pd.DataFrame,
    out_of_time: Mapping[str, tuple[float, float, float]],
    last_training: str | None,
    settings: Settings,
) -> list[Condition]:
    """Return the conditions of a month.

    Args:
        month: the month.
        production: its row of `production_model`.
        decision: its row of `training_decision`.
        drift: drift facts of the month and of the months before it, the newest first.
        performance: performance facts of the month.
        out_of_time: AUC and 95 % interval out of time of each model that gave scores, by model id.
        last_training: the newest month, up to this one, that trained; None before the first.
        settings: bands, minimum AUC and the rules of alerts.
    """
    return [
        no_production_model(production, decision),
        model_age(month, production, last_training, settings),
        drifted(drift, settings),
        of_other_applicants(
            performance_below_interval(performance, out_of_time, settings), drift[0], settings
        ),
        of_other_applicants(calibrated(performance), drift[0], settings),
    ]


def no_production_model(production: Mapping[str, Any], decision: Mapping[str, Any]) -> Condition:
    """Red where there is enough history for a model and none is in production."""
    name = NO_PRODUCTION_MODEL
    if production["model_id"] is not None:
        return Condition(name, "green", f"{production['model_id']} is in production.")
    waiting = decision["action"] == "too_little_history"
    sentence = f"No model is in production: {production['reason']}"
    return Condition(name, "grey" if waiting else "red", sentence)


def model_age(
    month: str, production: Mapping[str, Any], last_training: str | None, settings: Settings
) -> Condition:
    """Amber where retraining is overdue, red where it is so for long.

    It counts from the last training that was due, whether or not its candidates were promoted: a
    model that has just been confirmed against new ones is not old.
    """
    if production["trained_in"] is None:
        return Condition(MODEL_AGE, "grey", "No model is in production.")
    trained = months_between(production["trained_in"], month)
    age = months_between(max(last_training or "", production["trained_in"]), month)
    limit, due = settings.alerts.model_age_months, settings.policy.retrain_after_months
    sentence = (
        f"The last training was {age} months ago (limit {limit}); the model in production was "
        f"trained {trained} months ago."
    )
    light: Light = "red" if age > limit else "amber" if age > due else "green"
    return Condition(MODEL_AGE, light, sentence, float(age))


def drifted(drift: Sequence[pd.DataFrame], settings: Settings) -> Condition:
    """Amber where anything has shifted, also moderately; red where significantly and lasting.

    A significant shift is lasting once the same has shifted in as many months as are set. The
    score's own PSI beyond the band is red at once: it sums up what the shifts of features do.
    """
    if drift[0]["value"].isna().all():
        return Condition(DRIFT_CONDITION, "grey", "Drift is not measured without scores.")
    now = significant_shifts(drift[0])
    psi = drift[0].loc[drift[0]["metric"] == "psi", "value"]
    value = float(psi.iloc[0])
    moderate = shifts_in_band(drift[0], "moderate")
    if not now and not moderate:
        return Condition(DRIFT_CONDITION, "green", f"No shift; PSI {value:.3f}.", value)
    if not now:
        sentence = f"Beyond {settings.monitoring.psi_moderate:g}: {_named(moderate)}."
        return Condition(DRIFT_CONDITION, "amber", sentence, value)
    needed = settings.alerts.drift_months
    months = [_shifted(facts) for facts in drift[:needed]]
    lasting = set.intersection(*months) if len(months) == needed else set()
    sentence = f"Beyond the band of {settings.monitoring.psi_significant:g}: {_named(now)}."
    if lasting:
        subjects = ", ".join(sorted(subject for _, subject in lasting))
        sentence += f" For {needed} months or longer: {subjects}."
    of_score = any(shift["metric"] == "psi" for shift in now)
    return Condition(DRIFT_CONDITION, "red" if lasting or of_score else "amber", sentence, value)


def _named(shifts: Sequence[Mapping[str, Any]]) -> str:
    named = ", ".join(
        f"{shift['metric'].upper()} of {shift['subject']} {shift['value']:.2f}"
        for shift in shifts[:SHOWN_SHIFTS]
    )
    more = f" and {len(shifts) - SHOWN_SHIFTS} more" if len(shifts) > SHOWN_SHIFTS else ""
    return named + more


def _shifted(facts: pd.DataFrame) -> set[tuple[str, str]]:
    return {(shift["metric"], shift["subject"]) for shift in significant_shifts(facts)}


def performance_below_interval(
    performance: pd.DataFrame,
    out_of_time: Mapping[str, tuple[float, float, float]],
    settings: Settings,
) -> Condition:
    """Red where an AUC is below the minimum, or below what its model had out of time, beyond noise.

    The AUC of a month and the one out of time are of different loans: they differ by more than
    noise where the gap exceeds the standard error of a difference of two independent figures.
    """
    aucs = performance[(performance["metric"] == "auc") & performance["value"].notna()]
    if aucs.empty:
        return Condition(PERFORMANCE_CONDITION, "grey", "Pending: no scored loan has matured.")
    faults, shown = [], []
    for row in aucs.to_dict("records"):
        shown.append(f"{row['basis']} AUC {row['value']:.3f} on {row['sample_size']} loans")
        minimum = settings.policy.minimum_auc
        if row["upper"] < minimum:
            faults.append(f"{row['basis']} AUC is below the minimum of {minimum:g}")
        before = out_of_time.get(row["model_id"])
        if before is not None and _falls_short(row, before):
            faults.append(
                f"{row['basis']} AUC is below the {before[0]:.3f} out of time of its model"
            )
    sentence = "; ".join([*faults, *shown]) + "."
    light: Light = "red" if faults else "green"
    return Condition(PERFORMANCE_CONDITION, light, sentence, float(aucs["value"].min()))


def _falls_short(row: Mapping[Hashable, Any], before: tuple[float, float, float]) -> bool:
    auc, lower, upper = before
    errors = (row["upper"] - row["lower"]) / (2 * Z), (upper - lower) / (2 * Z)
    error = (errors[0] ** 2 + errors[1] ** 2) ** 0.5
    return bool(error > 0 and auc - row["value"] > FALSE_ALARM_Z * error)


def calibrated(performance: pd.DataFrame) -> Condition:
    """Red where probabilities are off by more than noise, overall, in slope or in a band."""
    ratios = performance[
        (performance["metric"] == "observed_expected_ratio") & performance["value"].notna()
    ]
    if ratios.empty:
        return Condition(CALIBRATION_CONDITION, "grey", "Pending: no scored loan has matured.")
    faults = calibration_faults(performance)
    shown = [
        f"{row['basis']} observed over expected {row['value']:.2f} on {row['sample_size']} loans"
        for row in ratios.to_dict("records")
    ]
    worst = max(ratios["value"].tolist(), key=lambda ratio: abs(ratio - 1))
    light: Light = "red" if faults else "green"
    return Condition(CALIBRATION_CONDITION, light, "; ".join([*faults, *shown]) + ".", float(worst))


def of_other_applicants(condition: Condition, drift: pd.DataFrame, settings: Settings) -> Condition:
    """Turn green into amber where the month's applicants lack what the model learned from.

    Outcomes that matured are of applicants who had it: what is found of them is not found of these.
    """
    dark = dark_inputs(drift, settings.monitoring.dark_source_share)
    if condition.light != "green" or not dark:
        return condition
    shown = ", ".join(dark[:SHOWN_SHIFTS])
    more = f" and {len(dark) - SHOWN_SHIFTS} more" if len(dark) > SHOWN_SHIFTS else ""
    sentence = (
        f"{condition.sentence} Not known of the month's applicants, most of whom lack what the "
        f"model was trained with: {shown}{more}."
    )
    return replace(condition, light="amber", sentence=sentence)


def dark_inputs(drift: pd.DataFrame, share: float) -> list[str]:
    """Return the inputs missing for at least a share of applicants, and for fewer in training."""
    rows = drift[drift["basis"] == "feature"]
    now = rows[rows["metric"] == "missing_share"].set_index("subject")["value"]
    change = rows[rows["metric"] == "missing_share_change"].set_index("subject")["value"]
    before = now - change.reindex(now.index)
    return sorted(str(name) for name in now.index[(now >= share) & (before < share)])
