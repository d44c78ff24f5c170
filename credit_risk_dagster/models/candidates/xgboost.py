"""Boosted trees with the evidence of the panels as offset, and the signs that the contract demands.

An offset is not split on: evidence adds to the log-odds as what it is. Inside the trees it would
be cut into steps, and ranks worse.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from credit_risk_dagster.contract.features import EVIDENCE
from credit_risk_dagster.models.log_odds import log_odds_of
from credit_risk_dagster.models.ordinal_inputs import COLUMNS, OrdinalInputs, signs

if TYPE_CHECKING:
    from optuna.trial import Trial as OptunaTrial

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Parameters = Mapping[str, float | int]

DEFAULTS: Parameters = MappingProxyType(
    {
        "learning_rate": 0.05,
        "max_depth": 3,
        "min_child_weight": 5.0,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
        "reg_lambda": 5.0,
    }
)
SIMPLEST_FIRST = 2
STORED_TYPES = ("credit_risk_dagster.models.candidates.xgboost.BoostedTrees",)

MAXIMUM_BINS = 64
"""On a few thousand loans 64 bins rank as well as XGBoost's 256, in two thirds of the time."""

MAXIMUM_ROUNDS = 400
STAGE = 20
"""Rounds from one stage to the next: of these, tuning takes the best."""


def suggest(trial: "OptunaTrial") -> Parameters:
    """Return what an Optuna trial proposes, from stumps to trees of 64 leaves."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "max_depth": trial.suggest_int("max_depth", 1, 6),
        "min_child_weight": trial.suggest_float("min_child_weight", 0.5, 50.0, log=True),
        "subsample": trial.suggest_float("subsample", 0.4, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.2, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 100.0, log=True),
    }


def complexity(parameters: Parameters) -> float:
    """Return the number of leaves that the trees may have."""
    return float(parameters["rounds"] * 2 ** parameters["max_depth"])


def estimator(parameters: Parameters, seed: int) -> "BoostedTrees":
    """Return unfitted trees: of all rounds, where the parameters do not say of how many."""
    given = dict(parameters)
    rounds = int(given.pop("rounds", MAXIMUM_ROUNDS))
    return BoostedTrees(rounds=rounds, seed=seed, settings=given)


class BoostedTrees(BaseEstimator):  # type: ignore[misc]
    """XGBoost's trees; the log-odds are offset, evidence and the leaves that a loan falls in."""

    def __init__(
        self,
        rounds: int = MAXIMUM_ROUNDS,
        seed: int = 0,
        settings: dict[str, float | int] | None = None,
    ) -> None:
        self.rounds = rounds
        self.seed = seed
        self.settings = settings

    def fit(self, inputs: pd.DataFrame, labels: Labels) -> Self:
        """Learn from n loans, seen once as they are and once without any panel."""
        from xgboost import QuantileDMatrix, train

        self.encoding_ = OrdinalInputs().fit(inputs, labels)
        self.prior_ = float(log_odds_of(labels.mean()))
        matrix = self.encoding_.matrix(inputs)
        rows = QuantileDMatrix(
            np.vstack([matrix, matrix]),
            label=np.tile(labels, 2),
            weight=np.full(2 * len(labels), 0.5),
            base_margin=self.prior_ + np.concatenate([_offset(inputs), np.zeros(len(labels))]),
            max_bin=MAXIMUM_BINS,
            nthread=1,
        )
        self.booster_ = train(self._settings(), rows, self.rounds)
        return self

    def log_odds(self, inputs: pd.DataFrame) -> Floats:
        """Return the log-odds of default, shape (n,)."""
        found: Floats = self._margins(inputs, (self.rounds,))[0]
        return found

    def stages(self) -> tuple[int, ...]:
        """Return the numbers of rounds that can be told apart."""
        return tuple(range(STAGE, self.rounds + 1, STAGE))

    def staged_log_odds(self, inputs: pd.DataFrame) -> Floats:
        """Return the log-odds at each stage, shape (stages, n)."""
        return self._margins(inputs, self.stages())

    def contributions(self, inputs: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return the mean prediction of the trees with the prior, and TreeSHAP by input.

        Source: Lundberg et al. (2020), Nature Machine Intelligence 2. The offset is a term of its
        own: what it adds is the evidence itself.
        """
        from xgboost import DMatrix

        # One more row gives the base, which is the same for all, also where there are no loans.
        matrix = np.vstack([self.encoding_.matrix(inputs), np.full((1, len(COLUMNS)), np.nan)])
        rows = DMatrix(matrix, nthread=1)
        shap = self.booster_.predict(rows, pred_contribs=True).astype(np.float64)
        parts = dict(zip(COLUMNS, shap[:-1].T, strict=False))
        parts |= {name: inputs[name].to_numpy(dtype=np.float64) for name in EVIDENCE}
        base = self.prior_ + float(shap[-1, -1])
        return base, pd.DataFrame(parts, index=inputs.index)[[*inputs.columns]]

    def _margins(self, inputs: pd.DataFrame, stages: tuple[int, ...]) -> Floats:
        """Return the log-odds after each number of rounds, shape (stages, n)."""
        from xgboost import DMatrix

        if not len(inputs):
            return np.zeros((len(stages), 0))
        margin = self.prior_ + _offset(inputs)
        rows = DMatrix(self.encoding_.matrix(inputs), base_margin=margin, nthread=1)
        found = [
            self.booster_.predict(rows, output_margin=True, iteration_range=(0, rounds))
            for rounds in stages
        ]
        return np.asarray(found, dtype=np.float64)

    def _settings(self) -> dict[str, Any]:
        return {
            **(self.settings or {}),
            "objective": "binary:logistic",
            "base_score": 0.5,
            "tree_method": "hist",
            "max_bin": MAXIMUM_BINS,
            "monotone_constraints": f"({','.join(map(str, signs()))})",
            "nthread": 1,
            "seed": self.seed,
        }


def _offset(inputs: pd.DataFrame) -> Floats:
    """Return the evidence of all panels together, shape (n,), in log-odds."""
    evidence: Floats = inputs[[*EVIDENCE]].to_numpy(dtype=np.float64).sum(axis=1)
    return evidence
