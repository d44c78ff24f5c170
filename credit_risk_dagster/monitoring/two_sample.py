"""How far a numeric distribution has moved from its reference: KS of two samples, by counts."""

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.monitoring.stability import NOISE_LEVEL, numbers_of


@dataclass(frozen=True, eq=False)
class ReferenceSample:
    """A numeric reference: its m distinct `values` in order, and how many are not above each."""

    values: npt.NDArray[np.float64]
    cumulative: npt.NDArray[np.int64]


@dataclass(frozen=True)
class KsDrift:
    """The two-sample Kolmogorov-Smirnov test of a distribution against its reference."""

    statistic: float
    noise_threshold: float
    reference_size: int
    current_size: int

    @property
    def exceeds_noise(self) -> bool:
        """Whether the distance is more than sampling noise gives at these sizes."""
        return self.statistic > self.noise_threshold


def reference_sample(values: pd.Series) -> ReferenceSample:
    """Return what the two-sample KS test needs of a numeric reference; missing values take no part.

    Raises:
        ValueError: if it has no value that is not missing.
    """
    numbers = numbers_of(values)
    numbers = numbers[~np.isnan(numbers)]
    if numbers.size == 0:
        raise ValueError("the reference sample has no values: KS compares two distributions")
    distinct, repeats = np.unique(numbers, return_counts=True)
    return ReferenceSample(distinct, np.cumsum(repeats))


def rank_counts(sample: ReferenceSample, values: pd.Series) -> npt.NDArray[np.int64]:
    """Count numbers by their place among the m distinct values of a reference, shape (2 m + 1,).

    Even places lie between two values, odd ones are the values themselves. Counts of parts of a
    sample add up to those of the whole; missing values are not counted.
    """
    numbers = numbers_of(values)
    numbers = numbers[~np.isnan(numbers)]
    places = np.searchsorted(sample.values, numbers, side="left")
    places += np.searchsorted(sample.values, numbers, side="right")
    return np.bincount(places, minlength=2 * sample.values.size + 1).astype(np.int64)


def two_sample_ks(
    sample: ReferenceSample,
    current_counts: npt.NDArray[np.int64],
    noise_level: float = NOISE_LEVEL,
) -> KsDrift:
    """Return the two-sample KS test (the metric `ks_drift`) of a reference and counted numbers.

    The distance is exact: between two values of the reference it is largest at one of them. The
    noise threshold is the asymptotic one that is exceeded by chance with probability
    `noise_level`; with tied values it is exceeded more rarely.

    Raises:
        ValueError: if nothing was counted.

    Source:
        Smirnov (1948), Table for estimating the goodness of fit of empirical distributions.
    """
    before_size, now_size = int(sample.cumulative[-1]), int(current_counts.sum())
    if now_size == 0:
        raise ValueError("the current sample has no values: KS compares two distributions")
    # In whole numbers, so that the distance is rounded once.
    now = np.cumsum(current_counts) * before_size
    before = np.concatenate([[0], sample.cumulative]) * now_size
    at_values = np.abs(now[1::2] - before[1:]).max()
    just_below = np.abs(now[:-1:2] - before[:-1]).max()
    distance = int(max(at_values, just_below)) / (before_size * now_size)
    threshold = sqrt(-log(noise_level / 2) / 2 * (1 / before_size + 1 / now_size))
    return KsDrift(distance, threshold, before_size, now_size)
