import numpy as np
import pandas as pd
import pytest

from credit_risk_dagster.models.reason_quality import (
    RiskBins,
    contradicting,
    contradicting_share,
    reason_coverage,
    reasons_hold,
    risk_bins,
)

LOANS = 1000
DEBT = np.arange(LOANS, dtype=np.float64)
LABELS = (np.arange(LOANS) % 10 < np.where(DEBT < 500, 1, 5)).astype(np.int64)
VALUES = pd.DataFrame({"debt": DEBT, "mix": np.where(DEBT < 500, "Good", "Bad")})
BINS = risk_bins(VALUES, LABELS)


def names(*rows: list[str | None]) -> np.ndarray:
    return np.array(rows, dtype=object)


def test_a_reason_contradicts_where_loans_of_that_value_defaulted_less() -> None:
    loans = pd.DataFrame({"debt": [100.0, 900.0, np.nan], "mix": ["Good", "Bad", None]})
    reasons = names(["debt", "mix"], ["debt", "mix"], ["debt", "mix"])
    for beyond_noise in (False, True):
        assert contradicting(reasons, loans, BINS, beyond_noise).tolist() == [
            [True, True],
            [False, False],
            [False, False],
        ]


def test_of_few_loans_less_risk_may_be_chance() -> None:
    labels = (np.random.default_rng(1).random(60) < 0.3).astype(int)
    few = risk_bins(pd.DataFrame({"debt": np.arange(60.0)}), labels)
    assert any(few["debt"].safer)
    assert not any(few["debt"].surely)


def test_bins_are_the_same_from_json() -> None:
    for one in BINS.values():
        assert RiskBins.from_dict(one.to_dict()) == one


def test_a_feature_without_bins_cannot_contradict() -> None:
    assert not contradicting(names(["loan_type"]), pd.DataFrame(index=[0]), BINS).any()


def test_shares_are_of_the_reasons_given_and_of_those_above_the_cut_off() -> None:
    reasons = names(["debt", "mix"], ["debt", None], [None, None])
    contradict = np.array([[True, False], [False, False], [False, False]])
    share = contradicting_share(reasons, contradict)
    assert (share.value, share.sample_size) == (pytest.approx(1 / 3), 3)
    coverage = reason_coverage(reasons, np.array([0.9, 0.5, 0.1]), 0.5)
    assert (coverage.value, coverage.sample_size) == (0.5, 2)


@pytest.mark.parametrize(
    ("contradictions", "covered", "holds"), [(0, 200, True), (40, 200, False), (0, 150, False)]
)
def test_reasons_hold_within_their_bounds(contradictions: int, covered: int, holds: bool) -> None:
    reasons = names(*([["debt", "mix"]] * covered + [["debt", None]] * (200 - covered)))
    contradict = np.zeros(reasons.shape, dtype=np.bool_)
    contradict[:contradictions, 0] = True
    found = [
        contradicting_share(reasons, contradict),
        reason_coverage(reasons, np.full(200, 0.9), 0.5),
    ]
    assert reasons_hold(found) is holds
