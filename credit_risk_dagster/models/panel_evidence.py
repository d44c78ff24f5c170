"""What a model reads of an applicant: features as they are, and the evidence of each panel."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from sklearn.base import BaseEstimator

from credit_risk_dagster.contract.features import (
    CATEGORICAL_FEATURES,
    EVIDENCE,
    FEATURES,
    MODEL_INPUTS,
    MONTHS_BEHIND,
    NUMERIC_FEATURES,
    PANEL_MEANS,
    READING_COUNTS,
    READING_SQUARES,
    SCORED_CATEGORIES,
    SCORED_NUMBERS,
    SCORED_PANELS,
)
from credit_risk_dagster.contract.lender import months_of
from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.evidence import (
    EvidenceParameters,
    Panels,
    evidence,
    learn_evidence,
    standardised_means,
)
from credit_risk_dagster.models.log_odds import log_odds_of, logistic

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

PARTS = 5
"""Parts of the training loans: each is given evidence by parameters learned from the others."""

RIDGE = 0.01
"""Penalty of the coefficients of evidence: it only decides where a panel tells nothing."""

_PANEL_OF = np.array([list(MONTHS_BEHIND.values())], dtype=object).reshape(-1)


class PanelEvidence(BaseEstimator):  # type: ignore[misc]
    """Replace the readings of each panel by their evidence, times one coefficient a panel.

    The coefficients come from a logistic regression of the label on the panels' evidence, each
    training loan's by parameters learned from the four other fifths: what is learned from a loan
    tells more of that loan than of any other.
    """

    def fit(self, frame: pd.DataFrame, labels: Labels) -> Floats:
        """Learn from training loans; return their evidence by others, (n, panels), in log-odds.

        Raises:
            ModelError: if a column that the model reads is missing.
        """
        panels = panels_of(frame)
        self._keep(learn_evidence(panels, labels))
        by_others = np.zeros((len(frame), len(SCORED_PANELS)))
        parts = np.arange(len(frame)) % PARTS
        for part in range(PARTS):
            own = parts == part
            if labels[~own].size and own.any():
                learned = learn_evidence(panels.of(~own), labels[~own])
                by_others[own] = _by_panel(evidence(panels.of(own), learned))
        self.coefficients_ = _coefficients(by_others, labels)
        scaled: Floats = by_others * self.coefficients_
        return scaled

    def evidence(self, frame: pd.DataFrame) -> Floats:
        """Return the evidence of each panel, shape (n, panels), in log-odds.

        Raises:
            ModelError: if a column that the model reads is missing.
        """
        scaled: Floats = _by_panel(evidence(panels_of(frame), self._learned()))
        return scaled * self.coefficients_

    def watched(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the columns FEATURES as drift is to be watched: means of panels as z-values."""
        learned = self._learned()
        share = learned.share_default
        centre = share * learned.mean_default + (1 - share) * learned.mean_other
        z = standardised_means(panels_of(frame), centre, learned.variance)
        parts = (
            frame[[*NUMERIC_FEATURES]].astype(np.float64),
            pd.DataFrame(z, index=frame.index, columns=[*PANEL_MEANS]),
            _texts(frame, CATEGORICAL_FEATURES),
        )
        return pd.concat(parts, axis=1)[[*FEATURES]]

    def _keep(self, learned: EvidenceParameters) -> None:
        for name, values in vars(learned).items():
            setattr(self, f"{name}_", values)

    def _learned(self) -> EvidenceParameters:
        names = EvidenceParameters.__dataclass_fields__
        return EvidenceParameters(**{name: getattr(self, f"{name}_") for name in names})


def with_evidence(frame: pd.DataFrame, by_panel: Floats) -> pd.DataFrame:
    """Return what a candidate reads: features that are scored, and the evidence of each panel."""
    return pd.concat(
        (
            frame[[*SCORED_NUMBERS]].astype(np.float64),
            _texts(frame, SCORED_CATEGORIES),
            pd.DataFrame(by_panel, index=frame.index, columns=[*EVIDENCE]),
        ),
        axis=1,
    )


def in_the_dark(inputs: pd.DataFrame) -> pd.DataFrame:
    """Return what a candidate would read if no panel had a reading: no evidence."""
    return inputs.assign(**dict.fromkeys(EVIDENCE, 0.0))


def panels_of(frame: pd.DataFrame) -> Panels:
    """Return the readings behind the applicants of a table of features.

    Raises:
        ModelError: if a column that the model reads is missing.
    """
    missing = [name for name in MODEL_INPUTS if name not in frame.columns]
    if missing:
        raise ModelError(
            f"the model reads columns that this table lacks: {', '.join(missing)}. "
            "Materialize gold features again with the code version of the model."
        )
    counts, means, squares = (
        frame[[*names]].to_numpy(dtype=np.float64)
        for names in (READING_COUNTS, PANEL_MEANS, READING_SQUARES)
    )
    return Panels(counts, means, squares)


def _by_panel(of_readings: Floats) -> Floats:
    """Add the evidence (n, readings) of each panel's readings, shape (n, panels)."""
    if not SCORED_PANELS:
        return np.zeros((len(of_readings), 0))
    return np.column_stack(
        [of_readings[:, months_of(panel) == _PANEL_OF].sum(axis=1) for panel in SCORED_PANELS]
    )


def _coefficients(by_panel: Floats, labels: Labels) -> Floats:
    """Return the non-negative coefficient of each panel, shape (panels,)."""
    panels = by_panel.shape[1]
    if panels == 0:
        return np.zeros(0)

    def loss(values: Floats) -> tuple[float, Floats]:
        coefficients, intercept = values[:-1], values[-1]
        predictor = by_panel @ coefficients + intercept
        residual = logistic(predictor) - labels
        penalty = RIDGE * float(coefficients @ coefficients) / 2
        gradient = np.append(by_panel.T @ residual + RIDGE * coefficients, residual.sum())
        return float((np.logaddexp(0, predictor) - labels * predictor).sum()) + penalty, gradient

    start = np.append(np.ones(panels), log_odds_of(labels.mean()))
    bounds = [(0.0, None)] * panels + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    coefficients: Floats = np.asarray(found.x[:-1], dtype=np.float64)
    return coefficients


def _texts(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """Return columns of text, missing as None."""
    text = frame[[*names]].to_numpy(dtype=object, copy=True)
    text[pd.isna(text)] = None
    return pd.DataFrame(text, index=frame.index, columns=[*names])
