"""The benchmark: a logistic regression on scaled features, and the evidence of each panel."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from credit_risk_dagster.contract.features import (
    EVIDENCE,
    FLAGS,
    SCORED_CATEGORIES,
    SCORED_NUMBERS,
)
from credit_risk_dagster.models.panel_evidence import in_the_dark
from credit_risk_dagster.models.winsorizing import Winsorizer

if TYPE_CHECKING:
    from optuna.trial import Trial as OptunaTrial

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Parameters = Mapping[str, float | int]

DEFAULTS: Parameters = MappingProxyType({"C": 0.03})
SIMPLEST_FIRST = 1
STORED_TYPES = ("credit_risk_dagster.models.candidates.logistic_regression.ScaledRegression",)

MAXIMUM_ITERATIONS = 1000
AMOUNTS = tuple(name for name in SCORED_NUMBERS if name not in FLAGS)
SCORED_FLAGS = tuple(name for name in SCORED_NUMBERS if name in FLAGS)


def suggest(trial: "OptunaTrial") -> Parameters:
    """Return what an Optuna trial proposes: from almost no feature to hardly any penalty."""
    return {"C": trial.suggest_float("C", 1e-4, 100.0, log=True)}


def complexity(parameters: Parameters) -> float:
    """Return the inverse penalty."""
    return float(parameters["C"])


def estimator(parameters: Parameters, seed: int) -> "ScaledRegression":  # noqa: ARG001
    """Return an unfitted regression, in which nothing is random."""
    return ScaledRegression(C=float(parameters["C"]))


class ScaledRegression(BaseEstimator):  # type: ignore[misc]
    """Logistic regression with an L2 penalty on features of mean 0 and deviation 1.

    Missing amounts are the median, missing categories the most frequent; amounts are winsorized.
    """

    def __init__(self, C: float = 0.03) -> None:  # noqa: N803
        self.C = C

    def fit(self, inputs: pd.DataFrame, labels: Labels) -> Self:
        """Learn from n loans, seen once as they are and once without any panel."""
        self.preprocessing_ = _preprocessing().fit(inputs)
        twice = np.vstack([self._matrix(inputs), self._matrix(in_the_dark(inputs))])
        self.regression_ = LogisticRegression(C=self.C, max_iter=MAXIMUM_ITERATIONS).fit(
            twice, np.tile(labels, 2), sample_weight=np.full(len(twice), 0.5)
        )
        return self

    def log_odds(self, inputs: pd.DataFrame) -> Floats:
        """Return the log-odds of default, shape (n,)."""
        found: Floats = self._matrix(inputs) @ self.regression_.coef_[0] + self._intercept()
        return found

    def contributions(self, inputs: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return the intercept and coefficient times departure from the training mean."""
        by_column = self._matrix(inputs) * self.regression_.coef_[0]
        owners = self._owners()
        parts = {
            name: by_column[:, [owner == name for owner in owners]].sum(axis=1) for name in inputs
        }
        return self._intercept(), pd.DataFrame(parts, index=inputs.index)

    def _intercept(self) -> float:
        return float(self.regression_.intercept_[0])

    def _matrix(self, inputs: pd.DataFrame) -> Floats:
        evidence = inputs[[*EVIDENCE]].to_numpy(dtype=np.float64)
        if not len(inputs):
            return np.zeros((0, len(self._owners())))
        return np.hstack([self.preprocessing_.transform(inputs), evidence])

    def _owners(self) -> list[str]:
        """Return the input that each column of the matrix was made of."""
        encoding = self.preprocessing_.named_transformers_["categories"]
        encoded = encoding.named_steps["encoding"].categories_ if len(SCORED_CATEGORIES) else []
        made = zip(SCORED_CATEGORIES, encoded, strict=True)
        categories = [name for name, texts in made for _ in texts]
        return [*AMOUNTS, *SCORED_FLAGS, *categories, *EVIDENCE]


def _preprocessing() -> ColumnTransformer:
    """Every column to mean 0 in training, so that coefficients weigh departures from the mean."""
    median = ("imputation", SimpleImputer(strategy="median", keep_empty_features=True))
    amounts = [median, ("winsorizing", Winsorizer()), ("scaling", StandardScaler())]
    flags = [median, ("scaling", StandardScaler())]
    blocks: list[tuple[str, Any, list[str]]] = [
        ("amounts", Pipeline(amounts), [*AMOUNTS]),
        ("flags", Pipeline(flags), [*SCORED_FLAGS]),
        ("categories", Pipeline(_one_hot()), [*SCORED_CATEGORIES]),
    ]
    return ColumnTransformer(blocks, sparse_threshold=0)


def _one_hot() -> list[tuple[str, Any]]:
    mode = SimpleImputer(missing_values=None, strategy="most_frequent", keep_empty_features=True)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    centring = StandardScaler(with_std=False)
    return [("imputation", mode), ("encoding", encoder), ("scaling", centring)]
