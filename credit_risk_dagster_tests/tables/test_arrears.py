"""Month on book and arrears: whatever of them a lender delivers, they say the same of a loan."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from math import ceil

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.kinds import Date, Number
from credit_risk_dagster.contract.reference import LOANS
from credit_risk_dagster.contract.source import Column, Source
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.tables.silver import refined, silver_table
from credit_risk_dagster_tests.installation import lender_sample
from credit_risk_dagster_tests.tables.refined import Row, delivered, identifier, judged, outcomes

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
    said = "overdue_amt is over 600 instalments of due_amt"
    assert [row.reasons for row in found] == [said] * len(texts)


def test_a_month_on_book_that_contradicts_the_start_of_the_loan_quarantines_the_row() -> None:
    changes = [{"installment_num": text} for text in ("0", "1", "3", "10")]
    changes += [{"loan_start_date": "2024-04-01", "installment_num": "0"}]
    found = outcomes("loans", changes)
    assert [row.disposition for row in found] == ["quarantined"] * len(changes)
    fault = "installment_num is not the months since loan_start_date"
    assert [row.reasons for row in found] == [f"{fault}, 2"] * 4 + [f"{fault}, -1"]


def test_a_loan_without_one_of_its_amounts_dates_or_counts_is_quarantined() -> None:
    cases = [
        ("installment_num", "", "is missing or out of range"),
        ("installment_num", "1.5", "is not a whole number"),
        ("installment_num", "-1", "is missing or out of range"),
        ("tenure", "0", "is missing or out of range"),
        ("loan_amt", "-1", "is missing or out of range"),
        ("due_amt", "", "is missing or out of range"),
        ("due_amt", "_1000", "is not a number"),
        ("paid_amt", "-5", "is missing or out of range"),
        ("overdue_amt", "much", "is not a number"),
        ("balance", "", "is missing or out of range"),
    ]
    found = outcomes("loans", ({column: text} for column, text, _ in cases))
    assert [row.disposition for row in found] == ["quarantined"] * len(cases)
    assert [row.reasons for row in found] == [f"{column} {fault}" for column, _, fault in cases]


@pytest.mark.parametrize("text", ["2024-01-15", "01/01/2024", "2024-01-01\u2028", ""])
def test_a_loan_whose_start_is_no_month_is_quarantined(text: str) -> None:
    (found,) = outcomes("loans", [{"loan_start_date": text}])
    assert found.disposition == "quarantined"
    assert found.reasons.startswith("loan_start_date is ")
    assert not text or text not in found.reasons


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


NOT_NEGATIVE = Number(low=0)

ARREARS = {
    "amounts": {"due_amt": "due_amount", "overdue_amt": "overdue_amount"},
    "missed": {"behind": "installments_missed"},
    "days": {"late": "days_past_due"},
}
"""Columns in which a lender tells arrears, with our names: each of the three is enough."""


@cache
def book_with(*kinds: str, on_book: bool = True) -> Source:
    """A loan book that tells arrears in some of the ways, and month on book or not."""
    dropped = {"due_amt", "overdue_amt"} | ({"installment_num"} if not on_book else set())
    columns = [one for one in LOANS.columns if one.header not in dropped]
    columns += [
        Column(header, name, NOT_NEGATIVE, "Arrears of the loan")
        for one in kinds
        for header, name in ARREARS[one].items()
    ]
    return replace(LOANS, columns=tuple(columns))


@cache
def query(book: Source) -> str:
    raw = dict.fromkeys(book.headers, "string")
    raw |= {"source_file": "string", "line_number": "int64"}
    rows = refined(ibis.table(raw, name="book"), book, silver_table(book))
    return str(ibis.to_sql(rows.order_by("loan_id"), dialect="duckdb"))


def silver(book: Source, rows: Sequence[Row]) -> list[Row]:
    """What silver makes of the rows of a loan book, in their order."""
    connection = duckdb.connect(config={"threads": 1})
    given_rows = [
        {
            header: {**row, "loan_id": identifier("loan_id", place)}[header]
            for header in book.headers
        }
        | {"source_file": "book.csv", "line_number": place}
        for place, row in enumerate(rows)
    ]
    connection.register("book", pa.Table.from_pylist(given_rows))
    found: list[Row] = connection.execute(query(book)).to_arrow_table().to_pylist()
    return found


def arrears(rows: Sequence[Row]) -> list[tuple[object, ...]]:
    names = ("month_on_book", "installments_missed", "days_past_due")
    assert {row["disposition"] for row in rows} == {"rows"}
    return [tuple(row[name] for name in names) for row in rows]


LOANS_IN_ARREARS = st.lists(
    st.tuples(st.sampled_from(SNAPSHOTS), st.integers(0, 40), st.integers(0, 40)),
    min_size=1,
    max_size=30,
)
"""Snapshot, month on book and missed instalments of some loans."""


@settings(max_examples=20, deadline=None)
@given(LOANS_IN_ARREARS)
@pytest.mark.long
def test_arrears_are_the_same_from_amounts_from_missed_instalments_and_from_days_past_due(
    loans: list[tuple[str, int, int]],
) -> None:
    rows, expected = [], []
    for snapshot, on_book, missed in loans:
        days = expected_days_past_due(snapshot, missed)
        told = {"overdue_amt": f"{missed * 250.0}", "behind": str(missed), "late": str(days)}
        rows.append(delivered("loans", **loan(snapshot, on_book, due_amt="250")) | told)
        expected.append((on_book, missed, days))
    for kinds in (("amounts",), ("missed",), ("days",), ("missed", "days"), ("amounts", "days")):
        for on_book in (True, False):
            assert arrears(silver(book_with(*kinds, on_book=on_book), rows)) == expected, kinds


def test_a_part_of_a_month_past_due_is_an_instalment_missed() -> None:
    """Days past due may be counted from any day; the instalment is then that of its month."""
    cases = [("2024-03-01", days) for days in (0, 1, 28, 29, 30, 59, 60, 61)]
    rows = [delivered("loans", snapshot_date=month) | {"late": str(days)} for month, days in cases]
    found = arrears(silver(book_with("days"), rows))
    assert [(missed, days) for _, missed, days in found] == [
        (0, 0),
        (1, 1),
        (1, 28),
        (1, 29),
        (2, 30),
        (2, 59),
        (2, 60),
        (3, 61),
    ]


def test_arrears_that_are_delivered_are_taken_as_they_are() -> None:
    row = delivered("loans") | {"behind": "2", "late": "45"}
    ((_, missed, days),) = arrears(silver(book_with("missed", "days"), [row]))
    assert (missed, days) == (2, 45)


@pytest.mark.parametrize(
    ("kind", "header", "texts"),
    [
        ("missed", "behind", ["601", "999999999", "999999999999999", "1e30"]),
        ("days", "late", ["18301", "999999999", "999999999999999", "1e30"]),
    ],
)
def test_delivered_arrears_that_no_loan_can_have_quarantine_their_row_and_stop_no_month(
    kind: str, header: str, texts: list[str]
) -> None:
    rows = [delivered("loans") | {header: text} for text in (*texts, "1", "1.5", "")]
    *refused, kept, not_whole, missing = silver(book_with(kind), rows)
    for row, text in zip(refused, texts, strict=True):
        assert row["disposition"] == "quarantined", text
        assert row["reasons"].startswith(f"{header} "), text
    assert kept["disposition"] == "rows"
    assert not_whole["reasons"] == f"{header} is not a whole number"
    assert missing["reasons"] == f"{header} is missing or out of range"


def test_a_tenure_is_a_whole_number_whatever_the_contract_says_of_it() -> None:
    columns = [
        replace(one, kind=Number(low=1)) if one.name == "tenure" else one for one in LOANS.columns
    ]
    book = replace(LOANS, columns=tuple(columns))
    *refused, kept = silver(
        book, [delivered("loans", tenure=text) for text in ("10.5", "1e30", "9")]
    )
    assert [row["reasons"] for row in refused] == ["tenure is not a whole number"] * 2
    assert kept["tenure"] == 9


def test_without_a_month_on_book_it_is_counted_from_the_start_which_may_be_any_day() -> None:
    columns = [
        replace(one, kind=Date()) if one.name == "loan_start_date" else one
        for one in book_with("amounts", on_book=False).columns
    ]
    book = replace(LOANS, columns=tuple(columns))
    starts = ["2024-03-01", "2024-03-31", "2023-12-15", "2024-04-01", "1970-01-01"]
    found = silver(book, [delivered("loans", loan_start_date=start) for start in starts])
    assert [row["month_on_book"] for row in found[:3]] == [0, 0, 3]
    assert {str(row["loan_start_date"])[8:] for row in found} == {"01"}
    assert [row["reasons"] for row in found[3:]] == [
        f"the months since loan_start_date are not 0 to 600, but {months}" for months in (-1, 650)
    ]
