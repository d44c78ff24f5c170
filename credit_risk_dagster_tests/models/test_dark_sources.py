import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.features import SCORED_CATEGORIES, SCORED_NUMBERS
from credit_risk_dagster.models.dark_sources import (
    is_known,
    masked,
    missing_shares,
    sources_scored,
    without,
)
from credit_risk_dagster_tests.models.loan_frames import loan_frame

FRAME = loan_frame(20)
APPLICANT = [*SCORED_NUMBERS, *SCORED_CATEGORIES]


def test_the_sources_are_those_that_models_read() -> None:
    assert sources_scored() == ("attributes", "financials", "clickstream")


def test_without_a_source_its_features_are_missing_and_no_others() -> None:
    dark = without(FRAME, "financials")
    assert dark[APPLICANT].isna().all().to_dict() == {name: name != "age" for name in APPLICANT}
    kept = [name for name in FRAME.columns if name not in APPLICANT]
    pd.testing.assert_frame_equal(dark[kept], FRAME[kept])
    clicks = [name for name in FRAME.columns if name.startswith(("fe_", "clickstream"))]
    blind = without(FRAME, "clickstream")
    assert not is_known(blind, "clickstream").any()
    pd.testing.assert_frame_equal(blind.drop(columns=clicks), FRAME.drop(columns=clicks))


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_loans_are_masked_as_often_as_the_shares_say_or_as_they_were(
    clicks: float, financials: float
) -> None:
    shares = {"clickstream": clicks, "financials": financials}
    had, has = missing_shares(FRAME), missing_shares(masked(FRAME, shares))
    for source, share in shares.items():
        assert has[source] == pytest.approx(max(share, had[source]), abs=1 / len(FRAME))
    assert has["attributes"] == had["attributes"]


def test_which_loans_are_masked_depends_on_nothing_but_the_loans() -> None:
    shuffled = FRAME.sample(frac=1, random_state=4)
    once, again = (masked(frame, {"clickstream": 0.4}) for frame in (FRAME, shuffled))
    known = [
        set(frame["loan_id"][is_known(frame, "clickstream")].tolist()) for frame in (once, again)
    ]
    assert known[0] == known[1]


def test_no_applicants_lack_nothing() -> None:
    assert missing_shares(FRAME.head(0)) == dict.fromkeys(sources_scored(), 0.0)
    assert np.array_equal(masked(FRAME, {}).columns, FRAME.columns)
