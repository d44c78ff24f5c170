import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from credit_risk_dagster.models.calibration import by_band

RNG = np.random.default_rng(13)
PROBABILITIES = RNG.beta(1.2, 2.5, size=700)
LABELS = (RNG.random(700) < PROBABILITIES).astype(int)


def test_calibration_by_band_adds_up_to_the_whole() -> None:
    bands = np.where(PROBABILITIES < 0.2, "A", np.where(PROBABILITIES < 0.5, "B", "C"))
    result = by_band(LABELS, PROBABILITIES, pd.Series(bands))
    assert [one.band for one in result] == ["A", "B", "C"]
    assert sum(one.sample_size for one in result) == 700
    assert sum(one.observed_default_rate * one.sample_size for one in result) == pytest.approx(
        LABELS.sum()
    )
    low = result[0]
    inside = bands == "A"
    expected = binomtest(int(LABELS[inside].sum()), int(inside.sum())).proportion_ci(
        method="wilson"
    )
    assert (low.lower, low.upper) == pytest.approx((expected.low, expected.high))
    assert low.expected_default_rate == pytest.approx(PROBABILITIES[inside].mean())


def test_a_loan_without_a_band_is_refused_and_no_loans_have_no_bands() -> None:
    with pytest.raises(ValueError, match="no band for the loan in row 1"):
        by_band([0, 1], [0.1, 0.2], ["A", None])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="bands has 3 rows, labels 2"):
        by_band([0, 1], [0.1, 0.2], ["A", "B", "C"])
    assert by_band([], [], []) == []
