"""Whether predicted probabilities match observed default rates, overall and by score band."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.models.metric import (
    NO_INTERVAL,
    Metric,
    Z,
    normal_interval,
    proportion,
    undefined,
    wilson_interval,
)
from credit_risk_dagster.models.recalibration import recalibration
from credit_risk_dagster.models.scored_sample import Floats, ScoredSample, scored_sample


@dataclass(frozen=True)
class BandCalibration:
    """Observed (with its Wilson interval) and expected default rate of one score band."""

    band: str
    sample_size: int
    observed_default_rate: float
    lower: float
    upper: float
    expected_default_rate: float


def calibration(sample: ScoredSample) -> list[Metric]:
    """Return brier, observed and expected default rate, their ratio, slope and intercept.

    Source:
        Brier (1950); ratio: Debray et al. (2017), BMJ 356, i6460; slope and intercept: Cox (1958).
    """
    squared_errors = (sample.probabilities - sample.is_bad) ** 2
    return [
        _mean("brier", squared_errors),
        proportion("observed_default_rate", sample.bads, sample.size),
        _mean("expected_default_rate", sample.probabilities),
        _observed_expected_ratio(sample),
        *recalibration(sample),
    ]


def by_band(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, bands: Sequence[str] | pd.Series
) -> list[BandCalibration]:
    """Return the calibration of each score band that has loans, in the order of their labels.

    `bands` holds the label of each loan's band, row by row.

    Raises:
        ValueError: as `scored_sample`, or if a loan has no band.
    """
    sample = scored_sample(labels, probabilities)
    codes, names = pd.factorize(pd.Series(bands, dtype=object), sort=True)
    if codes.size != sample.size:
        raise ValueError(f"bands has {codes.size} rows, labels {sample.size}: give one a loan")
    if (codes < 0).any():
        raise ValueError(f"bands has no band for the loan in row {int(np.argmax(codes < 0))}")
    return [_one_band(str(name), sample, codes == code) for code, name in enumerate(names)]


def _one_band(name: str, sample: ScoredSample, inside: npt.NDArray[np.bool_]) -> BandCalibration:
    size, bads = int(inside.sum()), int(sample.is_bad[inside].sum())
    expected = float(sample.probabilities[inside].mean())
    return BandCalibration(name, size, bads / size, *wilson_interval(bads, size), expected)


def _mean(name: str, values: Floats) -> Metric:
    if values.size == 0:
        return undefined(name, 0)
    value = float(values.mean())
    if values.size == 1 or np.ptp(values) == 0:
        return Metric(name, value, *NO_INTERVAL, values.size)
    error = float(np.std(values, ddof=1)) / sqrt(values.size)
    return Metric(name, value, *normal_interval(value, error, 0, 1), values.size)


def _observed_expected_ratio(sample: ScoredSample) -> Metric:
    name = "observed_expected_ratio"
    expected = float(sample.probabilities.sum())
    if expected == 0:
        return undefined(name, sample.size)
    ratio = sample.bads / expected
    if sample.bads == 0 or sample.goods == 0:
        return Metric(name, ratio, *NO_INTERVAL, sample.size)
    log_error = sqrt(1 / sample.bads - 1 / sample.size)
    factor = exp(Z * log_error)
    return Metric(name, ratio, ratio / factor, ratio * factor, sample.size)
