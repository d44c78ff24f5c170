from datetime import date
from functools import cache
from itertools import product
from math import ceil

import pandas as pd
import pytest

from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster_tests.installation import lender_sample
from credit_risk_dagster_tests.tables.refined import Outcome, judged, outcome, outcomes

SNAPSHOTS = month_range("2023-01-01", "2024-12-01")


def loan(snapshot: str, month_on_book: int, **changed: str) -> dict[str, str]:
    return {
        "snapshot_date": snapshot,
        "loan_start_date": add_months(snapshot, -month_on_book),
        "installment_num": str(month_on_book),
        **changed,
    }


def expected_days_past_due(snapshot: str, missed: int) -> int:
    day = pd.Timestamp(snapshot)
    return int((day - (day - pd.DateOffset(months=missed))).days)


def test_days_past_due_are_the_days_since_the_oldest_missed_instalment_in_any_month() -> None:
    cases = list(product(SNAPSHOTS, range(11)))
    found = outcomes(
        "loans",
        (loan(snapshot, 10, overdue_amt=f"{missed * 1000.0}") for snapshot, missed in cases),
    )
    assert [row.values["installments_missed"] for row in found] == [missed for _, missed in cases]
    assert [row.values["days_past_due"] for row in found] == [
        expected_days_past_due(snapshot, missed) for snapshot, missed in cases
    ]


def test_one_missed_instalment_is_as_many_days_past_due_as_the_month_before_had() -> None:
    days = {"2023-03-01": 28, "2024-03-01": 29, "2023-05-01": 30, "2023-08-01": 31}
    found = outcomes("loans", (loan(snapshot, 6) for snapshot in days))
    assert [row.values["days_past_due"] for row in found] == list(days.values())


def test_instalments_missed_round_up_and_are_none_where_nothing_is_due() -> None:
    cases = {
        ("1000", "0"): 0,
        ("1000", "1"): 1,
        ("1000", "1000"): 1,
        ("1000", "1000.01"): 2,
        ("0", "1000"): 0,
        ("0.0", "0.0"): 0,
        ("500", "1000"): 2,
        ("1", "600"): 600,
    }
    found = outcomes("loans", ({"due_amt": due, "overdue_amt": late} for due, late in cases))
    assert all(row.accepted for row in found)
    assert [row.values["installments_missed"] for row in found] == list(cases.values())
    assert [row.values["days_past_due"] for row in found] == [
        expected_days_past_due("2024-03-01", missed) for missed in cases.values()
    ]


def test_more_instalments_missed_than_a_loan_can_have_quarantine_the_row() -> None:
    texts = ["601", "25000", "1e30"]
    found = outcomes("loans", ({"due_amt": "1", "overdue_amt": text} for text in texts))
    assert [row.disposition for row in found] == ["quarantined"] * len(texts)
    assert [row.reasons for row in found] == [
        f"overdue_amt '{text}' is over 600 instalments of due_amt" for text in texts
    ]


def test_a_month_on_book_that_contradicts_the_start_of_the_loan_quarantines_the_row() -> None:
    changes = [{"installment_num": text} for text in ("0", "1", "3", "10")]
    changes += [{"loan_start_date": "2024-04-01", "installment_num": "0"}]
    found = outcomes("loans", changes)
    assert [row.disposition for row in found] == ["quarantined"] * len(changes)
    fault = "installment_num is not the months since loan_start_date"
    assert [row.reasons for row in found] == [f"{fault}, 2"] * 4 + [f"{fault}, -1"]


def test_a_loan_without_one_of_its_amounts_dates_or_counts_is_quarantined() -> None:
    cases = [
        ("loan_start_date", "2024-01-15", "is not the first day of a month"),
        ("loan_start_date", "01/01/2024", "is not the first day of a month"),
        ("loan_start_date", "2024-01-01\u2028", "is not the first day of a month"),
        ("installment_num", "", "is missing or out of range"),
        ("installment_num", "1.5", "is not a number"),
        ("installment_num", "-1", "is missing or out of range"),
        ("tenure", "0", "is missing or out of range"),
        ("loan_amt", "-1", "is missing or out of range"),
        ("due_amt", "", "is missing or out of range"),
        ("paid_amt", "-5", "is missing or out of range"),
        ("overdue_amt", "much", "is not a number"),
        ("balance", "", "is missing or out of range"),
    ]
    found = outcomes("loans", ({column: text} for column, text, _ in cases))
    assert [row.disposition for row in found] == ["quarantined"] * len(cases)
    assert [row.reasons for row in found] == [
        f"{column} '{text}' {fault}" for column, text, fault in cases
    ]


