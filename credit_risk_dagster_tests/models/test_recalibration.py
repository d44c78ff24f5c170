import numpy as np
import pytest
from scipy.optimize import root
from scipy.special import expit, logit

from credit_risk_dagster.models.recalibration import recalibration
from credit_risk_dagster.models.scored_sample import scored_sample

RNG = np.random.default_rng(4)
LOGITS = RNG.normal(-1, 1.5, size=800)
PROBABILITIES = expit(LOGITS)
LABELS = RNG.random(800) < expit(0.4 + 0.6 * LOGITS)


def test_slope_and_intercept_solve_the_likelihood_equations() -> None:
    def score(coefficients: np.ndarray) -> list[float]:
        residual = LABELS - expit(coefficients[0] * LOGITS + coefficients[1])
        return [residual @ LOGITS, residual.sum()]

    expected = root(score, [1.0, 0.0], tol=1e-13).x
    slope, intercept = recalibration(scored_sample(LABELS, PROBABILITIES))
    assert (slope.value, intercept.value) == pytest.approx(tuple(expected), abs=1e-9)


def test_intervals_come_from_the_information_of_the_fit() -> None:
    slope, intercept = recalibration(scored_sample(LABELS, PROBABILITIES))
    assert slope.value is not None
    assert intercept.value is not None
    fitted = expit(slope.value * LOGITS + intercept.value)
    design = np.column_stack([LOGITS, np.ones(800)])
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ (design * (fitted * (1 - fitted))[:, None]))))
    for metric, error in zip((slope, intercept), errors, strict=True):
        assert metric.value is not None
        assert metric.upper is not None
        assert metric.upper - metric.value == pytest.approx(1.959963985 * error, rel=1e-6)


def test_calibrated_probabilities_have_slope_one_and_intercept_zero() -> None:
    generator = np.random.default_rng(8)
    probabilities = generator.beta(1, 3, size=20_000)
    slope, intercept = recalibration(
        scored_sample(generator.random(20_000) < probabilities, probabilities)
    )
    for metric, truth in ((slope, 1.0), (intercept, 0.0)):
        assert metric.lower is not None
        assert metric.upper is not None
        assert metric.lower < truth < metric.upper


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]),
        ([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4]),
        ([0, 0, 1, 1], [0.1, 0.3, 0.3, 0.4]),
        ([0, 1, 0, 1], [0.3, 0.3, 0.3, 0.3]),
        ([0, 1, 0, 1], [0.2, 0.2 + 1e-13, 0.2 + 2e-13, 0.9]),
    ],
    ids=["separated", "reversed", "touching", "constant", "separated but for rounding"],
)
def test_without_a_finite_estimate_both_are_absent(
    labels: list[int], probabilities: list[float]
) -> None:
    for metric in recalibration(scored_sample(labels, probabilities)):
        assert (metric.value, metric.lower, metric.upper) == (None, None, None)


def test_certain_probabilities_are_fitted_a_hair_away_from_certainty() -> None:
    generator = np.random.default_rng(1)
    probabilities = np.where(generator.random(400) < 0.5, 0.0, 1.0)
    labels = generator.random(400) < np.where(probabilities == 1, 0.8, 0.1)
    slope, _ = recalibration(scored_sample(labels, probabilities))
    share_bad = [labels[probabilities == edge].mean() for edge in (0, 1)]
    distance = 2 * logit(1 - 1e-9)
    expected = (logit(share_bad[1]) - logit(share_bad[0])) / distance
    assert slope.value == pytest.approx(expected, abs=1e-9)
