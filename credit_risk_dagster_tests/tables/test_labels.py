"""The label of a loan is what a person who reads its history by the outcome's words would say."""

from collections.abc import Sequence
from datetime import date
from itertools import product
from typing import Any

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.outcome import LeftEarly, Outcome
from credit_risk_dagster.contract.reference import CONTRACT
from credit_risk_dagster.months import add_months, first_day
from credit_risk_dagster.tables.labels import labels, months_read
from credit_risk_dagster_tests.reference_tables import SILVER_LOANS
from credit_risk_dagster_tests.tables.refined import computed, filled

MONTH = date(2024, 3, 1)

Row = dict[str, Any]
History = list[tuple[int, int] | None]
"""Missed instalments and days past due by month on book; None where the book has no row."""

OUTCOMES = [
    Outcome(at, **arrears, within=within, left_early=left_early)
    for at, arrears, within, left_early in product(
        (1, 3),
        ({"days_past_due": 30}, {"installments_missed": 2}),
        (False, True),
        LeftEarly,
    )
]


def row(name: str, start: date, month_on_book: int, missed: int, days: int) -> Row:
    return {
        "loan_id": name,
        "customer_id": f"of {name}",
        "loan_start_date": start,
        "snapshot_date": first_day(add_months(str(start), month_on_book)),
        "month_on_book": month_on_book,
        "installments_missed": missed,
        "days_past_due": days,
    }


def labelled(rows: Sequence[Row], outcome: Outcome) -> dict[str, Row]:
    found = computed(labels(ibis.memtable(filled(SILVER_LOANS, rows)), outcome))
    assert len({one["loan_id"] for one in found}) == len(found)
    return {one["loan_id"]: one for one in found}


def test_a_loan_of_the_reference_lender_is_in_default_from_thirty_days_at_month_on_book_six() -> (
    None
):
    days = [0, 28, 29, 30, 31, 365]
    start = date(2023, 9, 1)
    found = labelled([row(str(one), start, 6, 0, one) for one in days], CONTRACT.outcome)
    assert {int(name): one["default"] for name, one in found.items()} == {
        one: int(one >= 30) for one in days
    }
    assert {one["loan_start_date"] for one in found.values()} == {start}
    assert {one["snapshot_date"] for one in found.values()} == {MONTH}


def test_a_loan_has_a_label_in_no_month_but_that_of_the_outcome() -> None:
    rows = [row(str(number), date(2023, 9, 1), number, 2, 60) for number in range(11)]
    assert list(labelled(rows, CONTRACT.outcome)) == ["6"]


def by_hand(history: History, outcome: Outcome) -> tuple[int, int] | None:
    """Days past due and label of a loan, read row after row; None if it has no label."""
    seen = [one for one in history[: outcome.month_on_book + 1] if one is not None]
    if not seen:
        return None

    def bad(one: tuple[int, int]) -> bool:
        if outcome.days_past_due is not None:
            return one[1] >= outcome.days_past_due
        return one[0] >= (outcome.installments_missed or 0)

    ever_bad = any(bad(one) for one in seen)
    days = max(one[1] for one in seen) if outcome.within else seen[-1][1]
    is_bad = ever_bad if outcome.within else bad(seen[-1])
    at_end = history[outcome.month_on_book] is not None
    if at_end or outcome.left_early is LeftEarly.AS_LAST_SEEN:
        return days, int(is_bad)
    if outcome.left_early is LeftEarly.UNKNOWN:
        return None
    return days, int(outcome.left_early is LeftEarly.BAD or (outcome.within and ever_bad))


ARREARS = st.sampled_from([(0, 0), (1, 29), (1, 30), (1, 31), (2, 29), (2, 60), (3, 91)])
HISTORIES = st.lists(
    st.lists(st.none() | ARREARS | ARREARS, min_size=5, max_size=5), min_size=1, max_size=20
)
"""Five months of some loans, of which some leave the book early or are not in it for a month."""


@pytest.mark.parametrize("outcome", OUTCOMES, ids=repr)
@settings(max_examples=4, deadline=None)
@given(histories=HISTORIES)
def test_a_label_is_what_the_history_of_the_loan_says(
    outcome: Outcome, histories: list[History]
) -> None:
    start = date(2023, 12, 1)
    rows = [
        row(str(name), start, on_book, *arrears)
        for name, history in enumerate(histories)
        for on_book, arrears in enumerate(history)
        if arrears is not None
    ]
    found = labelled(rows, outcome)
    expected = {
        str(name): made
        for name, history in enumerate(histories)
        if (made := by_hand(history, outcome)) is not None
    }
    assert {name: (one["days_past_due"], one["default"]) for name, one in found.items()} == expected
    matures = first_day(add_months(str(start), outcome.month_on_book))
    assert {one["snapshot_date"] for one in found.values()} <= {matures}


@pytest.mark.parametrize("outcome", OUTCOMES, ids=repr)
def test_a_label_reads_no_more_months_than_it_needs(outcome: Outcome) -> None:
    """What the months before say of the loan changes no label that does not read them."""
    early, late = row("L", MONTH, 0, 9, 270), row("L", MONTH, outcome.month_on_book, 0, 0)
    read = [late] if months_read(outcome) == 0 else [early, late]
    assert labelled(read, outcome) == labelled([early, late], outcome)
    assert months_read(outcome) in (0, outcome.month_on_book)


def test_a_loan_number_that_was_given_twice_has_a_label_for_each_loan() -> None:
    outcome = Outcome(1, days_past_due=30, within=True)
    loans = [
        row("L", date(2024, month, 1), on_book, 0, 30 * month * on_book)
        for month in (1, 2)
        for on_book in (0, 1)
    ]
    loans[2]["customer_id"] = loans[3]["customer_id"] = "another"
    found = computed(labels(ibis.memtable(filled(SILVER_LOANS, loans)), outcome))
    assert {(one["customer_id"], one["days_past_due"]) for one in found} == {
        ("of L", 30),
        ("another", 60),
    }
