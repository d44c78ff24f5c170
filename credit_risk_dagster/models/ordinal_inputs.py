"""Features as numbers that rise and fall with what they mean: categories by their order."""

from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from credit_risk_dagster.contract.feature import Direction
from credit_risk_dagster.contract.features import (
    DIRECTIONS,
    ORDERED_CATEGORIES,
    SCORED_CATEGORIES,
    SCORED_NUMBERS,
)

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

COLUMNS = (*SCORED_NUMBERS, *SCORED_CATEGORIES)
"""The columns of the matrix, in order."""

PRIOR_LOANS = 20
"""Loans at the overall default rate that are added to each category, so that few decide little."""

_SIGNS = {Direction.UP: 1, Direction.DOWN: -1, Direction.FREE: 0}


class OrdinalInputs(BaseEstimator):  # type: ignore[misc]
    """Turn features into numbers; a category becomes its place in the contract's order.

    A category that has no order is put in that of its default rate in training, and the
    probability of default may only rise with it. A text that training did not see is missing.
    """

    def fit(self, inputs: pd.DataFrame, labels: Labels) -> Self:
        """Learn `orders_`, the texts of each category from the first place to the last."""
        self.orders_ = {
            name: list(ORDERED_CATEGORIES[name])
            if name in ORDERED_CATEGORIES
            else _by_default_rate(inputs[name], labels)
            for name in SCORED_CATEGORIES
        }
        return self

    def matrix(self, inputs: pd.DataFrame) -> Floats:
        """Return the numbers, shape (n, features), NaN where missing."""
        places = [
            inputs[name]
            .map({text: place for place, text in enumerate(order)})
            .to_numpy(dtype=np.float64)
            for name, order in self.orders_.items()
        ]
        numbers = inputs[[*SCORED_NUMBERS]].to_numpy(dtype=np.float64)
        return np.column_stack([numbers, *places]) if places else numbers


def signs() -> tuple[int, ...]:
    """Return, by column of the matrix, 1 where risk may only rise with it, -1 fall, 0 either."""
    return tuple(
        1
        if name in SCORED_CATEGORIES and name not in ORDERED_CATEGORIES
        else _SIGNS[DIRECTIONS[name]]
        for name in COLUMNS
    )


def _by_default_rate(texts: pd.Series, labels: Labels) -> list[str]:
    overall = float(labels.mean())
    by_text = pd.Series(labels, index=texts.index).groupby(texts).agg(["sum", "count"])
    rate = (by_text["sum"] + PRIOR_LOANS * overall) / (by_text["count"] + PRIOR_LOANS)
    return [str(text) for text in rate.sort_values(kind="stable").index]
