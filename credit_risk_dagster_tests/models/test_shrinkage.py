import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.features import (
    CATEGORICAL_FEATURES,
    FEATURES,
    NUMERIC_FEATURES,
    PANEL_MEANS,
)
from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.shrinkage import PanelShrinkage
from credit_risk_dagster_tests.models.loan_frames import loan_frame
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_MONTHS

FRAME = loan_frame(5)


def one_loan(mean: float, months: int) -> pd.DataFrame:
    return FRAME.head(1).assign(fe_1_mean=mean, **{CLICKSTREAM_MONTHS: months})


def shrunk(shrinkage: PanelShrinkage, mean: float, months: int) -> float:
    return float(shrinkage.transform(one_loan(mean, months))["fe_1_mean"].iloc[0])


def test_the_training_mean_is_the_mean_over_all_months_of_all_loans() -> None:
    frame = pd.concat([one_loan(100.0, 1), one_loan(200.0, 3)])
    assert PanelShrinkage(12).fit(frame).training_means_[0] == pytest.approx(175.0)


def test_with_as_many_months_as_prior_months_a_mean_moves_half_way() -> None:
    shrinkage = PanelShrinkage(12).fit(one_loan(100.0, 5))
    assert shrunk(shrinkage, 180.0, 12) == pytest.approx(140.0)


@settings(max_examples=25)
@given(mean=st.floats(-1e6, 1e6), months=st.integers(1, 240), prior=st.floats(0.01, 100))
def test_a_shrunk_mean_lies_between_the_training_mean_and_the_loans_own(
    mean: float, months: int, prior: float
) -> None:
    shrinkage = PanelShrinkage(prior).fit(FRAME)
    centre = shrinkage.training_means_[0]
    tolerance = 1e-9 * (1 + abs(mean))
    value = shrunk(shrinkage, mean, months)
    assert min(centre, mean) - tolerance <= value <= max(centre, mean) + tolerance


@settings(max_examples=25)
@given(mean=st.floats(200, 1e6), months=st.integers(1, 240))
def test_more_months_pull_less(mean: float, months: int) -> None:
    shrinkage = PanelShrinkage(12).fit(FRAME)
    assert shrunk(shrinkage, mean, months) < shrunk(shrinkage, mean, months + 1) < mean


def test_a_missing_clickstream_stays_missing() -> None:
    shrinkage = PanelShrinkage(12).fit(FRAME)
    assert np.isnan(shrunk(shrinkage, np.nan, 0))


def test_a_clickstream_that_no_training_loan_has_is_missing_for_every_loan() -> None:
    without = FRAME.assign(fe_1_mean=np.nan)
    shrinkage = PanelShrinkage(12).fit(without)
    assert np.isnan(shrunk(shrinkage, 120.0, 6))
    assert shrinkage.transform(FRAME)["fe_2_mean"].notna().any()


def test_the_model_sees_the_features_in_their_order_and_not_the_number_of_months() -> None:
    seen = PanelShrinkage(12).fit_transform(FRAME[FRAME.columns[::-1]])
    assert tuple(seen.columns) == FEATURES
    pd.testing.assert_frame_equal(seen[[*NUMERIC_FEATURES]], FRAME[[*NUMERIC_FEATURES]])


@pytest.mark.parametrize("absent", [None, np.nan, pd.NA])
def test_missing_text_of_any_kind_is_none(absent: object) -> None:
    texts = [absent, *FRAME["occupation"].iloc[1:]]
    frame = FRAME.assign(occupation=pd.Series(texts, dtype=object))
    seen = PanelShrinkage(12).fit(FRAME).transform(frame)
    assert seen["occupation"].iloc[0] is None
    assert seen[[*CATEGORICAL_FEATURES]].notna().any().all()


def test_a_missing_column_is_named() -> None:
    shrinkage = PanelShrinkage(12).fit(FRAME)
    with pytest.raises(ModelError, match="fe_7_mean, clickstream_months"):
        shrinkage.transform(FRAME.drop(columns=["fe_7_mean", CLICKSTREAM_MONTHS]))


def test_fitting_leaves_the_frame_as_it_was() -> None:
    before = FRAME.copy(deep=True)
    PanelShrinkage(12).fit_transform(FRAME)
    pd.testing.assert_frame_equal(FRAME, before)
    assert set(PANEL_MEANS) <= set(FRAME.columns)
