"""What the model saw in training, kept so that drift can be measured against it."""

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def model_inputs(pipeline: "Pipeline", frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns FEATURES as the model reads them: shrunk, not yet imputed.

    Of the training rows this is the reference of every feature's stability index, of a month's
    applicants what is compared with it; missing values stay visible. The index is kept.

    Raises:
        ModelError: if a column that the model reads is missing.
    """
    inputs: pd.DataFrame = pipeline["shrinkage"].transform(frame)
    return inputs
