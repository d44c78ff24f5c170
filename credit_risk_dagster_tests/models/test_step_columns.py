import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from credit_risk_dagster.models.step_columns import codes_of, cuts_of, looked_up, step_column

values = arrays(
    np.float64,
    st.integers(2, 60),
    elements=st.one_of(st.integers(-9, 9).map(float), st.just(np.nan)),
)


@settings(max_examples=60, deadline=None)
@given(values, st.integers(0, 2**16))
def test_points_have_mean_0_over_the_loans_and_what_is_missing_adds_nothing(
    column: np.ndarray, seed: int
) -> None:
    cuts = cuts_of(column)
    step = step_column(column, cuts)
    points = step.points(np.random.default_rng(seed).normal(size=cuts.size))
    added = looked_up(points, step.codes)
    assert abs(added.sum()) < 1e-9
    assert (added[np.isnan(column)] == 0).all()


@settings(max_examples=40, deadline=None)
@given(values, st.integers(0, 2**16))
def test_the_gradient_is_that_of_finite_differences(column: np.ndarray, seed: int) -> None:
    generator = np.random.default_rng(seed)
    cuts = cuts_of(column)
    step, weights = step_column(column, cuts), generator.normal(size=column.size)
    steps = generator.normal(size=cuts.size)

    def loss(given_steps: np.ndarray) -> float:
        return float(weights @ looked_up(step.points(given_steps), step.codes))

    moved = [
        (loss(steps + 1e-3 * one) - loss(steps - 1e-3 * one)) / 2e-3 for one in np.eye(cuts.size)
    ]
    np.testing.assert_allclose(step.gradient(weights), moved, atol=1e-8)


def test_a_value_belongs_to_the_interval_that_its_cut_ends() -> None:
    assert codes_of(np.array([0.0, 1.0, 1.5, 9.0, np.nan]), np.array([1.0, 2.0])).tolist() == [
        *(0, 0, 1, 2),
        -1,
    ]
