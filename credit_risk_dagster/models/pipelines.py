"""The pipeline of a candidate: shrinkage, preprocessing, classifier."""

from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from credit_risk_dagster.contract.candidates import CandidateName
from credit_risk_dagster.contract.features import (
    CATEGORICAL_FEATURES,
    FLAGS,
    NUMERIC_FEATURES,
    PANEL_MEANS,
)
from credit_risk_dagster.models.candidates import Parameters
from credit_risk_dagster.models.shrinkage import PanelShrinkage
from credit_risk_dagster.models.winsorizing import Winsorizer

AMOUNTS = tuple(name for name in NUMERIC_FEATURES if name not in FLAGS)
PANELS = "panels"
"""The block of preprocessing that reads what shrinkage changes."""

MAXIMUM_ITERATIONS = 1000
# On a few thousand loans 64 bins rank as well as XGBoost's 256, in two thirds of the time.
MAXIMUM_BINS = 64


def build_pipeline(candidate: CandidateName, parameters: Parameters, seed: int) -> Pipeline:
    """Return a candidate's unfitted pipeline: shrinkage, preprocessing, classifier.

    It is fitted on frames with the columns MODEL_INPUTS; whatever it learns,
    it learns from them. Each fit runs on one thread and repeats exactly.
    """
    learnable = dict(parameters)
    shrinkage = PanelShrinkage(prior_months=learnable.pop("prior_months"))
    if candidate == "logistic_regression":
        preprocessing = _scaled_preprocessing()
        classifier: Any = LogisticRegression(
            **learnable, solver="lbfgs", max_iter=MAXIMUM_ITERATIONS, random_state=seed
        )
    else:
        from xgboost import XGBClassifier

        preprocessing = _unscaled_preprocessing()
        classifier = XGBClassifier(
            **learnable, tree_method="hist", max_bin=MAXIMUM_BINS, n_jobs=1, random_state=seed
        )
    steps = [
        ("shrinkage", shrinkage),
        ("preprocessing", preprocessing),
        ("classifier", classifier),
    ]
    return Pipeline(steps)


def _scaled_preprocessing() -> ColumnTransformer:
    """Every column to mean 0 in training, so that coefficients weigh departures from the mean."""
    amounts = [
        ("imputation", _median()),
        ("winsorizing", Winsorizer()),
        ("scaling", StandardScaler()),
    ]
    centring = ("scaling", StandardScaler(with_std=False))
    return ColumnTransformer(
        [
            ("amounts", Pipeline(amounts), [*AMOUNTS]),
            ("flags", Pipeline(_unbounded()), [*FLAGS]),
            (PANELS, Pipeline(_unbounded()), [*PANEL_MEANS]),
            ("categories", Pipeline([*_one_hot(), centring]), [*CATEGORICAL_FEATURES]),
        ],
        sparse_threshold=0,
    )


def _unscaled_preprocessing() -> ColumnTransformer:
    """Missing values are imputed for trees as well.

    A tree that saw no missing value of a feature sends one down an arbitrary branch: scores would
    jump the month that a source goes dark.
    """
    return ColumnTransformer(
        [
            ("numbers", Pipeline([("imputation", _median())]), [*NUMERIC_FEATURES]),
            (PANELS, Pipeline([("imputation", _median())]), [*PANEL_MEANS]),
            ("categories", Pipeline(_one_hot()), [*CATEGORICAL_FEATURES]),
        ],
        sparse_threshold=0,
    )


def _unbounded() -> list[tuple[str, Any]]:
    return [("imputation", _median()), ("scaling", StandardScaler())]


def _median() -> SimpleImputer:
    return SimpleImputer(strategy="median", keep_empty_features=True)


def _one_hot() -> list[tuple[str, Any]]:
    mode = SimpleImputer(missing_values=None, strategy="most_frequent", keep_empty_features=True)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return [("imputation", mode), ("encoding", encoder)]
