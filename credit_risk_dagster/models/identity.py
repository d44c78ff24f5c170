"""What makes two models the same model: training rows, settings, code and learned numbers."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.base import BaseEstimator

from credit_risk_dagster.contract.features import (
    CATEGORICAL_FEATURES,
    LABEL,
    NUMERIC_FEATURES,
    PANEL_MEANS,
    PANEL_MONTHS,
    READING_COUNTS,
    READING_SQUARES,
)
from credit_risk_dagster.datamart.content_hash import content_hash
from credit_risk_dagster.models.split import TrainingWindow
from credit_risk_dagster.models.training_rows import COHORT, LOAN_ID, in_order

ID_DIGITS = 12

TRAINING_ROWS_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in (LOAN_ID, COHORT)),
        (LABEL, pa.int64()),
        *((name, pa.float64()) for name in (*NUMERIC_FEATURES, *PANEL_MEANS, *READING_SQUARES)),
        *((name, pa.int64()) for name in (*PANEL_MONTHS, *READING_COUNTS)),
        *((name, pa.string()) for name in CATEGORICAL_FEATURES),
    ]
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
    candidate: str,
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


def learned_numbers_hash(model: BaseEstimator) -> str:
    """Return the SHA-256 of everything a fitted model learned and was told, to the last bit.

    Numbers are not rounded: a model that differs in any digit is another model.
    """
    digest = hashlib.sha256()
    for name, value in _learned("", model):
        digest.update(f"{len(name)}:{name}:{len(value)}:".encode())
        digest.update(value)
    return digest.hexdigest()


def model_id(month: str, candidate: str, training_key: str, learned_hash: str) -> str:
    """Return a name such as `2024-09-xgboost-1a2b3c4d5e6f`."""
    digest = hashlib.sha256(f"{training_key}:{learned_hash}".encode()).hexdigest()
    return f"{month[:7]}-{candidate}-{digest[:ID_DIGITS]}"


def _learned(path: str, value: Any) -> Iterator[tuple[str, bytes]]:
    """Walk what estimators, lists and mappings hold, each name in order."""
    if hasattr(value, "save_raw"):
        yield path, bytes(value.save_raw("ubj"))
    elif isinstance(value, BaseEstimator):
        for name in sorted(vars(value)):
            if not name.startswith("_"):
                yield from _learned(f"{path}.{name}", vars(value)[name])
    elif isinstance(value, Mapping):
        for name in sorted(value):
            yield from _learned(f"{path}[{name}]", value[name])
    elif isinstance(value, list | tuple):
        yield path, f"{len(value)}".encode()
        for number, one in enumerate(value):
            yield from _learned(f"{path}[{number}]", one)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield path, f"{value.dtype.str}{value.shape}".encode() + value.tobytes()
    elif isinstance(value, np.ndarray):
        yield from _learned(path, value.tolist())
    else:
        yield path, repr(value).encode()
