import numpy as np
import pandas as pd

from credit_risk_dagster.contract.features import FEATURES, NUMERIC_FEATURES, PANEL_MEANS
from credit_risk_dagster.models.reference import model_inputs
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained

FRAME = loan_frame()
INPUTS = model_inputs(trained("xgboost").model, FRAME)


def test_the_model_sees_amounts_as_they_are_with_missing_ones_missing() -> None:
    assert tuple(INPUTS.columns) == FEATURES
    pd.testing.assert_frame_equal(INPUTS[[*NUMERIC_FEATURES]], FRAME[[*NUMERIC_FEATURES]])


def test_a_clickstream_that_only_gains_months_spreads_alike_at_the_start_and_at_the_end() -> None:
    raw, seen = (frame[[*PANEL_MEANS]] for frame in (FRAME, INPUTS))
    early, late = (FRAME["cohort"] < "2023-11-01", FRAME["cohort"] > "2024-04-01")
    sharpening = raw[early].std().mean() / raw[late].std().mean()
    remaining = seen[early].std().mean() / seen[late].std().mean()
    assert abs(np.log(remaining)) < abs(np.log(sharpening)) / 2


def test_no_applicants_have_no_inputs() -> None:
    assert model_inputs(trained("xgboost").model, FRAME.head(0)).shape == (0, len(FEATURES))
