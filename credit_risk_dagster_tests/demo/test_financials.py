import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from credit_risk_dagster.demo.applicants import draw_applicants
from credit_risk_dagster.demo.financials import (
    BALANCE_BASES,
    DRIFT,
    clean_financials,
    drifted,
    financial_scores,
)
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster_tests.demo.conftest import numbers

MONTH = "2024-01-01"
SAMPLE = Path(
    os.environ.get(
        "CREDIT_RISK_SAMPLE", Path(__file__).parents[3] / "shared" / "data" / "lender_sample"
    )
)

ACCEPTED = {
    "Annual_Income": (0, 200_000),
    "Monthly_Inhand_Salary": (0, 20_000),
    "Num_Bank_Accounts": (0, 20),
    "Num_Credit_Card": (0, 20),
    "Interest_Rate": (0, 100),
    "Num_of_Loan": (0, 20),
    "Delay_from_due_date": (-10, 100),
    "Num_of_Delayed_Payment": (0, 100),
    "Num_Credit_Inquiries": (0, 50),
    "Outstanding_Debt": (0, 10_000),
    "Credit_Utilization_Ratio": (0, 100),
    "Total_EMI_per_month": (0, 1_999),
    "Monthly_Balance": (0, 5_000),
}


@pytest.fixture(scope="module")
def financials() -> pd.DataFrame:
    portfolio = DemoPortfolio("2025-06", applicants_per_month=20_000)
    applicants = draw_applicants(portfolio, MONTH)
    return clean_financials(applicants, financial_scores(applicants, 1), 1)


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    path = SAMPLE / "features_financials.csv"
    if not path.exists():
        pytest.skip(f"no lender sample in {SAMPLE}; set CREDIT_RISK_SAMPLE to its folder")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_annual_income_is_twelve_salaries_give_or_take(financials: pd.DataFrame) -> None:
    ratio = financials["Annual_Income"] / financials["Monthly_Inhand_Salary"] / 12
    assert abs(ratio.median() - 1) < 0.01
    assert ratio.between(0.7, 1.4).all()


def test_the_monthly_balance_is_what_instalments_and_investments_leave(
    financials: pd.DataFrame,
) -> None:
    left = (
        financials["Monthly_Inhand_Salary"] / 10
        - financials["Total_EMI_per_month"]
        - financials["Amount_invested_monthly"]
        + financials["Payment_Behaviour"].map(BALANCE_BASES)
    )
    np.testing.assert_allclose(financials["Monthly_Balance"], left, atol=1e-6)
    assert (financials["Monthly_Balance"] > 0).all()
    assert (financials["Amount_invested_monthly"] >= 0).all()


def test_instalments_follow_loans(financials: pd.DataFrame) -> None:
    has_loans = financials["Num_of_Loan"] > 0
    assert (financials["Total_EMI_per_month"] > 0).equals(has_loans)
    assert 0.06 < 1 - has_loans.mean() < 0.14


def test_as_many_loan_types_are_listed_as_there_are_loans(financials: pd.DataFrame) -> None:
    listed = financials["Type_of_Loan"].str.replace(", and ", ", ").str.split(", ")
    counted = listed.str.len().where(financials["Type_of_Loan"] != "", 0)
    assert counted.tolist() == financials["Num_of_Loan"].tolist()
    several = financials["Type_of_Loan"][financials["Num_of_Loan"] > 1]
    assert several.str.count(", and ").eq(1).all()
    assert several.str.contains("Not Specified").any()
    assert listed.map(lambda items: len(items) > len(set(items))).any()


def test_a_bad_credit_mix_comes_with_more_delays_debts_and_enquiries(
    financials: pd.DataFrame,
) -> None:
    columns = ["Delay_from_due_date", "Outstanding_Debt", "Num_Credit_Inquiries", "Interest_Rate"]
    medians = financials.groupby("Credit_Mix")[columns].median()
    assert (medians.loc["Good"] < medians.loc["Standard"]).all()
    assert (medians.loc["Standard"] < medians.loc["Bad"]).all()


@pytest.mark.parametrize("column", ACCEPTED)
def test_quartiles_are_those_of_a_real_lender(
    column: str, financials: pd.DataFrame, sample: pd.DataFrame
) -> None:
    real = numbers(sample[column])
    real = real[real.between(*ACCEPTED[column])]
    quartiles = [0.25, 0.5, 0.75]
    spread = real.quantile(0.75) - real.quantile(0.25)
    off = (financials[column].quantile(quartiles) - real.quantile(quartiles)).abs()
    assert (off <= max(0.15 * spread, 1 if spread > 2 else 0)).all()


def test_features_go_together_as_at_a_real_lender(
    financials: pd.DataFrame, sample: pd.DataFrame
) -> None:
    real = pd.DataFrame({name: numbers(sample[name]) for name in ACCEPTED})
    real = real.apply(lambda column: column.where(column.between(*ACCEPTED[str(column.name)])))
    off = financials[list(ACCEPTED)].corr("spearman") - real.corr("spearman")
    assert off.abs().to_numpy().max() < 0.20


@pytest.mark.parametrize("column", ["Credit_Mix", "Payment_of_Min_Amount", "Payment_Behaviour"])
def test_categories_are_as_common_as_at_a_real_lender(
    column: str, financials: pd.DataFrame, sample: pd.DataFrame
) -> None:
    known = sample[column][~sample[column].isin(["_", "NM", "!@9#%8"])]
    real = known.value_counts(normalize=True).sort_index()
    ours = financials[column].value_counts(normalize=True).sort_index()
    assert ours.index.tolist() == real.index.tolist()
    assert (ours - real).abs().max() < 0.05


def test_drift_moves_its_scores_by_its_size_and_no_other() -> None:
    applicants = draw_applicants(DemoPortfolio("2025-06"), MONTH)
    scores = financial_scores(applicants, 1)
    moved = drifted(scores, 0.5) - scores
    for name in scores:
        np.testing.assert_allclose(moved[name], 0.5 * DRIFT.get(str(name), 0.0))
