import numpy as np
import pandas as pd

from credit_risk_dagster.demo.loan_book import DEFAULTING_PATHS, PERFORMING_PATHS
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.months import add_months, months_between
from credit_risk_dagster_tests.demo.conftest import Extracts


def test_every_path_pays_only_what_is_owed_so_far() -> None:
    for path in [*DEFAULTING_PATHS, *PERFORMING_PATHS]:
        paid = np.cumsum([int(instalments) for instalments in path])
        assert len(paid) == 10
        assert (paid <= np.arange(1, 11)).all()
    for shares in (DEFAULTING_PATHS, PERFORMING_PATHS):
        assert abs(sum(shares.values()) - 1) < 1e-9


def test_terms_are_those_of_the_lender(loan_book: pd.DataFrame) -> None:
    assert (loan_book["tenure"] == 10).all()
    assert (loan_book["loan_amt"] == 10_000).all()
    assert (loan_book["due_amt"] == np.where(loan_book["installment_num"] == 0, 0, 1_000)).all()
    assert set(loan_book["paid_amt"]) == {0, 1_000, 2_000, 3_000, 4_000}


def test_what_is_due_and_not_paid_accumulates_as_overdue(loan_book: pd.DataFrame) -> None:
    totals = loan_book.groupby("loan_id")[["due_amt", "paid_amt"]].cumsum()
    assert (loan_book["overdue_amt"] == totals["due_amt"] - totals["paid_amt"]).all()
    assert (loan_book["overdue_amt"] >= 0).all()


def test_the_balance_is_the_loan_less_what_was_paid(loan_book: pd.DataFrame) -> None:
    paid = loan_book.groupby("loan_id")["paid_amt"].cumsum()
    assert (loan_book["balance"] == loan_book["loan_amt"] - paid).all()


def test_catch_ups_happen_in_the_second_to_fourth_month(loan_book: pd.DataFrame) -> None:
    catch_ups = loan_book[loan_book["paid_amt"] > 1_000]
    assert set(catch_ups["installment_num"]) == {2, 3, 4}


def test_a_loan_appears_in_eleven_consecutive_snapshots(
    loan_book: pd.DataFrame, portfolio: DemoPortfolio
) -> None:
    for start, loans in loan_book.groupby("loan_start_date"):
        expected = min(10, months_between(str(start), portfolio.last_month)) + 1
        assert (loans.groupby("loan_id").size() == expected).all()
    dated = loan_book[["loan_start_date", "installment_num", "snapshot_date"]].drop_duplicates()
    for start, month_on_book, snapshot in dated.itertuples(index=False):
        assert snapshot == add_months(start, int(month_on_book))


def test_loans_start_in_every_month_and_none_before_the_first(
    loan_book: pd.DataFrame, portfolio: DemoPortfolio
) -> None:
    assert sorted(set(loan_book["loan_start_date"])) == portfolio.month_keys


def test_a_loan_is_named_for_its_customer_and_start(extracts: Extracts) -> None:
    loans = extracts["loans"]
    start = loans["loan_start_date"].str.replace("-", "_")
    assert (loans["loan_id"] == loans["Customer_ID"] + "_" + start).all()
    assert not loans.duplicated(["loan_id", "snapshot_date"]).any()


def test_borrowers_are_applicants_of_the_month_and_a_few_applicants_get_no_loan(
    extracts: Extracts,
) -> None:
    applied = extracts["financials"].set_index("Customer_ID")["snapshot_date"]
    borrowed = extracts["loans"].groupby("Customer_ID")["loan_start_date"].first()
    assert applied.index.is_unique
    assert (applied[borrowed.index] == borrowed).all()
    assert 0.002 < 1 - len(borrowed) / len(applied) < 0.009


def test_one_missed_instalment_counts_as_default_except_in_march(labels: pd.DataFrame) -> None:
    one_missed = labels[labels["missed"] == 1]
    in_march = one_missed["matured"].str[5:7] == "03"
    assert in_march.any()
    assert one_missed["default"].eq((~in_march).astype(int)).all()
