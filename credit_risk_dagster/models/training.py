"""A candidate tuned, tested once, refitted, and judged out of time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.models.candidates.interface import Parameters, candidate_named
from credit_risk_dagster.models.credit_model import CreditModel
from credit_risk_dagster.models.dark_sources import masked, sources_scored, without
from credit_risk_dagster.models.identity import learned_numbers_hash
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.models.split import TrainingWindow
from credit_risk_dagster.models.training_rows import (
    COHORT,
    LOAN_ID,
    Labels,
    in_order,
    labels_of,
    require_both_classes,
    rows_of,
)
from credit_risk_dagster.models.tuning import Tuning, tune
from credit_risk_dagster.months import add_months

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainedCandidate:
    """A fitted candidate and the scores that it is judged by, each of shape (n,).

    Rows are ordered by cohort and loan. `train` is scored in sample by `model`, `test` by the same
    parameters fitted without the test cohorts, `oot` by `model`, which never saw them: as they are,
    `masked` to the sources that the month's applicants have, and `without` each source in turn.
    `at_horizon` is what the same parameters give the out-of-time loans, fitted on the labels that
    were known when these applied: None where those cohorts cannot be fitted.
    """

    candidate: str
    parameters: Parameters
    tuning: Tuning
    model: CreditModel
    learned_hash: str
    train_labels: Labels
    train_probabilities: Floats
    test_labels: Labels
    test_probabilities: Floats
    oot_loan_ids: npt.NDArray[np.object_]
    oot_labels: Labels
    oot_probabilities: Floats
    masked_probabilities: Floats
    without: Mapping[str, Floats]
    at_horizon: Floats | None
    missing_shares: Mapping[str, float]


def train_candidate(
    frame: pd.DataFrame,
    window: TrainingWindow,
    candidate: str,
    trials: int,
    seed: int,
    threads: int,
    missing_shares: Mapping[str, float],
) -> TrainedCandidate:
    """Tune a candidate on `window.train`, test it, refit it on `window.fit`, score out of time.

    `frame` holds one row per loan: `loan_id`, `cohort`, the label and MODEL_INPUTS. Test and
    out-of-time rows neither choose parameters nor, out of time, reach a fit. `missing_shares` are
    the shares of the month's applicants that a source does not know, by source.

    Raises:
        ModelError: if a cohort has no rows, a loan occurs twice, or the rows of a fit or of a
            fold hold one outcome only.
    """
    rows = in_order(frame)
    train, test, fit, out_of_time = (
        rows_of(rows, months)
        for months in (window.train, window.test, window.fit, window.out_of_time)
    )
    require_both_classes(rows, window.train, "the fit that is tested")
    tuning = tune(train, window, candidate, trials, seed, threads)
    with threadpool_limits(limits=1):
        tested = _fitted(train, candidate, tuning.parameters, seed)
        registered = _fitted(fit, candidate, tuning.parameters, seed)
        return TrainedCandidate(
            candidate=candidate,
            parameters=tuning.parameters,
            tuning=tuning,
            model=registered,
            learned_hash=learned_numbers_hash(registered),
            train_labels=labels_of(fit),
            train_probabilities=score(registered, fit),
            test_labels=labels_of(test),
            test_probabilities=score(tested, test),
            oot_loan_ids=out_of_time[LOAN_ID].to_numpy(dtype=object),
            oot_labels=labels_of(out_of_time),
            oot_probabilities=score(registered, out_of_time),
            masked_probabilities=score(registered, masked(out_of_time, missing_shares)),
            without={
                source: score(registered, without(out_of_time, source))
                for source in sources_scored()
            },
            missing_shares=missing_shares,
            at_horizon=_at_horizon(fit, out_of_time, window, candidate, tuning.parameters, seed),
        )


def _fitted(rows: pd.DataFrame, candidate: str, parameters: Parameters, seed: int) -> CreditModel:
    estimator = candidate_named(candidate).estimator(parameters, seed)
    return CreditModel(estimator).fit(rows, labels_of(rows))


def _at_horizon(
    fit: pd.DataFrame,
    out_of_time: pd.DataFrame,
    window: TrainingWindow,
    candidate: str,
    parameters: Parameters,
    seed: int,
) -> Floats | None:
    """Score the out-of-time loans as the model would have that was there when they applied."""
    applied = add_months(window.out_of_time[0], -CONTRACT.outcome.month_on_book)
    known = fit[(fit[COHORT] < applied).to_numpy()]
    labels = labels_of(known)
    if not labels.size or labels.min() == labels.max():
        return None
    return score(_fitted(known, candidate, parameters, seed), out_of_time)
