import pandas as pd
import pytest

from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.training_rows import in_order, require_both_classes, rows_of
from credit_risk_dagster_tests.models.loan_frames import COHORTS, loan_frame

FRAME = loan_frame(3)


def test_rows_have_one_order_whatever_order_they_came_in() -> None:
    shuffled = FRAME.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(in_order(shuffled), in_order(FRAME))


def test_a_loan_that_occurs_twice_is_named() -> None:
    twice = pd.concat([FRAME, FRAME.iloc[[4]]])
    with pytest.raises(ModelError, match=FRAME["loan_id"].iloc[4]):
        in_order(twice)


def test_only_the_rows_of_the_given_cohorts_are_taken() -> None:
    assert set(rows_of(FRAME, COHORTS[2:4])["cohort"]) == set(COHORTS[2:4])


def test_a_cohort_without_rows_is_named() -> None:
    with pytest.raises(ModelError, match="2025-01-01"):
        rows_of(FRAME, [COHORTS[0], "2025-01-01"])


@pytest.mark.parametrize(("label", "outcome"), [(0, "did not default"), (1, "defaulted")])
def test_one_outcome_only_is_refused_with_the_cohorts_and_the_outcome(
    label: int, outcome: str
) -> None:
    with pytest.raises(ModelError, match=f"2023-07-01 to 2023-08-01.*all 6 loans {outcome}"):
        require_both_classes(FRAME.assign(default=label), COHORTS[:2], "a fold")
