"""Figures of scores whose labels are pending, against the labels that are known to the test."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from credit_risk_dagster.models.metric import Metric
from credit_risk_dagster.monitoring.early_outcomes import (
    calibrated_metrics,
    cells,
    soft_label_metrics,
)

BAD, GOOD = np.array([0.3, 0.4, 0.3]), np.array([0.95, 0.04, 0.01])
"""Chances of three states of loans that will default, and of those that will not."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def portfolio(
    seed: int, size: int = 3000, level: float = 0.0, decay: float = 1.0
) -> tuple[Floats, Ints, Ints]:
    """Return calibrated scores (unless shifted or decayed), states and labels of loans."""
    generator = np.random.default_rng(seed)
    scores = expit(generator.normal(-1.2, 2.2, size))
    chance = expit(level + decay * logit(scores))
    labels = generator.binomial(1, chance)
    draws = [generator.choice(3, size, p=chances) for chances in (GOOD, BAD)]
    return scores, np.where(labels == 1, draws[1], draws[0]), labels


def matured(seed: int = 1) -> Ints:
    _, states, labels = portfolio(seed, 20_000)
    return np.array([np.bincount(states[labels == one], minlength=3) for one in (0, 1)])


def by_name(metrics: list[Metric]) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


def test_soft_labels_are_near_what_will_be_realised_and_nearer_than_the_scores_promise() -> None:
    errors = []
    for seed in range(2, 5):
        scores, states, labels = portfolio(seed, level=0.8)
        soft = by_name(soft_label_metrics(cells(scores, states, 3), matured()))
        promised = by_name(calibrated_metrics(cells(scores, states, 3)))
        rate = labels.mean()
        errors.append(
            (
                abs(soft["estimated_default_rate"].value - rate),  # type: ignore[operator]
                abs(promised["expected_default_rate"].value - rate),  # type: ignore[operator]
            )
        )
    soft_error, promised_error = np.mean(errors, axis=0)
    assert soft_error < 0.01
    assert promised_error > 5 * soft_error


@pytest.mark.long
def test_the_interval_holds_what_is_realised_about_as_often_as_it_says() -> None:
    held = []
    for seed in range(100, 160):
        scores, states, labels = portfolio(seed, 400)
        auc = soft_label_metrics(cells(scores, states, 3), matured())[0]
        realised = roc_auc_score(labels, scores)
        held.append(auc.lower <= realised <= auc.upper)  # type: ignore[operator]
    assert np.mean(held) >= 0.88


def test_decay_of_a_model_shows_by_soft_labels_and_not_in_what_it_promises() -> None:
    scores, states, labels = portfolio(3, 20_000, decay=0.5)
    realised = roc_auc_score(labels, scores)
    soft = soft_label_metrics(cells(scores, states, 3), matured())[0].value
    promised = calibrated_metrics(cells(scores, states, 3))[0].value
    assert soft is not None
    assert promised is not None
    assert abs(soft - realised) < 0.2 * (promised - realised)


def test_a_cohort_of_states_that_say_nothing_is_what_its_scores_promise() -> None:
    scores, _, _ = portfolio(4, 500)
    counted = cells(scores, np.zeros(500, dtype=np.int64), 1)
    soft = soft_label_metrics(counted, np.array([[700], [300]]))
    promised = calibrated_metrics(counted)
    for one, other in zip(soft, promised, strict=True):
        assert one.value == pytest.approx(other.value)


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 2)),
        min_size=1,
        max_size=60,
    ),
    st.lists(st.integers(0, 50), min_size=6, max_size=6),
)
@settings(max_examples=25, deadline=None)
def test_every_figure_is_a_share_within_its_interval(
    loans: list[tuple[float, int]], counts: list[int]
) -> None:
    scores, states = (np.array(one) for one in zip(*loans, strict=True))
    counted = cells(scores, states, 3)
    assert counted.counts.sum() == len(loans)
    learned = np.array(counts).reshape(2, 3)
    for metric in [*soft_label_metrics(counted, learned), *calibrated_metrics(counted)]:
        assert metric.sample_size == len(loans)
        if metric.value is not None:
            assert metric.lower is not None
            assert metric.upper is not None
            assert -1e-9 <= metric.lower <= metric.value <= metric.upper <= 1 + 1e-9


def test_scores_in_many_bins_count_as_each_loan_on_its_own() -> None:
    scores, _, labels = portfolio(5, 5000)
    counted = cells(scores, labels, 2)
    assert counted.counts.shape[0] == 100
    certain = np.array([[10**9, 1], [1, 10**9]])
    auc = soft_label_metrics(counted, certain)[0].value
    assert auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-3)
