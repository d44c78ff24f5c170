"""How the cohorts of a training window are divided, by time only."""

from collections.abc import Sequence
from dataclasses import dataclass

from credit_risk_dagster.months import month_range
from credit_risk_dagster.settings import TrainingPolicy

MAXIMUM_FOLDS = 3
VALIDATION_MONTHS = 2


@dataclass(frozen=True)
class Fold:
    """One step of tuning: fit on the cohorts `train`, score those of `validation`."""

    train: tuple[str, ...]
    validation: tuple[str, ...]


@dataclass(frozen=True)
class TrainingWindow:
    """A training's cohorts, oldest first: tuned on train, tested once, judged out of time."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    out_of_time: tuple[str, ...]
    folds: tuple[Fold, ...]

    @property
    def fit(self) -> tuple[str, ...]:
        """The cohorts that the registered model is fitted on: train and test."""
        return self.train + self.test


def training_window(cohorts: Sequence[str], policy: TrainingPolicy) -> TrainingWindow:
    """Divide the cohorts of a due verdict into train, test, out of time, and folds of train.

    Raises:
        ValueError: if they are not `policy.window_months` consecutive months, oldest first.
    """
    given = list(cohorts)
    if len(given) != policy.window_months or given != month_range(given[0], given[-1]):
        raise ValueError(
            f"a training window is {policy.window_months} consecutive cohorts, oldest first; "
            f"given are {len(given)}: {', '.join(given) or 'none'}"
        )
    test_start = policy.train_months
    test_end = test_start + policy.test_months
    train = tuple(given[:test_start])
    return TrainingWindow(
        train=train,
        test=tuple(given[test_start:test_end]),
        out_of_time=tuple(given[test_end:]),
        folds=_expanding_folds(train),
    )


def _expanding_folds(train: tuple[str, ...]) -> tuple[Fold, ...]:
    """Return up to three folds whose validation cohorts are the last pairs of train.

    The first fold trains on two cohorts at least, so that six months give two folds, four one.
    """
    count = min(MAXIMUM_FOLDS, (len(train) - VALIDATION_MONTHS) // VALIDATION_MONTHS)
    starts = [len(train) - VALIDATION_MONTHS * left for left in range(count, 0, -1)]
    return tuple(Fold(train[:start], train[start : start + VALIDATION_MONTHS]) for start in starts)
