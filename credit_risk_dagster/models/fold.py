"""A fold of the tuning: what candidates read in it, made once for all trials."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.contract.features import EVIDENCE
from credit_risk_dagster.models.candidates.interface import Estimator
from credit_risk_dagster.models.delong import Placements, placements
from credit_risk_dagster.models.panel_evidence import PanelEvidence, in_the_dark, with_evidence
from credit_risk_dagster.models.scored_sample import scored_sample
from credit_risk_dagster.models.training_rows import Labels, labels_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fold:
    """The inputs of a fold; those of validation as they are and, if there is one, without panel."""

    train: pd.DataFrame
    train_labels: Labels
    validation: tuple[pd.DataFrame, ...]
    validation_labels: Labels


def prepare_fold(train: pd.DataFrame, validation: pd.DataFrame) -> Fold:
    """Return the inputs of a fold: evidence is learned from its training rows alone."""
    learned = PanelEvidence()
    by_others = learned.fit(train, labels_of(train))
    seen = with_evidence(validation, learned.evidence(validation))
    return Fold(
        train=with_evidence(train, by_others),
        train_labels=labels_of(train),
        validation=(seen, in_the_dark(seen)) if EVIDENCE else (seen,),
        validation_labels=labels_of(validation),
    )


def fold_log_odds(fold: Fold, estimator: Estimator) -> Floats:
    """Return the log-odds of the validation rows, (stages, copies, n), of the fitted estimator."""
    estimator.fit(fold.train, fold.train_labels)
    staged = getattr(estimator, "staged_log_odds", None)
    copies = [
        staged(copy) if staged is not None else estimator.log_odds(copy)[None, :]
        for copy in fold.validation
    ]
    return np.stack(copies, axis=1)


def fold_placements(fold: Fold, log_odds: Floats) -> Placements:
    """Return the placements of the validation rows, the mean of their copies (copies, n).

    Their mean is the mean of the AUCs with and without the panels: a model is to rank both.
    """
    placed = [placements(scored_sample(fold.validation_labels, _ranked(one))) for one in log_odds]
    return Placements(
        np.mean([one.of_bads for one in placed], axis=0),
        np.mean([one.of_goods for one in placed], axis=0),
    )


def fold_losses(fold: Fold, log_odds: Floats) -> Floats:
    """Return the log loss of each validation row, (n,), the mean of its copies (copies, n)."""
    losses: Floats = (np.logaddexp(0, log_odds) - fold.validation_labels * log_odds).mean(axis=0)
    return losses


def _ranked(log_odds: Floats) -> Floats:
    """Return numbers between 0 and 1 in the order of log-odds, equal where they are equal."""
    _, places = np.unique(log_odds, return_inverse=True)
    ranked: Floats = (places + 1) / (places.max() + 2)
    return ranked
