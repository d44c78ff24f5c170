"""Columns as steps: what a table of points per interval adds to the log-odds, and its gradient.

A column is held as the number of the interval that each loan falls in, 16 bits a loan, and never as
the wide matrix of 1[x > cut] that the steps stand for.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

STEPS = 20
"""Intervals of a numeric column, at most: quantiles of training."""

MISSING = -1


@dataclass(frozen=True, eq=False)
class StepColumn:
    """A column of n training loans.

    Attributes:
        codes: the interval of each loan, MISSING where it has none.
        shares: of the loans that have one, the share above each cut.
    """

    codes: npt.NDArray[np.int16]
    shares: Floats

    def points(self, steps: Floats) -> Floats:
        """Return what each interval adds, its mean over the loans being 0."""
        rising = np.concatenate([[0.0], np.cumsum(steps)])
        points: Floats = rising - self.shares @ steps
        return points

    def gradient(self, residuals: Floats) -> Floats:
        """Return the derivative of a loss by each step, of its derivatives (n,) by log-odds."""
        known = self.codes >= 0
        by_interval = np.bincount(
            self.codes[known], weights=residuals[known], minlength=self.shares.size + 1
        )
        above = by_interval[::-1].cumsum()[::-1][1:]
        gradient: Floats = above - self.shares * by_interval.sum()
        return gradient


def cuts_of(values: Floats) -> Floats:
    """Return the quantiles of a column (n,), each once, none at or above its largest value."""
    known = values[~np.isnan(values)]
    if known.size == 0:
        return np.zeros(0)
    quantiles = np.quantile(known, np.linspace(0, 1, STEPS + 1)[1:-1], method="higher")
    cuts: Floats = np.unique(quantiles[quantiles < known.max()])
    return cuts


def codes_of(values: Floats, cuts: Floats) -> npt.NDArray[np.int16]:
    """Return the interval of each value (n,), which its upper cut belongs to."""
    codes = np.searchsorted(cuts, values, side="left")
    return np.where(np.isnan(values), MISSING, codes).astype(np.int16)


def step_column(values: Floats, cuts: Floats) -> StepColumn:
    """Return a training column (n,) in the intervals of some cuts."""
    codes = codes_of(values, cuts)
    known = max(1, int((codes >= 0).sum()))
    counts = np.bincount(codes[codes >= 0], minlength=cuts.size + 1)
    return StepColumn(codes, counts[::-1].cumsum()[::-1][1:] / known)


def looked_up(points: Floats, codes: npt.NDArray[np.int16]) -> Floats:
    """Return the points of each loan, 0 where its value is missing."""
    return np.where(codes >= 0, points[np.maximum(codes, 0)], 0.0)
