"""Amounts held inside the range that most training loans have."""

from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

Floats = npt.NDArray[np.float64]


class Winsorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Move values beyond the `tail` quantile on either side onto that quantile.

    One absurd amount (an EMI of 80,000 where the median is 70) then neither sets the scale of its
    feature in training nor decides a score. Hastings et al., Annals of Mathematical Statistics
    18 (1947).
    """

    def __init__(self, tail: float = 0.05) -> None:
        self.tail = tail

    def fit(self, values: npt.ArrayLike, labels: object = None) -> Self:  # noqa: ARG002
        """Learn `lower_` and `upper_` (p,) from values (n, p) without missing ones."""
        self.lower_, self.upper_ = np.quantile(
            np.asarray(values, dtype=np.float64), [self.tail, 1 - self.tail], axis=0
        )
        return self

    def transform(self, values: npt.ArrayLike) -> Floats:
        """Return the values (n, p) inside the learned range."""
        return np.clip(np.asarray(values, dtype=np.float64), self.lower_, self.upper_)
