import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from credit_risk_dagster.monitoring.stability import (
    ReferenceBins,
    bin_counts,
    population_stability_index,
    reference_bins,
)

COUNT_PAIRS = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(0, 2000)), min_size=1, max_size=15
).filter(lambda pairs: all(sum(side) > 0 for side in zip(*pairs, strict=True)))
NUMBERS = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=60)


def numeric(values: Sequence[float | None]) -> pd.Series:
    return pd.Series(values, dtype="float64")


def test_distinct_numbers_fall_in_ten_equal_bins_and_none_is_missing() -> None:
    bins = reference_bins("age", pd.Series(np.arange(1000.0)))
    assert bins.kind == "numeric"
    assert bins.edges == tuple(range(99, 999, 100))
    assert bins.counts == (*[100] * 10, 0)


def test_outer_bins_are_open_so_that_outliers_are_counted() -> None:
    bins = reference_bins("age", pd.Series(np.arange(1000.0)))
    counts = bin_counts(bins, numeric([-1e9, 1e9, np.inf, -np.inf, None]))
    assert counts.tolist() == [2, *[0] * 8, 2, 1]


@pytest.mark.parametrize("share_of_ones", [0.02, 0.3, 0.5, 0.97])
def test_an_indicator_has_one_bin_for_each_value_however_rare(share_of_ones: float) -> None:
    ones = round(1000 * share_of_ones)
    bins = reference_bins("loan_type_auto", numeric([1.0] * ones + [0.0] * (1000 - ones)))
    assert bins.counts == (1000 - ones, ones, 0)


def test_a_value_that_fills_several_deciles_has_a_bin_of_its_own() -> None:
    values = [*np.linspace(0, 4.9, 200), *[5.0] * 600, *np.linspace(5.1, 9, 200)]
    bins = reference_bins("delay", pd.Series(values))
    assert 600 in bins.counts
    assert max(bins.counts) == 600
    capped = reference_bins("delay", pd.Series([*np.linspace(0, 9, 400), *[10.0] * 600]))
    assert capped.counts[-2:] == (600, 0)


def test_a_constant_feature_has_one_bin_and_a_shift_of_it_is_seen_as_missing_only() -> None:
    bins = reference_bins("constant", numeric([3.0] * 50))
    assert bins.counts == (50, 0)
    assert bin_counts(bins, numeric([3.0, None])).tolist() == [1, 1]


def test_categories_have_a_bin_each_then_unseen_then_missing() -> None:
    bins = reference_bins("credit_mix", pd.Series(["good", "bad", None, "good"]))
    assert (bins.categories, bins.counts) == (("bad", "good"), (1, 2, 0, 1))
    now = pd.Series(["bad", "standard", "standard", None])
    assert bin_counts(bins, now).tolist() == [1, 0, 2, 1]


def test_a_feature_that_went_dark_counts_as_missing_whatever_its_type_became() -> None:
    numbers = reference_bins("fe_1_mean", numeric([1.0, 2.0, 3.0]))
    texts = reference_bins("occupation", pd.Series(["Lawyer", "Doctor"]))
    dark = pd.Series([None, None], dtype=object)
    assert bin_counts(numbers, dark).tolist() == [*[0] * (len(numbers.counts) - 1), 2]
    assert bin_counts(texts, dark).tolist() == [0, 0, 0, 2]


def test_a_feature_without_reference_values_has_bins_that_notice_when_it_appears() -> None:
    bins = reference_bins("fe_1_mean", numeric([None] * 300))
    assert bins.counts == (0, 300)
    index = population_stability_index(bins.counts, bin_counts(bins, numeric([1.0] * 300)))
    assert index.band == "significant"


@given(NUMBERS)
def test_every_reference_value_is_counted_once_and_stored_bins_count_the_same(
    values: list[float | None],
) -> None:
    sample = numeric(values)
    bins = reference_bins("any", sample)
    assert sum(bins.counts) == len(values)
    assert bins.counts[-1] == sample.isna().sum()
    assert len(bins.counts) == len(bins.edges) + 2 <= 21
    stored = ReferenceBins.from_dict(json.loads(json.dumps(bins.to_dict())))
    assert stored == bins
    assert bin_counts(stored, sample.sample(frac=1, random_state=0)).tolist() == list(bins.counts)


