import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from credit_risk_dagster.models.comparison import compare_auc, is_comparable
from credit_risk_dagster.models.delong import placements
from credit_risk_dagster.models.scored_sample import scored_sample

Floats = npt.NDArray[np.float64]


def naive_delong(labels: Floats, models: list[Floats]) -> tuple[Floats, Floats]:
    """Compute AUCs and their covariance from all pairs of a bad and a good, as in the paper."""
    bads, goods = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    kernels = []
    for scores in models:
        gap = scores[bads][:, None] - scores[goods][None, :]
        kernels.append(np.where(gap > 0, 1.0, np.where(gap == 0, 0.5, 0.0)))
    of_bads = np.array([kernel.mean(axis=1) for kernel in kernels])
    of_goods = np.array([kernel.mean(axis=0) for kernel in kernels])
    covariance = np.cov(of_bads) / bads.size + np.cov(of_goods) / goods.size
    return of_bads.mean(axis=1), covariance


def two_models(seed: int, size: int = 200, advantage: float = 0.0) -> tuple[Floats, Floats, Floats]:
    generator = np.random.default_rng(seed)
    labels = (generator.random(size) < 0.3).astype(float)
    shared = generator.normal(size=size)
    scores = [
        strength * labels + shared + generator.normal(scale=0.7, size=size)
        for strength in (1.2 + advantage, 1.2)
    ]
    first, second = (np.round(1 / (1 + np.exp(-score)), 2) for score in scores)
    return labels, first, second


@given(st.integers(0, 10_000), st.integers(12, 150))
@settings(max_examples=40, deadline=None)
def test_the_comparison_equals_delong_computed_from_all_pairs(seed: int, size: int) -> None:
    labels, challenger, incumbent = two_models(seed, size)
    labels[:4] = [0, 1, 0, 1]
    aucs, covariance = naive_delong(labels, [challenger, incumbent])
    result = compare_auc(labels, challenger, incumbent)
    difference = aucs[0] - aucs[1]
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert (result.challenger_auc, result.incumbent_auc) == pytest.approx(tuple(aucs), abs=1e-9)
    assert result.difference == pytest.approx(difference, abs=1e-9)
    assert result.p_value == pytest.approx(norm.sf(difference / error), abs=1e-9)
    assert result.lower == pytest.approx(max(-1, difference - norm.ppf(0.975) * error), abs=1e-9)
    assert result.upper == pytest.approx(min(1, difference + norm.ppf(0.975) * error), abs=1e-9)
    placed = placements(scored_sample(labels, challenger))
    assert placed.standard_error == pytest.approx(np.sqrt(covariance[0, 0]), abs=1e-9)
    assert placed.auc == pytest.approx(roc_auc_score(labels, challenger), abs=1e-9)


def test_exchanging_the_models_turns_the_comparison_round() -> None:
    labels, challenger, incumbent = two_models(1, advantage=0.3)
    there, back = (
        compare_auc(labels, challenger, incumbent),
        compare_auc(labels, incumbent, challenger),
    )
    assert back.difference == pytest.approx(-there.difference)
    assert back.p_value == pytest.approx(1 - there.p_value)
    assert there.sample_size == 200


def test_equal_rankings_are_never_better() -> None:
    labels, scores, _ = two_models(2)
    for other in (scores, scores**3, scores / 2):
        result = compare_auc(labels, scores, other)
        assert (result.difference, result.p_value) == (0.0, 1.0)
        assert (result.lower, result.upper) == (0.0, 0.0)


def test_a_perfect_challenger_of_a_constant_incumbent_is_better() -> None:
    labels = np.repeat([0, 1], 50)
    result = compare_auc(labels, labels * 0.8 + 0.1, np.full(100, 0.3))
    assert (result.difference, result.p_value) == (0.5, 0.0)
    reverse = compare_auc(labels, np.full(100, 0.3), labels * 0.8 + 0.1)
    assert (reverse.difference, reverse.p_value) == (-0.5, 1.0)


def test_models_of_equal_strength_seem_different_about_as_rarely_as_stated() -> None:
    alarms = sum(compare_auc(*two_models(seed, size=400)).p_value < 0.05 for seed in range(800))
    assert 0.03 <= alarms / 800 <= 0.075


def test_a_clear_advantage_is_found() -> None:
    result = compare_auc(*two_models(3, size=1000, advantage=0.8))
    assert result.p_value < 0.001
    assert result.lower > 0


def test_two_loans_of_each_class_are_needed() -> None:
    with pytest.raises(ValueError, match="1 defaults among 4 loans"):
        compare_auc([1, 0, 0, 0], [0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4])
    assert not is_comparable([1, 0, 0, 0])
    assert is_comparable([1, 0, 0, 1])
    assert not is_comparable([])


def test_models_scored_on_different_loans_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="labels has 4 rows, probabilities 3"):
        compare_auc([1, 0, 0, 1], [0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3])
