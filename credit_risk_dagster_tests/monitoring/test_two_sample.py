from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from credit_risk_dagster.monitoring.stability import (
    NOISE_LEVEL,
    bin_counts,
    population_stability_index,
    reference_bins,
)
from credit_risk_dagster.monitoring.two_sample import (
    KsDrift,
    rank_counts,
    reference_sample,
    two_sample_ks,
)

NUMBERS = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=60)


def numeric(values: Sequence[float | None]) -> pd.Series:
    return pd.Series(values, dtype="float64")


def test_a_shift_of_half_a_deviation_exceeds_noise_and_ks_finds_it_too() -> None:
    generator = np.random.default_rng(3)
    before = pd.Series(generator.normal(size=2000))
    now = pd.Series(generator.normal(0.5, size=450))
    bins = reference_bins("score", before)
    assert population_stability_index(bins.counts, bin_counts(bins, now)).exceeds_noise
    drift = ks(before, pd.concat([now, numeric([None] * 5)]))
    assert drift.exceeds_noise
    assert drift.statistic == pytest.approx(ks_2samp(before, now).statistic, abs=1e-12)
    assert (drift.reference_size, drift.current_size) == (2000, 450)


def ks(before: pd.Series, now: pd.Series) -> KsDrift:
    sample = reference_sample(before)
    return two_sample_ks(sample, rank_counts(sample, now))


@pytest.mark.filterwarnings("ignore:ks_2samp")
@given(before=NUMBERS, now=NUMBERS, cut=st.integers(0, 60))
def test_the_ks_distance_of_any_two_samples_is_scipys_however_one_is_cut_in_batches(
    before: list[float | None], now: list[float | None], cut: int
) -> None:
    assume(any(value is not None for value in before))
    assume(any(value is not None for value in now))
    sample, current = reference_sample(numeric(before)), numeric(now)
    counts = rank_counts(sample, current[:cut]) + rank_counts(sample, current[cut:])
    expected = ks_2samp(numeric(before).dropna(), current.dropna()).statistic
    assert two_sample_ks(sample, counts).statistic == pytest.approx(expected, abs=1e-12)


def test_a_comparison_of_distributions_needs_values_on_both_sides() -> None:
    with pytest.raises(ValueError, match="current sample has no values"):
        ks(numeric([1.0]), numeric([None]))
    with pytest.raises(ValueError, match="reference sample has no values"):
        ks(numeric([None]), numeric([1.0]))


def test_a_ks_distance_is_beyond_noise_about_as_rarely_as_stated() -> None:
    generator = np.random.default_rng(5)
    exceeded = [
        ks(
            pd.Series(generator.normal(size=800)), pd.Series(generator.normal(size=400))
        ).exceeds_noise
        for _ in range(2000)
    ]
    assert np.mean(exceeded) <= NOISE_LEVEL + 3 * np.sqrt(NOISE_LEVEL * (1 - NOISE_LEVEL) / 2000)
    assert any(exceeded)
