"""Probabilities of default from a fitted model."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.datamart.staged_rows import BATCH_ROWS

Floats = npt.NDArray[np.float64]

Model = Any
"""A `credit_model.CreditModel`, or a pipeline of a release before: what gives probabilities."""


def score(model: Model, frame: pd.DataFrame) -> Floats:
    """Return the probability of default of each row, shape (n,), scored 65,536 rows at a time.

    `frame` has the columns MODEL_INPUTS, in any order, others ignored.

    Raises:
        ModelError: if one of these columns is missing.
    """
    parts = [
        np.asarray(
            model.predict_proba(frame.iloc[start : start + BATCH_ROWS])[:, 1], dtype=np.float64
        )
        for start in range(0, len(frame), BATCH_ROWS)
    ]
    return np.concatenate([np.empty(0, dtype=np.float64), *parts])
