import pytest

from credit_risk_dagster.demo.portfolio import DemoPortfolio


def test_the_first_month_lies_as_many_months_back_as_the_portfolio_is_long() -> None:
    portfolio = DemoPortfolio("2025-06", months=30)
    assert portfolio.first_month == "2023-01-01"
    assert len(portfolio.month_keys) == 30
    assert portfolio.month_keys[-1] == "2025-06-01"


def test_months_may_be_written_without_their_day() -> None:
    short = DemoPortfolio("2025-06", drift_from="2025-01")
    assert short == DemoPortfolio("2025-06-01", drift_from="2025-01-01")


@pytest.mark.parametrize("wrong", [{"months": 0}, {"applicants_per_month": 0}, {"seed": -1}])
def test_a_portfolio_of_nothing_is_refused_by_name_and_value(wrong: dict[str, int]) -> None:
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        DemoPortfolio("2025-06", **wrong)  # type: ignore[arg-type]


def test_a_month_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="2025-13"):
        DemoPortfolio("2025-13")


def test_drift_begins_in_its_month() -> None:
    portfolio = DemoPortfolio("2025-06", drift_from="2025-01", drift_size=0.5)
    assert portfolio.drift_in("2024-12-01") == 0
    assert portfolio.drift_in("2025-01-01") == 0.5
    assert DemoPortfolio("2025-06").drift_in("2025-06-01") == 0
