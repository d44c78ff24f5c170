import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit

from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.contract.features import (
    CATEGORICAL_FEATURES,
    FEATURES,
    NUMERIC_FEATURES,
    PANEL_MEANS,
)
from credit_risk_dagster.models.explanation import explain, top_reasons
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained, window
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_MONTHS

FRAME = loan_frame()

every_candidate = pytest.mark.parametrize("candidate", CANDIDATES)


@pytest.mark.parametrize(
    ("candidate", "tolerance"), [("logistic_regression", 1e-6), ("xgboost", 1e-4)]
)
def test_base_and_contributions_add_up_to_the_log_odds(
    candidate: str, tolerance: float
) -> None:
    model = trained(candidate).model
    dark = FRAME.head(9).assign(
        **dict.fromkeys(PANEL_MEANS, np.nan), **{CLICKSTREAM_MONTHS: 0}, occupation="Unseen"
    )
    loans = pd.concat([FRAME, dark], ignore_index=True)
    explanation = explain(model, loans)
    total = explanation.base + explanation.contributions.sum(axis=1)
    np.testing.assert_allclose(total, logit(score(model, loans)), atol=tolerance)


def test_the_reference_of_logistic_regression_is_the_mean_of_the_training_loans() -> None:
    fit = FRAME[FRAME["cohort"].isin(window().fit)]
    contributions = explain(trained("logistic_regression").model, fit).contributions
    np.testing.assert_allclose(contributions.mean(), 0, atol=1e-12)


@every_candidate
def test_contributions_are_those_of_the_features_that_made_the_data(
    candidate: str,
) -> None:
    contributions = explain(trained(candidate).model, FRAME).contributions
    assert tuple(contributions.columns) == FEATURES
    weight = contributions.abs().mean()
    assert weight[[*NUMERIC_FEATURES]].idxmax() == "outstanding_debt"
    assert weight[[*CATEGORICAL_FEATURES]].idxmax() == "credit_mix"
    assert weight[[*PANEL_MEANS]].idxmax() == "fe_5_mean"


def test_changing_one_feature_of_logistic_regression_moves_its_contribution_only() -> None:
    model = trained("logistic_regression").model
    before = explain(model, FRAME).contributions
    after = explain(model, FRAME.assign(credit_mix="Bad")).contributions
    moved = (before - after).abs().max()
    assert list(moved[moved > 1e-9].index) == ["credit_mix"]


@every_candidate
def test_the_index_is_kept_and_no_loans_have_no_explanation(candidate: str) -> None:
    model = trained(candidate).model
    some = FRAME.iloc[[5, 3]]
    explanation = explain(model, some)
    assert list(explanation.contributions.index) == [5, 3]
    none = explain(model, FRAME.head(0))
    assert none.contributions.shape == (0, len(FEATURES))
    assert none.reasons.shape == none.reason_contributions.shape == (0, 4)
    assert none.base == explanation.base


def test_reasons_are_the_strongest_first_and_only_what_raises_the_risk() -> None:
    contributions = pd.DataFrame(
        {"age": [0.1, -1.0], "interest_rate": [0.5, 0.0], "num_of_loan": [0.3, 0.2]}
    )
    reasons, values = top_reasons(contributions, 2)
    assert reasons.tolist() == [["interest_rate", "num_of_loan"], ["num_of_loan", None]]
    np.testing.assert_array_equal(values, [[0.5, 0.3], [0.2, np.nan]])


@given(st.lists(st.floats(-5, 5), min_size=6, max_size=6), st.integers(1, 6))
def test_reasons_are_what_sorting_one_loan_by_hand_gives(row: list[float], count: int) -> None:
    contributions = pd.DataFrame([row], columns=list("abcdef"))
    ranked = sorted(zip(row, "abcdef", strict=True), key=lambda pair: -pair[0])
    expected = [name if value > 0 else None for value, name in ranked[:count]]
    assert top_reasons(contributions, count)[0][0].tolist() == expected
