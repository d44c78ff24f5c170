"""A model: the evidence of panels, and a candidate's estimator on it."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from credit_risk_dagster.models.log_odds import logistic
from credit_risk_dagster.models.panel_evidence import PanelEvidence, with_evidence

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


class CreditModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Probabilities of default from rows of gold features."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, frame: pd.DataFrame, labels: Labels) -> Self:
        """Learn from training loans: rows of gold features and their labels (n,)."""
        self.classes_ = np.array([0, 1])
        self.evidence_ = PanelEvidence()
        by_others = self.evidence_.fit(frame, labels)
        self.estimator.fit(with_evidence(frame, by_others), labels)
        return self

    def inputs(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return what the estimator reads of rows of gold features."""
        return with_evidence(frame, self.evidence_.evidence(frame))

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Return the log-odds of default, shape (n,)."""
        found: Floats = self.estimator.log_odds(self.inputs(frame))
        return found

    def predict_proba(self, frame: pd.DataFrame) -> Floats:
        """Return the probabilities of no default and of default, shape (n, 2)."""
        probability = logistic(self.log_odds(frame))
        return np.column_stack([1 - probability, probability])

    def predict(self, frame: pd.DataFrame) -> Labels:
        """Return 1 where default is likelier than not, shape (n,)."""
        return (self.predict_proba(frame)[:, 1] >= 0.5).astype(np.int64)

    def contributions(self, frame: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return a base and what each input adds: together the log-odds of every loan."""
        found: tuple[float, pd.DataFrame] = self.estimator.contributions(self.inputs(frame))
        return found
