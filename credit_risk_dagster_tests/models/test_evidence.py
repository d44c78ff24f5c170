import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from credit_risk_dagster.models.evidence import (
    EvidenceParameters,
    Panels,
    evidence,
    learn_evidence,
)


def panel(readings: np.ndarray) -> Panels:
    """Return the panel of customers with the same number of readings, (customers, months)."""
    count = readings.shape[1]
    return Panels(
        np.full((len(readings), 1), float(count)),
        readings.mean(axis=1, keepdims=True) if count else np.full((len(readings), 1), np.nan),
        (readings**2).sum(axis=1, keepdims=True),
    )


def parameters(between: float = 0.0, ratio: float = 0.0) -> EvidenceParameters:
    values = (1.0, 0.0, 1.0, ratio, 0.5, between)
    return EvidenceParameters(*(np.array([value]) for value in values))


def test_evidence_of_independent_readings_is_their_log_likelihood_ratio() -> None:
    readings = np.random.default_rng(1).normal(size=(50, 6))
    spread = np.exp(0.2)  # half of the logarithm of the ratio, as shares are halves
    of_default = norm(1, np.sqrt(spread)).logpdf(readings)
    of_other = norm(0, np.sqrt(1 / spread)).logpdf(readings)
    expected = (of_default - of_other).sum(axis=1)
    found = evidence(panel(readings), parameters(ratio=0.4))[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_evidence_of_customers_who_differ_lastingly_is_the_ratio_of_their_joint_density() -> None:
    readings = np.random.default_rng(2).normal(size=(50, 6))
    covariance = np.eye(6) + 0.7
    of_default = multivariate_normal(np.ones(6), covariance).logpdf(readings)
    of_other = multivariate_normal(np.zeros(6), covariance).logpdf(readings)
    found = evidence(panel(readings), parameters(between=0.7))[:, 0]
    np.testing.assert_allclose(found, of_default - of_other, atol=1e-10)


def test_what_made_a_panel_is_learned_from_it() -> None:
    generator = np.random.default_rng(3)
    labels = (generator.random(4000) < 0.3).astype(np.int64)
    lasting = generator.normal(0, 0.8, (4000, 1))
    deviation = np.where(labels == 1, 1.3, 1.0)[:, None]
    readings = 0.5 * labels[:, None] + lasting + deviation * generator.normal(size=(4000, 8))
    learned = learn_evidence(panel(readings), labels)
    assert learned.mean_default - learned.mean_other == pytest.approx(0.5, abs=0.1)
    assert learned.between == pytest.approx(0.64, abs=0.08)
    assert learned.log_variance_ratio == pytest.approx(2 * np.log(1.3), abs=0.05)
    assert learned.share_default == pytest.approx(labels.mean())


def test_readings_that_tell_nothing_add_next_to_nothing() -> None:
    generator = np.random.default_rng(4)
    labels = (generator.random(3000) < 0.3).astype(np.int64)
    noise = panel(generator.normal(size=(3000, 8)))
    assert np.abs(evidence(noise, learn_evidence(noise, labels))).mean() < 0.1


@given(st.floats(0, 5), st.floats(-2, 2))
def test_without_readings_there_is_no_evidence(between: float, ratio: float) -> None:
    assert evidence(panel(np.zeros((3, 0))), parameters(between, ratio)).tolist() == [[0.0]] * 3


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=8),
    st.lists(st.floats(-50, 50), min_size=1, max_size=8),
    st.floats(-1, 1),
)
def test_evidence_of_independent_readings_adds_up(
    some: list[float], more: list[float], ratio: float
) -> None:
    of = [evidence(panel(np.array([part])), parameters(ratio=ratio)) for part in (some, more)]
    both = evidence(panel(np.array([some + more])), parameters(ratio=ratio))
    np.testing.assert_allclose(both, of[0] + of[1], rtol=1e-9, atol=1e-8)


@given(st.floats(0.01, 5), st.floats(-3, 3), st.integers(1, 200))
def test_evidence_of_the_mean_is_bounded_where_customers_differ_lastingly(
    between: float, mean: float, months: int
) -> None:
    steady = Panels(np.array([[float(months)]]), np.array([[mean]]), np.array([[months * mean**2]]))
    assert abs(evidence(steady, parameters(between))[0, 0]) <= abs(mean - 0.5) / between + 1e-9
