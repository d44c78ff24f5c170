"""Parameters chosen by time-ordered cross-validation inside the training months."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.candidates.interface import (
    Candidate,
    Parameters,
    candidate_named,
)
from credit_risk_dagster.models.delong import Placements
from credit_risk_dagster.models.fold import (
    Fold,
    fold_log_odds,
    fold_losses,
    fold_placements,
    prepare_fold,
)
from credit_risk_dagster.models.split import TrainingWindow
from credit_risk_dagster.models.training_rows import (
    in_order,
    require_both_classes,
    rows_of,
)

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial as OptunaTrial

Floats = npt.NDArray[np.float64]

RANDOM_TRIALS = 5
"""Trials before the sampler starts to learn from them, and before one can be pruned."""


@dataclass(frozen=True)
class Trial:
    """One set of parameters and its AUC on each fold, oldest fold first.

    The AUC is the mean of that with and without the panels. A pruned trial was given up after the
    newest fold, whose AUC is the only one that it has.
    """

    number: int
    parameters: Parameters
    fold_aucs: tuple[float, ...]
    mean_auc: float
    pruned: bool = False


@dataclass(frozen=True)
class Tuning:
    """The parameters that were chosen, what they gain over the defaults, and every trial.

    `gain` is the difference of two mean AUCs on the same rows, `gain_error` its standard error.
    """

    parameters: Parameters
    mean_auc: float
    gain: float
    gain_error: float
    trials: tuple[Trial, ...]


@dataclass(frozen=True, eq=False)
class _Stage:
    """How validation loans are ranked, and the log loss (n,) of each."""

    placements: Placements
    losses: Floats


@dataclass(frozen=True, eq=False)
class _Tried:
    trial: Trial
    folds: tuple[_Stage, ...]


def tune(
    frame: pd.DataFrame,
    window: TrainingWindow,
    candidate: str,
    trials: int,
    seed: int,
    threads: int,
) -> Tuning:
    """Choose a candidate's parameters by mean AUC over the folds of `window`.

    Of the trials within one standard error of the best, the simplest is chosen (Breiman et al.,
    Classification and Regression Trees, 1984, 3.4.3); the error is that of the difference to the
    best on the same rows (DeLong 1988). So it is with log loss among those: what ranks as well and
    is surer or less sure of it than it should be is not simpler but wrong.

    Reads only rows of `window.train`. Folds run on `threads` threads, each fit on one; neither
    their number nor the order of rows changes the result. Sampler: Bergstra et al., Algorithms for
    Hyper-Parameter Optimization (NIPS 2011).

    Raises:
        ModelError: if a fold lacks a cohort or one of the two outcomes.
    """
    module = candidate_named(candidate)
    tried: list[_Tried] = []
    pruned: list[Trial] = []
    with threadpool_limits(limits=1), ThreadPoolExecutor(threads) as executor:
        folds = _folds(frame, window)

        def mean_auc(proposal: "OptunaTrial") -> float:
            from optuna import TrialPruned

            parameters = module.suggest(proposal)
            newest = _stages(folds[-1], module, parameters, seed)
            best = max(one.placements.auc for one in newest)
            proposal.report(best, step=0)
            if proposal.should_prune():
                pruned.append(Trial(proposal.number, parameters, (best,), best, pruned=True))
                raise TrialPruned
            earlier = _earlier(folds[:-1], module, parameters, seed, executor)
            found = _best_stage(module, proposal.number, parameters, seed, [*earlier, newest])
            tried.append(found)
            return found.trial.mean_auc

        with _quiet_optuna():
            study = _new_study(module, seed)
            study.optimize(mean_auc, n_trials=trials, n_jobs=1)
    return _chosen(module, tried, pruned)


def _folds(frame: pd.DataFrame, window: TrainingWindow) -> list[Fold]:
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
        prepare_fold(rows_of(rows, fold.train), rows_of(rows, fold.validation))
        for fold in window.folds
    ]


def _stages(fold: Fold, module: Candidate, parameters: Parameters, seed: int) -> tuple[_Stage, ...]:
    """Return what every stage of the estimator reaches; one that does not grow has one."""
    log_odds = fold_log_odds(fold, module.estimator(parameters, seed))
    return tuple(
        _Stage(fold_placements(fold, stage), fold_losses(fold, stage)) for stage in log_odds
    )


def _earlier(
    folds: Sequence[Fold],
    module: Candidate,
    parameters: Parameters,
    seed: int,
    executor: Executor,
) -> list[tuple[_Stage, ...]]:
    # The newer fold is the larger: started first, it does not run alone at the end.
    stages = executor.map(lambda fold: _stages(fold, module, parameters, seed), folds[::-1])
    return list(stages)[::-1]


def _best_stage(
    module: Candidate,
    number: int,
    parameters: Parameters,
    seed: int,
    by_fold: Sequence[tuple[_Stage, ...]],
) -> _Tried:
    """Return the stage whose mean AUC over the folds is highest: early stopping on their mean."""
    aucs = np.array([[one.placements.auc for one in stages] for stages in by_fold])
    best = int(np.argmax(aucs.mean(axis=0)))
    stages = getattr(module.estimator(parameters, seed), "stages", None)
    chosen = dict(parameters) if stages is None else {**parameters, "rounds": stages()[best]}
    trial = Trial(
        number, chosen, tuple(float(one) for one in aucs[:, best]), float(aucs[:, best].mean())
    )
    return _Tried(trial, tuple(stage[best] for stage in by_fold))


def _chosen(module: Candidate, tried: Sequence[_Tried], pruned: Sequence[Trial]) -> Tuning:
    best = max(tried, key=lambda one: one.trial.mean_auc)
    close = [one for one in tried if _deficit(best, one) <= _error(best, one)]
    likeliest = min(close, key=_loss)
    close = [one for one in close if _excess(one, likeliest) <= _excess_error(one, likeliest)]
    chosen = min(close, key=lambda one: (module.complexity(one.trial.parameters), one.trial.number))
    defaults = tried[0]
    trials = sorted((*(one.trial for one in tried), *pruned), key=lambda one: one.number)
    return Tuning(
        parameters=chosen.trial.parameters,
        mean_auc=chosen.trial.mean_auc,
        gain=_deficit(chosen, defaults),
        gain_error=_error(chosen, defaults),
        trials=tuple(trials),
    )


def _deficit(best: _Tried, other: _Tried) -> float:
    return best.trial.mean_auc - other.trial.mean_auc


def _error(one: _Tried, other: _Tried) -> float:
    """Return the standard error of the difference of two mean AUCs, folds being disjoint."""
    errors = [
        a.placements.minus(b.placements).standard_error
        for a, b in zip(one.folds, other.folds, strict=True)
    ]
    return float(np.sqrt(np.sum(np.square(errors))) / len(errors))


def _loss(one: _Tried) -> float:
    return float(np.mean([stage.losses.mean() for stage in one.folds]))


def _excess(one: _Tried, other: _Tried) -> float:
    return _loss(one) - _loss(other)


def _excess_error(one: _Tried, other: _Tried) -> float:
    """Return the standard error of the difference of two mean log losses, folds being disjoint."""
    differences = [a.losses - b.losses for a, b in zip(one.folds, other.folds, strict=True)]
    variances = [np.var(values, ddof=1) / values.size for values in differences]
    return float(np.sqrt(np.sum(variances)) / len(variances))


def _new_study(module: Candidate, seed: int) -> "Study":
    import optuna

    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=RANDOM_TRIALS)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    study.enqueue_trial(dict(module.DEFAULTS))
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
