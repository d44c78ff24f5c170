"""Which of many tests are called, and how often wrongly."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from credit_risk_dagster.monitoring.false_discovery import discoveries

P_VALUES = st.lists(st.floats(0, 1), max_size=80)


@given(P_VALUES, st.floats(0.001, 0.5))
def test_what_is_called_is_a_set_of_the_smallest_within_the_rate(
    p_values: list[float], rate: float
) -> None:
    values = np.array(p_values)
    called = discoveries(values, rate)
    count = int(called.sum())
    if count:
        assert values[called].max() <= rate * count / values.size
        assert not (values[~called] <= values[called].max()).any()
    # No larger set is within the rate.
    for size in range(count + 1, values.size + 1):
        assert np.sort(values)[size - 1] > rate * size / values.size


@given(P_VALUES, st.floats(0.001, 0.2), st.floats(0.001, 0.2))
def test_a_higher_rate_calls_no_fewer(p_values: list[float], low: float, more: float) -> None:
    assert not (discoveries(p_values, low) & ~discoveries(p_values, low + more)).any()


def test_months_of_sixty_tests_without_change_call_anything_as_rarely_as_the_rate_says() -> None:
    generator = np.random.default_rng(0)
    months = [discoveries(generator.random(60), 0.01).any() for _ in range(2000)]
    assert np.mean(months) < 0.02
