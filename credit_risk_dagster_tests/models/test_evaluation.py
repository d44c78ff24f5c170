from math import sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, ks_2samp, norm, sem
from sklearn import metrics as sklearn_metrics

from credit_risk_dagster.models.evaluation import METRIC_NAMES, Metric, evaluate

RNG = np.random.default_rng(11)
PROBABILITIES = np.round(RNG.beta(1.2, 2.5, size=700), 2)  # ties on purpose
LABELS = (RNG.random(700) < PROBABILITIES).astype(int)
EVALUATED = evaluate(LABELS, PROBABILITIES)

SAMPLES = st.lists(
    st.tuples(st.integers(0, 1), st.floats(0, 1, allow_subnormal=False)), max_size=40
)


def value_of(metrics: dict[str, Metric], name: str) -> float:
    value = metrics[name].value
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("auc", sklearn_metrics.roc_auc_score(LABELS, PROBABILITIES)),
        ("gini", 2 * sklearn_metrics.roc_auc_score(LABELS, PROBABILITIES) - 1),
        (
            "ks_discrimination",
            ks_2samp(PROBABILITIES[LABELS == 1], PROBABILITIES[LABELS == 0]).statistic,
        ),
        ("accuracy", sklearn_metrics.accuracy_score(LABELS, PROBABILITIES >= 0.5)),
        ("precision", sklearn_metrics.precision_score(LABELS, PROBABILITIES >= 0.5)),
        ("recall", sklearn_metrics.recall_score(LABELS, PROBABILITIES >= 0.5)),
        ("f1", sklearn_metrics.f1_score(LABELS, PROBABILITIES >= 0.5)),
        ("brier", sklearn_metrics.brier_score_loss(LABELS, PROBABILITIES)),
        ("observed_default_rate", LABELS.mean()),
        ("expected_default_rate", PROBABILITIES.mean()),
        ("observed_expected_ratio", LABELS.sum() / PROBABILITIES.sum()),
    ],
)
def test_a_figure_equals_its_independent_computation(name: str, expected: float) -> None:
    assert value_of(EVALUATED, name) == pytest.approx(expected, abs=1e-9)


def test_all_figures_are_there_in_order_with_an_interval_that_holds_the_value() -> None:
    assert tuple(EVALUATED) == METRIC_NAMES
    for name, metric in EVALUATED.items():
        assert metric.name == name
        assert metric.lower is not None
        assert metric.upper is not None
        assert metric.lower < value_of(EVALUATED, name) < metric.upper


def test_shares_have_the_wilson_interval_of_their_own_denominator() -> None:
    predicted = PROBABILITIES >= 0.5
    denominators = {
        "accuracy": (int((predicted == LABELS).sum()), 700),
        "precision": (int(LABELS[predicted].sum()), int(predicted.sum())),
        "recall": (int(LABELS[predicted].sum()), int(LABELS.sum())),
        "observed_default_rate": (int(LABELS.sum()), 700),
    }
    for name, (successes, trials) in denominators.items():
        expected = binomtest(successes, trials).proportion_ci(method="wilson")
        metric = EVALUATED[name]
        assert (metric.lower, metric.upper) == pytest.approx((expected.low, expected.high))
        assert metric.sample_size == trials


def test_means_and_the_observed_expected_ratio_have_their_analytic_intervals() -> None:
    for name, values in (
        ("brier", (PROBABILITIES - LABELS) ** 2),
        ("expected_default_rate", PROBABILITIES),
    ):
        expected = norm.interval(0.95, values.mean(), sem(values))
        assert (EVALUATED[name].lower, EVALUATED[name].upper) == pytest.approx(expected)
    ratio, share = EVALUATED["observed_expected_ratio"], LABELS.mean()
    log_ratio, log_error = (
        np.log(value_of(EVALUATED, ratio.name)),
        np.sqrt((1 - share) / (700 * share)),
    )
    expected = np.exp(norm.interval(0.95, log_ratio, log_error))
    assert (ratio.lower, ratio.upper) == pytest.approx(tuple(expected))


def test_a_probability_at_the_threshold_counts_as_bad() -> None:
    evaluated = evaluate([1, 0], [0.3, 0.2], threshold=0.3)
    assert (evaluated["recall"].value, evaluated["precision"].value) == (1.0, 1.0)


def test_the_interval_of_auc_is_about_as_wide_as_known_for_500_loans_at_090() -> None:
    generator = np.random.default_rng(5)
    labels = np.arange(500) < 140
    scores = generator.normal(np.where(labels, 1.81, 0.0))
    metric = evaluate(labels, 1 / (1 + np.exp(-scores)))["auc"]
    assert metric.lower is not None
    assert metric.upper is not None
    assert (metric.upper - metric.lower) / 2 == pytest.approx(0.03, abs=0.008)


def test_where_one_class_is_missing_discrimination_is_absent() -> None:
    for labels in ([0, 0, 0], [1, 1, 1]):
        evaluated = evaluate(labels, [0.1, 0.5, 0.7])
        for name in ("auc", "gini", "ks_discrimination", "calibration_slope"):
            assert evaluated[name] == Metric(name, None, None, None, 3)
        assert evaluated["brier"].value is not None


def test_without_rows_every_figure_is_absent_with_sample_size_zero() -> None:
    assert list(evaluate([], []).values()) == [
        Metric(name, None, None, None, 0) for name in METRIC_NAMES
    ]


