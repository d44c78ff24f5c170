import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats.mstats import winsorize

from credit_risk_dagster.models.winsorizing import Winsorizer


def test_training_values_are_winsorized_as_scipy_does() -> None:
    values = np.random.default_rng(3).lognormal(size=(101, 1))
    expected = winsorize(values[:, 0], limits=(0.05, 0.05))
    np.testing.assert_allclose(Winsorizer(0.05).fit_transform(values)[:, 0], expected)


@given(arrays(np.float64, (7, 2), elements=st.floats(-1e12, 1e12)))
def test_no_value_leaves_the_range_learned_in_training(later: np.ndarray) -> None:
    values = np.random.default_rng(3).normal(size=(50, 2))
    winsorizer = Winsorizer(0.05).fit(values)
    held = winsorizer.transform(later)
    assert (held >= winsorizer.lower_).all()
    assert (held <= winsorizer.upper_).all()
    inside = (later >= winsorizer.lower_) & (later <= winsorizer.upper_)
    np.testing.assert_array_equal(held[inside], later[inside])
