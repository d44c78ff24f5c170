import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_risk_dagster.models.policy import decide_training
from credit_risk_dagster.models.split import Fold, training_window
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.settings import TrainingPolicy

POLICY = TrainingPolicy()
C = tuple(month_range("2023-07-01", "2024-08-01"))


def test_fourteen_cohorts_are_divided_as_the_design_says() -> None:
    verdict = decide_training("2024-09-01", dict.fromkeys(C, 450), [], POLICY)
    window = training_window(verdict.cohorts, POLICY)
    assert (window.train, window.test, window.out_of_time) == (C[:10], C[10:12], C[12:])
    assert window.fit == C[:12]
    assert window.folds == (
        Fold(C[:4], C[4:6]),
        Fold(C[:6], C[6:8]),
        Fold(C[:8], C[8:10]),
    )


@given(st.integers(4, 24), st.integers(1, 4), st.integers(1, 4))
def test_any_window_uses_each_cohort_once_and_tunes_inside_train_on_earlier_cohorts(
    train: int, test: int, out_of_time: int
) -> None:
    policy = TrainingPolicy(train_months=train, test_months=test, out_of_time_months=out_of_time)
    cohorts = tuple(month_range("2023-01-01", add_months("2023-01-01", policy.window_months - 1)))
    window = training_window(cohorts, policy)
    assert window.train + window.test + window.out_of_time == cohorts
    assert len(window.train) == train
    assert len(window.test) == test
    assert 1 <= len(window.folds) <= 3
    assert window.folds[-1].validation[-1] == window.train[-1]
    for fold in window.folds:
        both = fold.train + fold.validation
        assert both == window.train[: len(both)]
        assert len(fold.train) >= 2
        assert len(fold.validation) == 2


@pytest.mark.parametrize("cohorts", [(), C[:13], C[::-1], (*C[:5], *C[6:], "2024-09-01")], ids=str)
def test_a_window_that_is_not_consecutive_and_complete_is_refused(cohorts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a training window is 14 consecutive cohorts"):
        training_window(cohorts, POLICY)
