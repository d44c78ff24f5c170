"""Probabilities of default from a fitted model."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Floats = npt.NDArray[np.float64]


def score(pipeline: "Pipeline", frame: pd.DataFrame) -> Floats:
    """Return the probability of default of each row, shape (n,); empty for no rows.

    `frame` has the columns FEATURES and CLICKSTREAM_MONTHS, in any order, others ignored.

    Raises:
        ModelError: if one of these columns is missing.
    """
    if frame.empty:
        return np.empty(0, dtype=np.float64)
    return np.asarray(pipeline.predict_proba(frame)[:, 1], dtype=np.float64)
