"""A scorecard: a logistic regression on monotone steps, one matrix of two features, and evidence.

Every feature adds points by the interval that it lies in, and they may only rise or fall as the
contract demands. The points are those of a table that a person can read.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from sklearn.base import BaseEstimator

from credit_risk_dagster.contract.features import EVIDENCE
from credit_risk_dagster.models.log_odds import log_odds_of, logistic
from credit_risk_dagster.models.ordinal_inputs import COLUMNS, OrdinalInputs, signs
from credit_risk_dagster.models.step_columns import (
    StepColumn,
    codes_of,
    cuts_of,
    looked_up,
    step_column,
)
from credit_risk_dagster.models.two_way_matrix import TwoWayMatrix, strongest_matrix

if TYPE_CHECKING:
    from optuna.trial import Trial as OptunaTrial

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Parameters = Mapping[str, float | int]

DEFAULTS: Parameters = MappingProxyType({"step_penalty": 20.0, "matrix_penalty": 5.0})
SIMPLEST_FIRST = 0
STORED_TYPES = ("credit_risk_dagster.models.candidates.scorecard.Scorecard",)

EVIDENCE_PENALTY = 0.01
MATRIX_CANDIDATES = 5
"""The strongest features, whose pairs are tried for the matrix."""

MAXIMUM_ITERATIONS = 300


def suggest(trial: "OptunaTrial") -> Parameters:
    """Return what an Optuna trial proposes: from free steps to hardly any."""
    return {
        "step_penalty": trial.suggest_float("step_penalty", 0.3, 3000.0, log=True),
        "matrix_penalty": trial.suggest_float("matrix_penalty", 0.1, 1000.0, log=True),
    }


def complexity(parameters: Parameters) -> float:
    """Return the inverse of the penalties' geometric mean."""
    return float(1 / np.sqrt(parameters["step_penalty"] * parameters["matrix_penalty"]))


def estimator(parameters: Parameters, seed: int) -> "Scorecard":  # noqa: ARG001
    """Return an unfitted scorecard, in which nothing is random."""
    return Scorecard(**{name: float(value) for name, value in parameters.items()})


