"""Means of panels shrunk towards the training mean by the number of months behind them."""

from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from credit_risk_dagster.contract.features import (
    CATEGORICAL_FEATURES,
    FEATURES,
    MODEL_INPUTS,
    MONTHS_BEHIND,
    NUMERIC_FEATURES,
    PANEL_MEANS,
)
from credit_risk_dagster.errors import ModelError

Floats = npt.NDArray[np.float64]


class PanelShrinkage(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replace each mean of a panel by μ + (mean - μ)·n/(n + k).

    n is the number of months behind the mean, k `prior_months`, and μ the mean over all months of
    the training loans. This is the posterior mean of a normal mean whose prior is worth k
    observations (Bühlmann's credibility formula; Gelman et al., Bayesian Data Analysis, 2.5).
    A missing mean stays missing. The result has the columns FEATURES: the number of months is
    not among them, because it grows with calendar time whatever the applicant does.
    """

    def __init__(self, prior_months: float = 12.0) -> None:
        self.prior_months = prior_months

    def fit(self, frame: pd.DataFrame, labels: object = None) -> Self:  # noqa: ARG002
        """Learn `training_means_` (means,), NaN for a feature that no training loan has."""
        means, months = _panels(frame)
        weights = np.where(np.isnan(means), 0.0, months)
        totals = weights.sum(axis=0)
        sums = (np.nan_to_num(means) * weights).sum(axis=0)
        self.training_means_ = np.divide(
            sums, totals, out=np.full(totals.shape, np.nan), where=totals > 0
        )
        return self

    def shrink(self, frame: pd.DataFrame) -> Floats:
        """Return the shrunk means alone (n, means).

        Raises:
            ModelError: if a column that the model reads is missing.
        """
        means, months = _panels(frame)
        learned = self.training_means_
        shrunk: Floats = learned + (means - learned) * (months / (months + self.prior_months))
        return shrunk

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the columns FEATURES of `frame`, its index kept, missing text as None.

        Raises:
            ModelError: if a column that the model reads is missing.
        """
        shrunk = self.shrink(frame)
        text = frame[[*CATEGORICAL_FEATURES]].to_numpy(dtype=object, copy=True)
        text[pd.isna(text)] = None
        parts = (
            frame[[*NUMERIC_FEATURES]].astype(np.float64),
            pd.DataFrame(shrunk, index=frame.index, columns=[*PANEL_MEANS]),
            pd.DataFrame(text, index=frame.index, columns=[*CATEGORICAL_FEATURES]),
        )
        return pd.concat(parts, axis=1)[[*FEATURES]]


ClickstreamShrinkage = PanelShrinkage
"""The name by which stored models of releases before know it."""


def _panels(frame: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return the means and the months behind them, both (n, means)."""
    missing = [name for name in MODEL_INPUTS if name not in frame.columns]
    if missing:
        raise ModelError(
            f"the model reads columns that this table lacks: {', '.join(missing)}. "
            "Materialize gold features again with the code version of the model."
        )
    means = frame[[*PANEL_MEANS]].to_numpy(dtype=np.float64)
    months = frame[[*MONTHS_BEHIND.values()]].to_numpy(dtype=np.float64)
    return means, months
