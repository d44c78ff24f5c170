"""A candidate tuned, tested once, refitted, and judged out of time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from credit_risk_dagster.contract.candidates import CandidateName
from credit_risk_dagster.models.candidates import Parameters
from credit_risk_dagster.models.identity import learned_numbers_hash
from credit_risk_dagster.models.pipelines import build_pipeline
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.models.split import TrainingWindow
from credit_risk_dagster.models.training_rows import (
    LOAN_ID,
    Labels,
    in_order,
    labels_of,
    require_both_classes,
    rows_of,
)
from credit_risk_dagster.models.tuning import Tuning, tune

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainedCandidate:
    """A fitted candidate and the scores that it is judged by, each of shape (n,).

    Rows are ordered by cohort and loan. `train` is scored in sample by `pipeline`, `test` by the
    same parameters fitted without the test cohorts, `oot` by `pipeline`, which never saw them.
    """

    candidate: CandidateName
    parameters: Parameters
    tuning: Tuning
    pipeline: Pipeline
    learned_hash: str
    train_labels: Labels
    train_probabilities: Floats
    test_labels: Labels
    test_probabilities: Floats
    oot_loan_ids: npt.NDArray[np.object_]
    oot_labels: Labels
    oot_probabilities: Floats


def train_candidate(
    frame: pd.DataFrame,
    window: TrainingWindow,
    candidate: CandidateName,
    trials: int,
    seed: int,
    threads: int,
) -> TrainedCandidate:
    """Tune a candidate on `window.train`, test it, refit it on `window.fit`, score out of time.

    `frame` holds one row per loan: `loan_id`, `cohort`, the label and MODEL_INPUTS. Test and
    out-of-time rows neither choose parameters nor, out of time, reach a fit.

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
            pipeline=registered,
            learned_hash=learned_numbers_hash(registered),
            train_labels=labels_of(fit),
            train_probabilities=score(registered, fit),
            test_labels=labels_of(test),
            test_probabilities=score(tested, test),
            oot_loan_ids=out_of_time[LOAN_ID].to_numpy(dtype=object),
            oot_labels=labels_of(out_of_time),
            oot_probabilities=score(registered, out_of_time),
        )


def _fitted(
    rows: pd.DataFrame, candidate: CandidateName, parameters: Parameters, seed: int
) -> Pipeline:
    return build_pipeline(candidate, parameters, seed).fit(rows, labels_of(rows))
