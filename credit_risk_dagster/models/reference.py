"""What the model saw in training, kept so that drift can be measured against it."""

import pandas as pd

from credit_risk_dagster.models.earlier_models import watched_by
from credit_risk_dagster.models.scoring import Model


def model_inputs(model: Model, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns FEATURES as drift is to be watched, missing values visible.

    Means of panels are z-values, which do not grow with the months behind them; of a model of a
    release before they are shrunk means. Of the training rows this is the reference of every
    feature's stability index, of a month's applicants what is compared with it. The index is kept.

    Raises:
        ModelError: if a column that the model reads is missing.
    """
    if hasattr(model, "evidence_"):
        inputs: pd.DataFrame = model.evidence_.watched(frame)
        return inputs
    return watched_by(model, frame)
