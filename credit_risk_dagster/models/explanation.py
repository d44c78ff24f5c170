"""Why a score is what it is: the contribution of every feature, in log-odds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.contract.features import FEATURES
from credit_risk_dagster.tables.inference import REASON_COUNT

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Explanation:
    """Contributions that add up: base + the sum of a row = the log-odds of its score.

    `contributions` has a row per loan (the index of what was explained) and the columns FEATURES;
    `reasons` and `reason_contributions`, both (n, count), are those of `top_reasons`.
    """

    base: float
    contributions: pd.DataFrame
    reasons: Names
    reason_contributions: Floats


def explain(pipeline: "Pipeline", frame: pd.DataFrame, count: int = REASON_COUNT) -> Explanation:
    """Explain the score of every row of `frame`, which is as for `score`.

    The base is the log-odds of a reference loan. For logistic regression it has the training mean
    of every feature (of a category, the training frequencies), and a contribution is coefficient
    times departure from it. For XGBoost it is the mean prediction of the trees over the training
    loans, and contributions are TreeSHAP (Lundberg et al., Nature Machine Intelligence 2, 2020).
    What one-hot encoding made of a feature is summed back into it.
    """
    inputs = pipeline[:-1].transform(frame) if len(frame) else np.empty((0, _width(pipeline)))
    base, by_column = _contributions(pipeline["classifier"], inputs)
    by_feature = by_column @ _ownership(pipeline)
    contributions = pd.DataFrame(by_feature, index=frame.index, columns=[*FEATURES])
    return Explanation(base, contributions, *top_reasons(contributions, count))


def top_reasons(contributions: pd.DataFrame, count: int = REASON_COUNT) -> tuple[Names, Floats]:
    """Return, per row, the features that raise the probability of default most, strongest first.

    Both results have shape (n, count): names, None where fewer contribute above 0, and their
    contributions, NaN there. Equal contributions keep the order of the columns.
    """
    values = contributions.to_numpy(dtype=np.float64)
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    strongest = np.take_along_axis(values, order, axis=1)
    raises = strongest > 0
    names = np.asarray(contributions.columns, dtype=object)[order]
    names[~raises] = None
    return names, np.where(raises, strongest, np.nan)


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
        if name == "remainder" or not features:
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