def test_nullable_types_are_binned_as_plain_ones() -> None:
    plain = reference_bins("n", numeric([1.0, 2.0, None, 4.0]))
    assert reference_bins("n", pd.Series([1, 2, None, 4], dtype="Int64")) == plain


def test_an_empty_or_infinite_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="age has no rows"):
        reference_bins("age", numeric([]))
    with pytest.raises(ValueError, match="age has 1 infinite"):
        reference_bins("age", numeric([1.0, np.inf]))


def test_psi_is_the_sum_over_bins_of_smoothed_shares() -> None:
    reference, current = np.array([100, 300, 600]), np.array([30, 20, 50])
    base, now = (reference + 0.5) / 1001.5, (current + 0.5) / 101.5
    expected = sum((c - b) * np.log(c / b) for b, c in zip(base, now, strict=True))
    index = population_stability_index(reference, current)
    assert index.value == pytest.approx(expected, abs=1e-12)
    assert index.noise_threshold == pytest.approx(chi2.ppf(0.99, 2) * (1 / 1000 + 1 / 100))
    assert (index.reference_size, index.current_size) == (1000, 100)


@given(COUNT_PAIRS)
def test_psi_is_never_negative_and_blind_to_direction_and_order(
    pairs: list[tuple[int, int]],
) -> None:
    reference, current = zip(*pairs, strict=True)
    index = population_stability_index(reference, current)
    assert index.value >= 0
    back = population_stability_index(current, reference)
    assert back.value == pytest.approx(index.value, abs=1e-12)
    turned = population_stability_index(reference[::-1], current[::-1])
    assert turned.value == pytest.approx(index.value, abs=1e-12)


@given(COUNT_PAIRS)
def test_a_bin_that_is_empty_in_both_samples_changes_nothing(pairs: list[tuple[int, int]]) -> None:
    reference, current = zip(*pairs, strict=True)
    assert population_stability_index((*reference, 0), (*current, 0)) == (
        population_stability_index(reference, current)
    )


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=15).filter(any))
def test_equal_counts_have_a_psi_of_zero_that_is_no_signal(counts: list[int]) -> None:
    index = population_stability_index(counts, counts)
    assert (index.value, index.band, index.exceeds_noise) == (0.0, "stable", False)


def test_bands_begin_where_the_definition_says() -> None:
    reference, current = [500, 500], [400, 600]
    value = population_stability_index(reference, current).value

    def band(moderate: float, significant: float) -> str:
        return population_stability_index(reference, current, moderate, significant).band

    assert band(value + 1e-9, 1.0) == "stable"
    assert band(value, value) == "moderate"
    assert band(0.0, value - 1e-9) == "significant"


@pytest.mark.parametrize(
    ("reference", "current", "message"),
    [
        ([1, 2], [0, 0], "current sample is empty"),
        ([0, 0], [1, 2], "reference sample is empty"),
        ([1, 2], [1, 2, 3], "same bins"),
        ([1, -2], [1, 2], "reference counts"),
        ([1, 2], [1, float("nan")], "current counts"),
    ],
)
def test_counts_that_cannot_be_compared_are_refused(
    reference: list[float], current: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        population_stability_index(reference, current)


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_without_drift_noise_is_exceeded_about_as_rarely_as_stated(kind: str) -> None:
    generator, alarms, months = np.random.default_rng(7), 0, 800

    def draw(size: int) -> pd.Series:
        if kind == "numeric":
            return pd.Series(generator.normal(size=size))
        return pd.Series(generator.choice(list("abcde"), p=[0.4, 0.3, 0.15, 0.1, 0.05], size=size))

    for _ in range(months):
        bins = reference_bins("score", draw(900))
        index = population_stability_index(
            bins.counts, bin_counts(bins, draw(450)), noise_level=0.05
        )
        alarms += index.exceeds_noise
    assert 0.03 <= alarms / months <= 0.07
