"""What a classifier reads in a fold of the tuning, made once for all trials but for shrinkage."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from credit_risk_dagster.contract.candidates import CandidateName
from credit_risk_dagster.contract.features import PANEL_MEANS
from credit_risk_dagster.models.candidates import DEFAULT_PARAMETERS, Parameters
from credit_risk_dagster.models.pipelines import PANELS, build_pipeline
from credit_risk_dagster.models.shrinkage import PanelShrinkage
from credit_risk_dagster.models.training_rows import Labels, labels_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fold:
    """The rows of a fold and, preprocessed with the default parameters, their matrices.

    Only the columns `panels` of the matrices depend on a parameter, `prior_months`, and
    `block` is the unfitted preprocessing of these columns. Every trial writes them anew, in place:
    a fold serves one trial at a time.
    """

    candidate: CandidateName
    seed: int
    train: pd.DataFrame
    validation: pd.DataFrame
    train_inputs: Floats
    validation_inputs: Floats
    train_labels: Labels
    validation_labels: Labels
    panels: slice
    block: Any


def prepare_fold(
    candidate: CandidateName, seed: int, train: pd.DataFrame, validation: pd.DataFrame
) -> Fold:
    """Preprocess the rows of a fold, which are as for the pipeline of the candidate."""
    before = build_pipeline(candidate, DEFAULT_PARAMETERS[candidate], seed)[:-1]
    train_inputs = before.fit_transform(train)
    preprocessing = before["preprocessing"]
    return Fold(
        candidate=candidate,
        seed=seed,
        train=train,
        validation=validation,
        train_inputs=np.ascontiguousarray(train_inputs),
        validation_inputs=np.ascontiguousarray(before.transform(validation)),
        train_labels=labels_of(train),
        validation_labels=labels_of(validation),
        panels=preprocessing.output_indices_[PANELS],
        block=clone(preprocessing.named_transformers_[PANELS]),
    )


def fold_auc(fold: Fold, parameters: Parameters) -> float:
    """Return the AUC on the validation rows of the pipeline that is fitted on the training rows."""
    if PANEL_MEANS:
        _shrink_anew(fold, parameters)
    classifier = build_pipeline(fold.candidate, parameters, fold.seed)["classifier"]
    classifier.fit(fold.train_inputs, fold.train_labels)
    probabilities = classifier.predict_proba(fold.validation_inputs)[:, 1]
    return float(roc_auc_score(fold.validation_labels, probabilities))


def _shrink_anew(fold: Fold, parameters: Parameters) -> None:
    """Write the columns of panels, of which a contract may have none, as shrunk by parameters."""
    shrinkage = PanelShrinkage(prior_months=parameters["prior_months"]).fit(fold.train)
    block = clone(fold.block)
    fold.train_inputs[:, fold.panels] = block.fit_transform(shrinkage.shrink(fold.train))
    fold.validation_inputs[:, fold.panels] = block.transform(shrinkage.shrink(fold.validation))
