"""How well the decision at a threshold fits the outcome: accuracy, precision, recall, F1."""

import numpy as np

from credit_risk_dagster.models.metric import NO_INTERVAL, Metric, proportion, undefined
from credit_risk_dagster.models.scored_sample import Floats, ScoredSample

RESAMPLES = 2_000


def classification(
    sample: ScoredSample, threshold: float, generator: np.random.Generator
) -> list[Metric]:
    """Return accuracy, precision, recall and f1; a probability at the threshold counts as bad.

    The shares have Wilson intervals; f1 has the percentiles of a bootstrap that resamples bads
    and goods each among themselves, which is to draw the caught bads and the false alarms from
    two binomial distributions. f1 is undefined only where nothing is bad and nothing predicted
    so.
    """
    predicted = sample.probabilities >= threshold
    caught = int(np.count_nonzero(predicted & sample.is_bad))
    false_alarms = int(np.count_nonzero(predicted)) - caught
    correct = caught + sample.goods - false_alarms
    return [
        proportion("accuracy", correct, sample.size),
        proportion("precision", caught, caught + false_alarms),
        proportion("recall", caught, sample.bads),
        _f1(sample, caught, false_alarms, generator),
    ]


def _f1(
    sample: ScoredSample, caught: int, false_alarms: int, generator: np.random.Generator
) -> Metric:
    if sample.bads + false_alarms == 0:
        return undefined("f1", sample.size)
    value = 2 * caught / (sample.bads + caught + false_alarms)
    resampled = _resampled_f1(sample, caught, false_alarms, generator)
    if np.ptp(resampled) == 0:
        return Metric("f1", value, *NO_INTERVAL, sample.size)
    lower, upper = np.quantile(resampled, [0.025, 0.975])
    return Metric("f1", value, float(lower), float(upper), sample.size)


def _resampled_f1(
    sample: ScoredSample, caught: int, false_alarms: int, generator: np.random.Generator
) -> Floats:
    caught_share = caught / sample.bads if sample.bads else 0.0
    alarm_share = false_alarms / sample.goods if sample.goods else 0.0
    true_positives = generator.binomial(sample.bads, caught_share, size=RESAMPLES)
    false_positives = generator.binomial(sample.goods, alarm_share, size=RESAMPLES)
    positives = sample.bads + true_positives + false_positives
    scores: Floats = 2 * true_positives / np.maximum(positives, 1)
    return scores
