"""Days and months in the forms of lenders: read as the calendar has them, or refused."""

from collections.abc import Callable
from datetime import date
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.dialect import PLAIN, Dialect
from credit_risk_dagster.contract.kinds import Date, Month
from credit_risk_dagster.tables.dates import day, first_of_month, month, month_index
from credit_risk_dagster_tests.tables.texts import (
    ANY_TEXT,
    RAW,
    WHITE_SPACE,
    Rows,
    cleaned,
    cleaner,
    column,
    reader,
)

OF_DAYS = ["YYYY-MM-DD", "DD.MM.YYYY", "MM/DD/YYYY", "YYYYMMDD", "DD MM YYYY"]
OF_MONTHS = ["YYYY-MM", "MM/YYYY", "YYYYMM"]

every_form = pytest.mark.parametrize("form", [*OF_DAYS, *OF_MONTHS])

PARTS = st.tuples(
    st.integers(1000, 9999) | st.sampled_from([1900, 2000, 2023, 2024, 2100]),
    st.integers(0, 13),
    st.integers(0, 32) | st.sampled_from([28, 29, 30, 31]),
)
"""Year, month and day, some of which no calendar has."""


@cache
def days(form: str) -> Callable[..., Rows]:
    return cleaner(day(RAW, column(Date()), Dialect(dates=form)))


@cache
def months(form: str) -> Callable[..., Rows]:
    return cleaner(month(RAW, column(Month()), Dialect(dates=form)))


def written(form: str, year: int, month_: int, day_: int) -> str:
    parts = (("YYYY", f"{year:04d}"), ("MM", f"{month_:02d}"), ("DD", f"{day_:02d}"))
    for part, digits in parts:
        form = form.replace(part, digits)
    return form


def calendar(year: int, month_: int, day_: int) -> date | None:
    """What Python's calendar has of a day."""
    try:
        return date(year, month_, day_)
    except ValueError:
        return None


@every_form
@settings(max_examples=25, deadline=None)
@given(parts=st.lists(PARTS, min_size=1))
def test_a_day_is_the_one_that_the_calendar_has_or_quarantines_its_row(
    form: str, parts: list[tuple[int, int, int]]
) -> None:
    """Of a form without a day, the first of the month."""
    found = days(form)([f" {written(form, *one)}\t" for one in parts])
    expected = [calendar(*one[:2], one[2] if "DD" in form else 1) for one in parts]
    assert [value for value, _, _ in found] == expected
    assert [reason is None for _, _, reason in found] == [one is not None for one in expected]


@pytest.mark.parametrize("form", OF_DAYS)
def test_a_leap_year_has_a_29th_of_february_and_april_has_no_31st(form: str) -> None:
    known = [(2024, 2, 29), (2000, 2, 29), (2023, 2, 28), (2024, 4, 30)]
    unknown = [(2023, 2, 29), (1900, 2, 29), (2100, 2, 29), (2024, 2, 30), (2024, 4, 31)]
    found = days(form)([written(form, *parts) for parts in (*known, *unknown)])
    fault = f"Amount is not a day, written {form}"
    assert found == [(date(*parts), None, None) for parts in known] + [(None, None, fault)] * 5


@every_form
@settings(max_examples=15, deadline=None)
@given(texts=st.lists(ANY_TEXT | st.text("0123456789-./ "), min_size=1))
def test_whatever_has_another_form_is_refused_and_not_quoted(form: str, texts: list[str]) -> None:
    for text, (value, _, reason) in zip(texts, days(form)(texts), strict=True):
        trimmed = text.strip(WHITE_SPACE)
        if value is not None:
            assert trimmed == written(form, value.year, value.month, value.day)
        else:
            assert reason == (f"Amount is not a day, written {form}" if trimmed else None)


def test_a_date_of_one_form_is_none_of_another() -> None:
    for form, other in product(OF_DAYS, OF_DAYS):
        ((value, _, _),) = days(form)([written(other, 2024, 3, 25)])
        assert value == (date(2024, 3, 25) if form == other else None)


@every_form
def test_a_month_is_its_first_day_and_no_other_day_of_it(form: str) -> None:
    all_days = [(2024, 2, number) for number in range(1, 30)]
    found = months(form)([written(form, *parts) for parts in all_days])
    given_by_month = "DD" not in form
    assert [value for value, _, _ in found] == [
        date(2024, 2, 1) if number == 1 or given_by_month else None for _, _, number in all_days
    ]
    reasons = {reason for _, _, reason in found[1:]}
    assert all(("first day of a month" in (reason or "")) != given_by_month for reason in reasons)


def test_what_is_no_month_is_refused_and_an_empty_text_is_missing() -> None:
    texts = [
        "2024-13-01",
        "2024-2-01",
        "24-02-01",
        "0000-01-01",
        "0999-01-01",
        "2024-02",
        "2024-02-01\u2028",
        "x",
    ]
    found = months("YYYY-MM-DD")([*texts, "", "2024-02-01 "])
    assert [(value, reason is None) for value, _, reason in found] == [
        *[(None, False)] * len(texts),
        (None, True),
        (date(2024, 2, 1), True),
    ]
    assert all(text not in str(found) for text in texts if len(text) > 1)


def test_a_placeholder_is_a_missing_date_and_is_noted() -> None:
    note = "Amount '9999-99-99' is a placeholder"
    made = column(Date(), placeholders=("9999-99-99",))
    assert cleaned(["9999-99-99"], day(RAW, made, PLAIN)) == [(None, note, None)]
    assert cleaned(["9999-99-99"], month(RAW, made, PLAIN)) == [(None, note, None)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dates(min_value=date(1000, 1, 1)), min_size=1))
def test_months_are_counted_from_any_day_of_them(some: list[date]) -> None:
    read = day(RAW, column(Date()), PLAIN).value
    found = reader(first_of_month(read), month_index(read))([one.isoformat() for one in some])
    assert found == [(one.replace(day=1), one.year * 12 + one.month - 1) for one in some]
