"""Every figure about scores whose outcome is known, under the names used everywhere."""

import numpy as np
import numpy.typing as npt

from credit_risk_dagster.models.calibration import BandCalibration, by_band, calibration
from credit_risk_dagster.models.classification import classification
from credit_risk_dagster.models.discrimination import discrimination
from credit_risk_dagster.models.metric import Metric
from credit_risk_dagster.models.scored_sample import scored_sample

__all__ = ["METRIC_NAMES", "BandCalibration", "Metric", "by_band", "evaluate"]

METRIC_NAMES = (
    "auc",
    "gini",
    "ks_discrimination",
    "accuracy",
    "precision",
    "recall",
    "f1",
    "brier",
    "observed_default_rate",
    "expected_default_rate",
    "observed_expected_ratio",
    "calibration_slope",
    "calibration_intercept",
)


def evaluate(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, threshold: float = 0.5, seed: int = 0
) -> dict[str, Metric]:
    """Return every metric by its name, in the order of `METRIC_NAMES`, with 95 % intervals.

    `labels` (n,) holds 1 for a default and 0 otherwise, `probabilities` (n,) the predicted
    probabilities of default; a probability at `threshold` or above counts as predicted bad.
    A figure that the sample does not define is None: all of them without rows, auc, gini and
    ks_discrimination where one class is missing. The seed fixes the two bootstrapped intervals.

    Raises:
        ValueError: as `scored_sample`.
    """
    sample = scored_sample(labels, probabilities)
    generator = np.random.default_rng(seed)
    metrics = [
        *discrimination(sample, generator),
        *classification(sample, threshold, generator),
        *calibration(sample),
    ]
    return {metric.name: metric for metric in metrics}
