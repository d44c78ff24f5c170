import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit

from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.models.dark_sources import without
from credit_risk_dagster.models.explanation import REASON_FLOOR, explain, top_reasons
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained

FRAME = loan_frame()
SCORED = {feature.name for feature in CONTRACT.features if feature.scored}

every_candidate = pytest.mark.parametrize("candidate", CANDIDATES)


@every_candidate
def test_base_and_contributions_add_up_to_the_log_odds_of_every_loan(candidate: str) -> None:
    model = trained(candidate).model
    dark = without(FRAME.head(9), "clickstream").assign(credit_mix="Unseen")
    loans = pd.concat([FRAME, dark], ignore_index=True)
    explanation = explain(model, loans)
    total = explanation.base + explanation.contributions.sum(axis=1)
    np.testing.assert_allclose(total, logit(score(model, loans)), atol=1e-4)


@every_candidate
def test_contributions_are_those_of_the_features_that_made_the_data(candidate: str) -> None:
    contributions = explain(trained(candidate).model, FRAME).contributions
    assert set(contributions.columns) == SCORED
    weight = contributions.abs().mean()
    assert weight.idxmax() == "outstanding_debt"
    assert weight["credit_mix"] > weight.median()
    assert weight["clickstream"] > 0


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
    assert none.contributions.shape == (0, len(SCORED))
    assert none.reasons.shape == none.reason_contributions.shape == (0, 4)
    assert none.base == pytest.approx(explanation.base)


@every_candidate
def test_what_is_missing_is_never_a_reason(candidate: str) -> None:
    """A letter must not name a value that nobody has."""
    blank = without(without(FRAME, "clickstream"), "financials")
    reasons = {name for row in explain(trained(candidate).model, blank).reasons for name in row}
    assert reasons <= {"age", None}


def all_known(contributions: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(True, index=contributions.index, columns=contributions.columns)


def test_reasons_are_the_strongest_first_and_only_what_raises_the_risk() -> None:
    contributions = pd.DataFrame(
        {"age": [0.1, -1.0], "interest_rate": [0.5, 0.0], "num_of_loan": [0.3, 0.2]}
    )
    reasons, values = top_reasons(contributions, all_known(contributions), 2)
    assert reasons.tolist() == [["interest_rate", "num_of_loan"], ["num_of_loan", None]]
    np.testing.assert_array_equal(values, [[0.5, 0.3], [0.2, np.nan]])


@given(st.lists(st.floats(-5, 5), min_size=6, max_size=6), st.integers(1, 8))
def test_reasons_are_what_sorting_one_loan_by_hand_gives(row: list[float], count: int) -> None:
    contributions = pd.DataFrame([row], columns=list("abcdef"))
    ranked = sorted(zip(row, "abcdef", strict=True), key=lambda pair: -pair[0])
    expected = [name if value >= REASON_FLOOR else None for value, name in ranked[:count]]
    expected += [None] * (count - len(expected))
    given_reasons, _ = top_reasons(contributions, all_known(contributions), count)
    assert given_reasons[0].tolist() == expected