class Scorecard(BaseEstimator):  # type: ignore[misc]
    """Points by interval, cell of the matrix and evidence; a missing value adds nothing."""

    def __init__(self, step_penalty: float = 20.0, matrix_penalty: float = 5.0) -> None:
        self.step_penalty = step_penalty
        self.matrix_penalty = matrix_penalty

    def fit(self, inputs: pd.DataFrame, labels: Labels) -> Self:
        """Learn from n loans, seen once as they are and once without any panel."""
        self.encoding_ = OrdinalInputs().fit(inputs, labels)
        values = self.encoding_.matrix(inputs)
        evidence = inputs[[*EVIDENCE]].to_numpy(dtype=np.float64)
        self.cuts_ = [cuts_of(column) for column in values.T]
        columns = [step_column(*one) for one in zip(values.T, self.cuts_, strict=True)]
        rows = _Rows(columns, np.zeros((len(labels), 0)), evidence, labels)
        penalties = (self.step_penalty, self.matrix_penalty)
        fitted = _fitted(rows, penalties)
        matrix = self._matrix(rows, fitted, values)
        if matrix is not None:
            rows = _Rows(columns, matrix.lookup(values)[:, None], evidence, labels)
            fitted = _fitted(rows, penalties)
        self.points_ = [
            column.points(steps) for column, steps in zip(columns, fitted.steps, strict=True)
        ]
        self.evidence_coefficients_ = fitted.evidence
        self.intercept_ = fitted.intercept
        self._keep_matrix(matrix, fitted)
        return self

    def log_odds(self, inputs: pd.DataFrame) -> Floats:
        """Return the log-odds of default, shape (n,)."""
        base, parts = self.contributions(inputs)
        found: Floats = base + parts.to_numpy(dtype=np.float64).sum(axis=1)
        return found

    def contributions(self, inputs: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return the intercept and the points by input; the matrix's are shared by its two."""
        values = self.encoding_.matrix(inputs)
        added = np.column_stack(
            [
                looked_up(points, codes_of(column, cuts))
                for column, cuts, points in zip(values.T, self.cuts_, self.points_, strict=True)
            ]
            or [np.zeros((len(inputs), 0))]
        )
        if self.matrix_columns_:
            first, second = self.matrix_columns_
            matrix = TwoWayMatrix(
                (first, second),
                (self.matrix_cuts_[0], self.matrix_cuts_[1]),
                self.matrix_values_,
                (self.matrix_shares_[0], self.matrix_shares_[1]),
            )
            for column, half in zip((first, second), matrix.halves(), strict=True):
                added[:, column] += matrix.lookup(values, half)
        parts = dict(zip(COLUMNS, added.T, strict=True))
        evidence = zip(EVIDENCE, self.evidence_coefficients_, strict=True)
        parts |= {
            name: coefficient * inputs[name].to_numpy(dtype=np.float64)
            for name, coefficient in evidence
        }
        return self.intercept_, pd.DataFrame(parts, index=inputs.index)[[*inputs.columns]]

    def _matrix(self, rows: "_Rows", fitted: "_Fitted", values: Floats) -> TwoWayMatrix | None:
        """Return the matrix of two of the strongest features, if one adds what counts."""
        spread = [float(np.std(one)) for one in rows.by_column(fitted)]
        strongest = np.argsort(-np.array(spread), kind="stable")[:MATRIX_CANDIDATES]
        probability = logistic(rows.log_odds(fitted))
        return strongest_matrix(
            values,
            rows.labels,
            {int(one): rows.columns[one] for one in sorted(strongest)},
            residuals=(rows.labels - probability).mean(axis=0),
            weights=(probability * (1 - probability)).mean(axis=0),
            penalty=self.matrix_penalty,
            signs=signs(),
        )

    def _keep_matrix(self, matrix: TwoWayMatrix | None, fitted: "_Fitted") -> None:
        self.matrix_columns_ = [] if matrix is None else list(matrix.columns)
        self.matrix_cuts_ = [] if matrix is None else list(matrix.cuts)
        self.matrix_shares_ = [] if matrix is None else list(matrix.shares)
        self.matrix_values_ = (
            np.zeros((0, 0)) if matrix is None else fitted.matrix[0] * matrix.values
        )


class _Fitted:
    """Coefficients in one vector: steps of each column, matrix, evidence, intercept."""

    def __init__(self, values: Floats, rows: "_Rows") -> None:
        sizes = [column.shares.size for column in rows.columns]
        ends = np.cumsum([*sizes, rows.matrix.shape[1], rows.evidence.shape[1]])
        *self.steps, self.matrix, self.evidence, intercept = np.split(values, ends)
        self.intercept = float(intercept[0])


class _Rows:
    """Training loans, of which each counts half as it is and half without any panel."""

    def __init__(
        self, columns: list[StepColumn], matrix: Floats, evidence: Floats, labels: Labels
    ) -> None:
        self.columns = columns
        self.matrix = matrix
        self.evidence = evidence
        self.labels = labels

    def by_column(self, fitted: _Fitted) -> list[Floats]:
        """Return what each column adds to the log-odds of the loans."""
        return [
            looked_up(column.points(steps), column.codes)
            for column, steps in zip(self.columns, fitted.steps, strict=True)
        ]

    def log_odds(self, fitted: _Fitted) -> Floats:
        """Return the log-odds of both copies, shape (2, n)."""
        dark = fitted.intercept + self.matrix @ fitted.matrix
        for added in self.by_column(fitted):
            dark = dark + added
        return np.stack([dark + self.evidence @ fitted.evidence, dark])

    def loss(self, values: Floats, penalty: Floats) -> tuple[float, Floats]:
        """Return the penalised loss and its gradient."""
        log_odds = self.log_odds(_Fitted(values, self))
        misses = (logistic(log_odds) - self.labels) / 2
        both = misses.sum(axis=0)
        loss = (np.logaddexp(0, log_odds) - self.labels * log_odds).sum() / 2
        gradient = np.concatenate(
            [
                *(column.gradient(both) for column in self.columns),
                self.matrix.T @ both,
                self.evidence.T @ misses[0],
                [both.sum()],
            ]
        )
        return float(loss + penalty @ values**2 / 2), gradient + penalty * values


def _fitted(rows: _Rows, penalties: tuple[float, float]) -> _Fitted:
    """Minimise the penalised loss within the signs that the contract demands."""
    steps = [column.shares.size for column in rows.columns]
    matrices, panels = rows.matrix.shape[1], rows.evidence.shape[1]
    penalty = np.concatenate(
        [
            np.full(sum(steps), penalties[0]),
            np.full(matrices, penalties[1]),
            np.full(panels, EVIDENCE_PENALTY),
            [0.0],
        ]
    )
    ranges = {1: (0.0, None), -1: (None, 0.0), 0: (None, None)}
    bounds = [ranges[sign] for sign, size in zip(signs(), steps, strict=True) for _ in range(size)]
    bounds += [(0.0, None)] * (matrices + panels) + [(None, None)]
    start = np.concatenate(
        [
            np.zeros(sum(steps) + matrices),
            np.ones(panels),
            [float(log_odds_of(rows.labels.mean()))],
        ]
    )
    found = minimize(
        rows.loss,
        start,
        args=(penalty,),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": MAXIMUM_ITERATIONS},
    )
    return _Fitted(np.asarray(found.x, dtype=np.float64), rows)
