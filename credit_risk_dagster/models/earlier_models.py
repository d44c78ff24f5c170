"""Models of releases before, which score on: pipelines of shrinkage, preprocessing, classifier.

What it says is said in the words of today: contributions by input, inputs as drift sees them.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.contract.features import FEATURES

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Floats = npt.NDArray[np.float64]

STEPS = ("shrinkage", "preprocessing", "classifier")


def watched_by(pipeline: "Pipeline", frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns FEATURES as the model reads them: shrunk, not yet imputed."""
    inputs: pd.DataFrame = pipeline["shrinkage"].transform(frame)
    return inputs


def contributions_of(pipeline: "Pipeline", frame: pd.DataFrame) -> tuple[float, pd.DataFrame]:
    """Return a base and what each of FEATURES adds: together the log-odds of every loan.

    For logistic regression coefficient times departure from the training mean; for XGBoost
    TreeSHAP (Lundberg et al., Nature Machine Intelligence 2, 2020). What one-hot encoding made of
    a feature is summed back into it.
    """
    inputs = pipeline[:-1].transform(frame) if len(frame) else np.empty((0, _width(pipeline)))
    base, by_column = _contributions(pipeline["classifier"], inputs)
    by_feature = by_column @ _ownership(pipeline)
    return base, pd.DataFrame(by_feature, index=frame.index, columns=[*FEATURES])


def _contributions(classifier: Any, inputs: Floats) -> tuple[float, Floats]:
    """Return the base and the contributions (n, columns) of preprocessed inputs."""
    if not hasattr(classifier, "get_booster"):
        return float(classifier.intercept_[0]), inputs * classifier.coef_[0]
    from xgboost import DMatrix

    # One more row gives the base, which is the same for all, also where there are no loans.
    rows = DMatrix(np.vstack([inputs, np.zeros((1, inputs.shape[1]))]), nthread=1)
    shap = classifier.get_booster().predict(rows, pred_contribs=True).astype(np.float64)
    return float(shap[-1, -1]), shap[:-1, :-1]


def _ownership(pipeline: "Pipeline") -> Floats:
    """Return the matrix (columns, features) with 1 where a column was made of a feature."""
    preprocessing = pipeline["preprocessing"]
    owners = np.zeros((_width(pipeline), len(FEATURES)))
    for name, block, features in preprocessing.transformers_:
        if name == "remainder":
            continue
        encoding = block.named_steps.get("encoding")
        made = [1] * len(features) if encoding is None else [len(c) for c in encoding.categories_]
        positions = np.repeat([FEATURES.index(feature) for feature in features], made)
        columns = np.arange(owners.shape[0])[preprocessing.output_indices_[name]]
        owners[columns, positions] = 1.0
    return owners


def _width(pipeline: "Pipeline") -> int:
    """Return the number of columns that the classifier reads."""
    return int(pipeline["classifier"].n_features_in_)
