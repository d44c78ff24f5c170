"""What makes two models the same model: training rows, settings, code and learned numbers."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from credit_risk_dagster.contract.candidates import CandidateName
from credit_risk_dagster.contract.features import (
    CATEGORICAL_FEATURES,
    LABEL,
    NUMERIC_FEATURES,
    PANEL_MEANS,
    PANEL_MONTHS,
)
from credit_risk_dagster.datamart.content_hash import content_hash
from credit_risk_dagster.models.split import TrainingWindow
from credit_risk_dagster.models.training_rows import COHORT, LOAN_ID, in_order

ID_DIGITS = 12

TRAINING_ROWS_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in (LOAN_ID, COHORT)),
        (LABEL, pa.int64()),
        *((name, pa.float64()) for name in (*NUMERIC_FEATURES, *PANEL_MEANS)),
        *((name, pa.int64()) for name in PANEL_MONTHS),
        *((name, pa.string()) for name in CATEGORICAL_FEATURES),
    ]
)

_LEARNED_ATTRIBUTES = (
    "training_means_",
    "statistics_",
    "lower_",
    "upper_",
    "mean_",
    "scale_",
    "categories_",
    "coef_",
    "intercept_",
)


def training_rows_hash(frame: pd.DataFrame) -> str:
    """Return the content hash of what a model can learn from, in order of cohort and loan.

    Raises:
        ModelError: if a loan occurs twice.
    """
    rows = in_order(frame)[TRAINING_ROWS_SCHEMA.names]
    table = pa.Table.from_pandas(rows, schema=TRAINING_ROWS_SCHEMA, preserve_index=False)
    return content_hash(table)


def training_key(
    rows_hash: str,
    settings: Mapping[str, Any],
    seed: int,
    candidate: CandidateName,
    window: TrainingWindow,
    definition: str,
) -> str:
    """Return the SHA-256 of all that decides a training before it starts.

    `settings` are those that training reads, as values that JSON can hold; `definition` is the
    version of what trains.
    """
    decided = {
        "candidate": candidate,
        "definition": definition,
        "rows": rows_hash,
        "seed": seed,
        "settings": dict(settings),
        "window": asdict(window),
    }
    return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()


def learned_numbers_hash(pipeline: Pipeline) -> str:
    """Return the SHA-256 of everything a fitted pipeline learned, to the last bit.

    Statistics of shrinkage and preprocessing, with coefficients and intercept or the booster's
    bytes. Not rounded: a model that differs in any digit is another model.
    """
    digest = hashlib.sha256()
    for name, value in _learned(pipeline):
        digest.update(f"{len(name)}:{name}:{len(value)}:".encode())
        digest.update(value)
    return digest.hexdigest()


def model_id(month: str, candidate: CandidateName, training_key: str, learned_hash: str) -> str:
    """Return a name such as `2024-09-xgboost-1a2b3c4d5e6f`."""
    digest = hashlib.sha256(f"{training_key}:{learned_hash}".encode()).hexdigest()
    return f"{month[:7]}-{candidate}-{digest[:ID_DIGITS]}"


def _learned(pipeline: Pipeline) -> Iterator[tuple[str, bytes]]:
    yield "shrinkage.prior_months", _bytes_of(pipeline["shrinkage"].prior_months)
    for path, estimator in _estimators("", pipeline):
        for attribute in _LEARNED_ATTRIBUTES:
            # XGBClassifier offers coef_ too, and raises where its booster holds trees.
            if attribute in vars(estimator):
                yield f"{path}.{attribute}", _bytes_of(getattr(estimator, attribute))
    classifier = pipeline["classifier"]
    if hasattr(classifier, "get_booster"):
        yield "booster", bytes(classifier.get_booster().save_raw("ubj"))


def _estimators(path: str, estimator: Any) -> Iterator[tuple[str, Any]]:
    """Walk the fitted steps of pipelines and the blocks of column transformers, in order."""
    if isinstance(estimator, Pipeline):
        parts = estimator.steps
    elif isinstance(estimator, ColumnTransformer):
        parts = [(name, block) for name, block, _ in estimator.transformers_]
    else:
        yield path, estimator
        return
    for name, part in parts:
        yield from _estimators(f"{path}.{name}", part)


def _bytes_of(value: Any) -> bytes:
    """Return numbers as little-endian doubles behind their shape, text as JSON."""
    if isinstance(value, list):
        return b"".join(_bytes_of(part) for part in value)
    array: npt.NDArray[Any] = np.asarray(value)
    if array.dtype == object:
        return json.dumps(array.tolist()).encode()
    return json.dumps(array.shape).encode() + array.astype("<f8").tobytes()
