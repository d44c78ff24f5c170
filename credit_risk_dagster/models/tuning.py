"""Parameters chosen by time-ordered cross-validation inside the training months."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from credit_risk_dagster.contract.candidates import CandidateName
from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.candidates import (
    DEFAULT_PARAMETERS,
    Parameters,
    suggest_parameters,
)
from credit_risk_dagster.models.fold import Fold, fold_auc, prepare_fold
from credit_risk_dagster.models.split import TrainingWindow
from credit_risk_dagster.models.training_rows import (
    in_order,
    require_both_classes,
    rows_of,
)

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial as OptunaTrial

RANDOM_TRIALS = 5
"""Trials before the sampler starts to learn from them; Optuna's own 10 leave it 5 of 15."""


@dataclass(frozen=True)
class Trial:
    """One set of parameters and its AUC on each fold, oldest fold first."""

    number: int
    parameters: Parameters
    fold_aucs: tuple[float, ...]
    mean_auc: float


@dataclass(frozen=True)
class Tuning:
    """The parameters of the trial with the highest mean AUC, and every trial."""

    parameters: Parameters
    mean_auc: float
    trials: tuple[Trial, ...]


def tune(
    frame: pd.DataFrame,
    window: TrainingWindow,
    candidate: CandidateName,
    trials: int,
    seed: int,
    threads: int,
) -> Tuning:
    """Choose a candidate's parameters by mean AUC over the folds of `window`.

    Reads only rows of `window.train`. Folds run on `threads` threads, each fit on one; neither
    their number nor the order of rows changes the result. Sampler: Bergstra et al., Algorithms
    for Hyper-Parameter Optimization (NIPS 2011).

    Raises:
        ModelError: if a fold lacks a cohort or one of the two outcomes.
    """
    tried: list[Trial] = []
    with threadpool_limits(limits=1), ThreadPoolExecutor(threads) as executor:
        folds = _folds(frame, window, candidate, seed)

        def mean_auc(proposal: "OptunaTrial") -> float:
            parameters = suggest_parameters(candidate, proposal)
            fold_aucs = _fold_aucs(folds, parameters, executor)
            mean = float(np.mean(fold_aucs))
            tried.append(Trial(proposal.number, parameters, fold_aucs, mean))
            return mean

        with _quiet_optuna():
            study = _new_study(candidate, seed)
            study.optimize(mean_auc, n_trials=trials, n_jobs=1)
    best = tried[study.best_trial.number]
    return Tuning(best.parameters, best.mean_auc, tuple(tried))


def _folds(
    frame: pd.DataFrame, window: TrainingWindow, candidate: CandidateName, seed: int
) -> list[Fold]:
    if not window.folds:
        raise ModelError(
            f"{len(window.train)} training months give no fold to tune on: "
            "set CREDIT_RISK_POLICY__TRAIN_MONTHS to 4 or more"
        )
    rows = in_order(rows_of(frame, window.train))
    for fold in window.folds:
        require_both_classes(rows, fold.train, "fitting a fold")
        require_both_classes(rows, fold.validation, "validating a fold")
    return [
        prepare_fold(candidate, seed, rows_of(rows, fold.train), rows_of(rows, fold.validation))
        for fold in window.folds
    ]


def _fold_aucs(folds: list[Fold], parameters: Parameters, executor: Executor) -> tuple[float, ...]:
    # The newest fold is the largest: started first, it does not run alone at the end.
    return tuple(executor.map(lambda fold: fold_auc(fold, parameters), folds[::-1]))[::-1]


def _new_study(candidate: CandidateName, seed: int) -> "Study":
    import optuna

    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial(dict(DEFAULT_PARAMETERS[candidate]))
    return study


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Silence Optuna's line for every trial: the trials are in the result."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
