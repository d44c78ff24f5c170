"""The candidates of every training: what each is made of and what is tuned."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from credit_risk_dagster.features import (
    CATEGORICAL_FEATURES,
    CLICKSTREAM_MEANS,
    LOAN_TYPE_COLUMNS,
    NUMERIC_FEATURES,
)
from credit_risk_dagster.models.shrinkage import ClickstreamShrinkage
from credit_risk_dagster.models.winsorizing import Winsorizer

if TYPE_CHECKING:
    from optuna.trial import Trial as OptunaTrial

CandidateName = Literal["logistic_regression", "xgboost"]
Parameters = Mapping[str, float | int]

CANDIDATES: tuple[CandidateName, ...] = ("logistic_regression", "xgboost")

DEFAULT_PARAMETERS: Mapping[CandidateName, Parameters] = MappingProxyType(
    {
        "logistic_regression": {"prior_months": 12.0, "C": 0.03},
        "xgboost": {
            "prior_months": 12.0,
            "n_estimators": 300,
            "learning_rate": 0.05,
            "max_depth": 3,
            "min_child_weight": 5.0,
            "subsample": 0.8,
            "colsample_bytree": 0.5,
            "reg_lambda": 5.0,
        },
    }
)
"""What tuning tries first."""

# With less prior a mean still visibly sharpens with every month, with more it visibly spreads:
# well outside this range the shrunk clickstream drifts (CSI above 0.25) though nothing happened.
PRIOR_MONTHS = (6.0, 18.0)

AMOUNTS = tuple(name for name in NUMERIC_FEATURES if name not in LOAN_TYPE_COLUMNS)
MAXIMUM_ITERATIONS = 1000
# On a few thousand loans 64 bins rank as well as XGBoost's 256, in two thirds of the time.
MAXIMUM_BINS = 64


def suggest_parameters(candidate: CandidateName, trial: "OptunaTrial") -> dict[str, float | int]:
    """Return what an Optuna trial proposes for a candidate.

    The ranges end before heavy regularisation: the folds, being shorter than the fit that is
    registered, would favour more of it than that fit needs.
    """
    parameters: dict[str, float | int] = {
        "prior_months": trial.suggest_float("prior_months", *PRIOR_MONTHS)
    }
    if candidate == "logistic_regression":
        parameters["C"] = trial.suggest_float("C", 0.01, 1.0, log=True)
        return parameters
    return parameters | {
        "n_estimators": trial.suggest_int("n_estimators", 200, 400, step=50),
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.1, log=True),
        "max_depth": trial.suggest_int("max_depth", 2, 4),
        "min_child_weight": trial.suggest_float("min_child_weight", 1.0, 10.0, log=True),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.25, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 1.0, 10.0, log=True),
    }


def build_pipeline(candidate: CandidateName, parameters: Parameters, seed: int) -> Pipeline:
    """Return a candidate's unfitted pipeline: shrinkage, preprocessing, classifier.

    It is fitted on frames with the columns FEATURES and CLICKSTREAM_MONTHS; whatever it learns,
    it learns from them. Each fit runs on one thread and repeats exactly.
    """
    learnable = dict(parameters)
    shrinkage = ClickstreamShrinkage(prior_months=learnable.pop("prior_months"))
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
    unbounded = [("imputation", _median()), ("scaling", StandardScaler())]
    centring = ("scaling", StandardScaler(with_std=False))
    return ColumnTransformer(
        [
            ("amounts", Pipeline(amounts), [*AMOUNTS]),
            ("others", Pipeline(unbounded), [*LOAN_TYPE_COLUMNS, *CLICKSTREAM_MEANS]),
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
            (
                "numbers",
                Pipeline([("imputation", _median())]),
                [*NUMERIC_FEATURES, *CLICKSTREAM_MEANS],
            ),
            ("categories", Pipeline(_one_hot()), [*CATEGORICAL_FEATURES]),
        ],
        sparse_threshold=0,
    )


def _median() -> SimpleImputer:
    return SimpleImputer(strategy="median", keep_empty_features=True)


def _one_hot() -> list[tuple[str, Any]]:
    mode = SimpleImputer(missing_values=None, strategy="most_frequent", keep_empty_features=True)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return [("imputation", mode), ("encoding", encoder)]
