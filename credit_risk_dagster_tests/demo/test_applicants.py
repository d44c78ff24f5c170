import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.demo.applicants import draw_applicants
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.months import month_range


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**128), size=st.integers(1, 300))
def test_no_two_customers_of_a_portfolio_share_an_id(seed: int, size: int) -> None:
    portfolio = DemoPortfolio("2025-06", applicants_per_month=size, seed=seed)
    months = month_range("2023-01-01", "2026-12-01")
    ids = np.concatenate([draw_applicants(portfolio, month).customer_ids for month in months])
    assert len(set(ids.tolist())) == len(months) * size
    assert all(int(name.removeprefix("CUS_0x"), 16) < 2**32 for name in ids.tolist())


def test_applicants_do_not_depend_on_the_months_of_the_portfolio() -> None:
    short, long = DemoPortfolio("2024-03", months=3), DemoPortfolio("2026-03", months=40)
    one, other = (draw_applicants(each, "2024-03-01") for each in (short, long))
    for field in vars(one):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


def test_a_few_applicants_are_missing_from_each_source() -> None:
    portfolio = DemoPortfolio("2025-06", applicants_per_month=40_000)
    applicants = draw_applicants(portfolio, "2024-01-01")
    assert 0.010 < 1 - applicants.has_clickstream.mean() < 0.020
    assert 0.003 < 1 - applicants.has_attributes.mean() < 0.007
    assert 0.003 < 1 - applicants.has_loan.mean() < 0.007


def test_weakness_and_distress_are_independent_and_standard_normal() -> None:
    portfolio = DemoPortfolio("2025-06", applicants_per_month=40_000)
    applicants = draw_applicants(portfolio, "2024-01-01")
    for latent in (applicants.weakness, applicants.distress):
        assert abs(latent.mean()) < 0.02
        assert abs(latent.std() - 1) < 0.02
    assert abs(np.corrcoef(applicants.weakness, applicants.distress)[0, 1]) < 0.02
