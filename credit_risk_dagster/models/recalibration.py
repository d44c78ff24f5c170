"""Cox's recalibration: the logistic regression of the label on the logit of the probability."""

import numpy as np

from credit_risk_dagster.models.log_odds import log_odds_of, logistic
from credit_risk_dagster.models.metric import Metric, normal_interval, undefined
from credit_risk_dagster.models.scored_sample import Floats, ScoredSample

MAXIMUM_STEPS = 50
SMALL_STEP = 1e-7
LARGEST_CONDITION = 1e12


def recalibration(sample: ScoredSample) -> list[Metric]:
    """Return calibration_slope and calibration_intercept, 1 and 0 where calibration is perfect.

    Both come from one fit, logit P(default) = intercept + slope · logit(p), with Wald intervals;
    probabilities are kept 1e-9 away from 0 and 1. Undefined where no finite estimate exists: one
    class only, or scores that separate the classes (or so nearly that Newton's method gives up).

    Source:
        Cox (1958), Two further applications of a model for binary regression, Biometrika 45.
    """
    names = ("calibration_slope", "calibration_intercept")
    logits = log_odds_of(sample.probabilities)
    fit = None if _is_separated(sample, logits) else _fit(sample, logits)
    if fit is None:
        return [undefined(name, sample.size) for name in names]
    return [
        Metric(name, float(value), *normal_interval(float(value), float(error)), sample.size)
        for name, value, error in zip(names, *fit, strict=True)
    ]


def _is_separated(sample: ScoredSample, logits: Floats) -> bool:
    # With one regressor a finite estimate exists exactly when the ranges of the two classes
    # overlap by more than a point (Albert & Anderson 1984).
    if sample.bads == 0 or sample.goods == 0:
        return True
    bads, goods = logits[sample.is_bad], logits[~sample.is_bad]
    return bool(bads.min() >= goods.max() or goods.min() >= bads.max())


def _fit(sample: ScoredSample, logits: Floats) -> tuple[Floats, Floats] | None:
    """Return slope and intercept, each (2,) with their standard errors, by Newton's method."""
    centre, scale = logits.mean(), logits.std()
    regressor = (logits - centre) / scale
    coefficients = np.array([0.0, np.log(sample.bads / sample.goods)])
    for _ in range(MAXIMUM_STEPS):
        gradient, information = _derivatives(sample, regressor, coefficients)
        if np.linalg.cond(information) > LARGEST_CONDITION:
            return None
        step = np.linalg.solve(information, gradient).astype(np.float64)
        if np.abs(step).max() < SMALL_STEP:
            to_logits = np.array([[1 / scale, 0.0], [-centre / scale, 1.0]])
            covariance = to_logits @ np.linalg.inv(information) @ to_logits.T
            return to_logits @ (coefficients + step), np.sqrt(np.diag(covariance))
        coefficients = _uphill(sample, regressor, coefficients, step)
    return None


def _uphill(sample: ScoredSample, regressor: Floats, start: Floats, step: Floats) -> Floats:
    """Take the step, halved until the likelihood does not fall."""
    likelihood = _log_likelihood(sample, regressor, start)
    for halvings in range(MAXIMUM_STEPS):
        reached: Floats = start + step / 2**halvings
        if _log_likelihood(sample, regressor, reached) >= likelihood:
            return reached
    return start


def _log_likelihood(sample: ScoredSample, regressor: Floats, coefficients: Floats) -> float:
    predictor = coefficients[0] * regressor + coefficients[1]
    return float(predictor[sample.is_bad].sum() - np.logaddexp(0, predictor).sum())


def _derivatives(
    sample: ScoredSample, regressor: Floats, coefficients: Floats
) -> tuple[Floats, Floats]:
    predictor = coefficients[0] * regressor + coefficients[1]
    fitted = logistic(predictor)
    residual, weight = sample.is_bad - fitted, fitted * (1 - fitted)
    weighted = weight * regressor
    information = np.array([[weighted @ regressor, weighted.sum()], [weighted.sum(), weight.sum()]])
    return np.array([residual @ regressor, residual.sum()]), information