def test_precision_is_absent_without_predicted_bads_and_recall_without_bads() -> None:
    none_predicted = evaluate([1, 0, 0], [0.1, 0.2, 0.3])
    assert none_predicted["precision"].value is None
    assert (none_predicted["recall"].value, none_predicted["f1"].value) == (0.0, 0.0)
    no_bads = evaluate([0, 0, 0], [0.1, 0.2, 0.3])
    assert no_bads["recall"].value is None
    assert no_bads["f1"].value is None
    assert no_bads["observed_expected_ratio"].value == 0.0
    assert evaluate([0, 1], [0.0, 0.0])["observed_expected_ratio"].value is None


def test_a_perfect_ranking_has_its_value_but_no_interval() -> None:
    evaluated = evaluate([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    for name in ("auc", "gini", "ks_discrimination", "f1"):
        assert evaluated[name] == Metric(name, 1.0, None, None, 4)
    assert evaluated["calibration_slope"].value is None


def test_scores_that_say_nothing_have_an_auc_of_one_half_and_a_ks_of_zero() -> None:
    evaluated = evaluate([0, 1, 1, 0], [0.3, 0.3, 0.3, 0.3])
    assert (evaluated["auc"].value, evaluated["ks_discrimination"].value) == (0.5, 0.0)


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 2], [0.1, 0.2], "labels has 1 of 2 values neither 0 nor 1; the first is 2 in row 1"),
        ([0, 1], [0.1, 1.2], "probabilities has 1 of 2 values outside 0 to 1; the first is 1.2"),
        ([0, 1], [-0.1, 0.2], "probabilities has 1 of 2 values outside"),
        ([0, 1], [0.1, np.nan], "probabilities has 1 of 2 values missing"),
        ([0, None], [0.1, 0.2], "labels has 1 of 2 values missing"),
        ([0, 1, 1], [0.1, 0.2], "labels has 3 rows, probabilities 2"),
    ],
)
def test_what_is_wrong_with_labels_or_probabilities_is_said(
    labels: list[int | None], probabilities: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(pd.Series(labels, dtype="Int64"), probabilities)


def test_labels_of_any_numeric_type_give_the_same_figures() -> None:
    for kind in ("bool", "float64", "Int8", "boolean"):
        assert evaluate(pd.Series(LABELS).astype(kind), PROBABILITIES) == EVALUATED


@given(SAMPLES)
@settings(max_examples=60, deadline=None)
def test_figures_stay_in_range_and_do_not_depend_on_the_order_of_loans(
    sample: list[tuple[int, float]],
) -> None:
    labels, probabilities = [pair[0] for pair in sample], [pair[1] for pair in sample]
    forward, backward = evaluate(labels, probabilities), evaluate(labels[::-1], probabilities[::-1])
    for name, metric in forward.items():
        turned = backward[name]
        for figure, other in zip(
            (metric.value, metric.lower, metric.upper),
            (turned.value, turned.lower, turned.upper),
            strict=True,
        ):
            assert other == (None if figure is None else pytest.approx(figure, rel=1e-6, abs=1e-6))
        if metric.value is not None and metric.lower is not None and metric.upper is not None:
            assert metric.lower - 1e-12 <= metric.value <= metric.upper + 1e-12
    for name in METRIC_NAMES[2:10]:
        assert forward[name].value is None or 0 <= value_of(forward, name) <= 1


def test_the_same_seed_gives_the_same_intervals_and_another_seed_nearly_the_same() -> None:
    assert evaluate(LABELS, PROBABILITIES) == EVALUATED
    other = evaluate(LABELS, PROBABILITIES, seed=1)
    for name in ("f1", "ks_discrimination"):
        assert other[name] != EVALUATED[name]
        assert other[name].lower == pytest.approx(EVALUATED[name].lower, abs=0.02)


def test_intervals_hold_the_truth_about_as_often_as_stated() -> None:
    generator, trials = np.random.default_rng(9), 150
    truths = {"auc": norm.cdf(1.8 / sqrt(2)), "ks_discrimination": 2 * norm.cdf(0.9) - 1}
    held = dict.fromkeys(truths, 0)
    labels = np.arange(600) < 170
    for _ in range(trials):
        scores = generator.normal(np.where(labels, 1.8, 0.0))
        evaluated = evaluate(labels, 1 / (1 + np.exp(-scores)))
        for name, truth in truths.items():
            lower, upper = evaluated[name].lower, evaluated[name].upper
            assert lower is not None
            assert upper is not None
            held[name] += lower <= truth <= upper
    tolerance = 3 * sqrt(0.95 * 0.05 / trials)
    assert all(0.95 - tolerance <= count / trials for count in held.values()), held


def test_the_interval_of_ks_allows_for_the_upward_bias_of_a_maximum() -> None:
    generator = np.random.default_rng(12)
    metric = evaluate(np.arange(400) < 120, generator.random(400))["ks_discrimination"]
    assert metric.value is not None
    assert metric.lower is not None
    assert metric.upper is not None
    assert metric.value - metric.lower > 2 * (metric.upper - metric.value)


def test_a_million_loans_are_evaluated_on_the_same_definitions() -> None:
    generator = np.random.default_rng(2)
    probabilities = generator.beta(1, 3, size=1_000_000)
    labels = generator.random(1_000_000) < probabilities
    evaluated = evaluate(labels, probabilities)
    false_bad, true_bad, _ = sklearn_metrics.roc_curve(labels, probabilities)
    auc, distance = sklearn_metrics.auc(false_bad, true_bad), np.max(true_bad - false_bad)
    assert value_of(evaluated, "auc") == pytest.approx(auc, abs=1e-9)
    assert value_of(evaluated, "ks_discrimination") == pytest.approx(distance, abs=1e-9)
    assert value_of(evaluated, "calibration_slope") == pytest.approx(1, abs=0.01)
