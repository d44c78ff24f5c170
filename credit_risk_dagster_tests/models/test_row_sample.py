"""A sample of loans is decided by the loans alone."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from credit_risk_dagster.models.row_sample import sampled

LOANS = pd.Series([f"CUS_0x{number:04x}_2024_09_01" for number in range(1000)])
PINNED = ["CUS_0x019c_2024_09_01", "CUS_0x01dc_2024_09_01", "CUS_0x0358_2024_09_01"]


@given(count=st.integers(1, 1200))
def test_a_sample_has_as_many_loans_as_are_asked_for(count: int) -> None:
    assert sampled(LOANS, count).sum() == min(count, len(LOANS))


@given(count=st.integers(1, 1000), seed=st.integers(0, 100))
def test_the_order_of_loans_decides_nothing(count: int, seed: int) -> None:
    shuffled = LOANS.sample(frac=1, random_state=seed, ignore_index=True)
    assert set(shuffled[sampled(shuffled, count)]) == set(LOANS[sampled(LOANS, count)])


@given(lower=st.integers(1, 1000), higher=st.integers(1, 1000))
def test_a_larger_sample_holds_the_smaller_one(lower: int, higher: int) -> None:
    small, large = (sampled(LOANS, count) for count in sorted((lower, higher)))
    assert (large | ~small).all()


def test_a_sample_is_the_same_in_every_process_and_release() -> None:
    """Another sample would be another model of the same loans."""
    assert LOANS[sampled(LOANS, 3)].tolist() == PINNED


def test_a_sample_is_spread_over_all_loans() -> None:
    places = np.flatnonzero(sampled(LOANS, 200))
    assert abs(places.mean() - 500) < 3 * 1000 / np.sqrt(12 * 200)