def test_days_past_due_of_the_lenders_loan_book_are_those_of_pandas() -> None:
    book = pd.read_csv(lender_sample() / "lms_loan_daily.csv", dtype=str)
    march = book[book["snapshot_date"].isin(["2023-03-01", "2024-03-01"])]
    rows = [{str(name): text for name, text in row.items()} for row in march.to_dict("records")]
    found = judged("loans", rows)
    assert all(row.accepted for row in found)
    missed = march["overdue_amt"].astype(float) / march["due_amt"].astype(float)
    expected = {
        loan_id: expected_days_past_due(snapshot, ceil(count))
        for loan_id, snapshot, count in zip(
            march["loan_id"], march["snapshot_date"], missed.fillna(0), strict=True
        )
    }
    assert {row.values["loan_id"]: row.values["days_past_due"] for row in found} == expected
    assert set(expected.values()) >= {0, 28, 29, 59, 60}


@cache
def incomes() -> dict[tuple[str, str], Outcome]:
    pairs = [
        ("108000", "3000"),
        ("108000.01", "3000"),
        ("23834698", "3000"),
        ("23834698", ""),
        ("23834698_", "3000"),
        ("5", "0"),
        ("-1", "3000"),
    ]
    found = outcomes(
        "financials",
        ({"Annual_Income": income, "Monthly_Inhand_Salary": salary} for income, salary in pairs),
    )
    return dict(zip(pairs, found, strict=True))


@pytest.mark.parametrize(
    "pair", [("108000.01", "3000"), ("23834698", "3000"), ("23834698_", "3000"), ("5", "0")]
)
def test_an_income_over_three_times_twelve_salaries_goes_missing_and_is_noted(
    pair: tuple[str, str],
) -> None:
    found = incomes()[pair]
    assert found.accepted
    assert found.values["annual_income"] is None
    assert found.corrections == f"Annual_Income '{pair[0]}' is over 3 times twelve monthly salaries"


@pytest.mark.parametrize("pair", [("108000", "3000"), ("23834698", "")])
def test_an_income_is_kept_up_to_that_or_where_no_salary_speaks_against_it(
    pair: tuple[str, str],
) -> None:
    found = incomes()[pair]
    assert found.values["annual_income"] == float(pair[0])
    assert found.corrections == ""


def test_an_income_out_of_range_is_noted_once() -> None:
    assert incomes()["-1", "3000"].corrections == "Annual_Income '-1' is outside [0 to any]"


def test_the_credit_history_is_counted_in_months() -> None:
    cases = {
        "10 Years and 9 Months": 129,
        "0 Years and 0 Months": 0,
        "1 Year and 1 Month": 13,
        " 33 Years and 11 Months ": 407,
        "": None,
    }
    found = outcomes("financials", ({"Credit_History_Age": text} for text in cases))
    assert all(row.accepted and row.corrections == "" for row in found)
    assert [row.values["credit_history_months"] for row in found] == list(cases.values())


def test_a_credit_history_that_is_not_available_is_missing_and_noted() -> None:
    found = outcome("financials", Credit_History_Age="NA")
    assert found.accepted
    assert found.values["credit_history_months"] is None
    assert found.corrections == "Credit_History_Age 'NA' is a placeholder"


def test_a_credit_history_of_another_form_quarantines_the_row() -> None:
    texts = ["10 Years", "ten Years and 9 Months", "129", "1 Years and -1 M"]
    found = outcomes("financials", ({"Credit_History_Age": text} for text in texts))
    assert [row.reasons for row in found] == [
        f"Credit_History_Age '{text}' is not like 10 Years and 9 Months" for text in texts
    ]


def test_the_payment_behaviour_is_a_spending_level_and_a_payment_size() -> None:
    pairs = list(product(("Low", "High"), ("Small", "Medium", "Large")))
    found = outcomes(
        "financials",
        ({"Payment_Behaviour": f" {level}_spent_{size}_value_payments"} for level, size in pairs),
    )
    assert [(row.values["spending_level"], row.values["payment_size"]) for row in found] == pairs
    assert all(row.accepted and row.corrections == "" for row in found)


def test_a_payment_behaviour_of_unknown_parts_quarantines_the_row() -> None:
    found = outcome("financials", Payment_Behaviour="Low_spent_Huge_value_payments")
    assert found.reasons == (
        "Payment_Behaviour 'Low_spent_Huge_value_payments' is not a known category"
    )


def test_the_month_of_a_row_is_a_date() -> None:
    assert outcome("attributes").values["snapshot_date"] == date(2024, 3, 1)
