from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_risk_dagster.months import (
    add_months,
    first_day,
    month_of,
    month_range,
    months_between,
    parse_month,
)

MONTHS = st.dates(date(1500, 1, 1), date(8000, 12, 31)).map(month_of)
COUNTS = st.integers(-5_000, 5_000)


@given(st.dates())
def test_the_month_of_a_day_is_the_first_of_it(day: date) -> None:
    assert first_day(month_of(day)) == day.replace(day=1)


@given(MONTHS, COUNTS)
def test_months_are_added_as_pandas_adds_them(month: str, count: int) -> None:
    assert add_months(month, count) == str(pd.Period(month, "M") + count) + "-01"


@given(MONTHS, COUNTS)
def test_the_months_between_are_those_that_were_added(month: str, count: int) -> None:
    assert months_between(month, add_months(month, count)) == count
    assert add_months(add_months(month, count), -count) == month


@given(MONTHS, st.integers(-3, 40))
def test_a_range_holds_every_month_of_it_in_order(first: str, count: int) -> None:
    months = month_range(first, add_months(first, count))
    assert len(months) == max(0, count + 1)
    assert months == sorted(set(months))
    assert months[:1] == [first][: count + 1]


def test_a_range_crosses_the_year() -> None:
    assert month_range("2023-11-01", "2024-02-01") == [
        "2023-11-01",
        "2023-12-01",
        "2024-01-01",
        "2024-02-01",
    ]


@given(MONTHS)
def test_a_month_is_read_with_or_without_its_day(month: str) -> None:
    assert parse_month(month) == parse_month(month[:7]) == month


@pytest.mark.parametrize(
    "text",
    [
        *("2024-13", "2024-00", "0000-01", "24-09", "2024-9", "2024-09-02", "2024-09-01T00:00"),
        *("", "2024/09", "202409", " 2024-09", "2024-09\n", "\u0662\u0660\u0662\u0664-09"),
    ],
)
def test_what_is_not_a_month_is_refused_with_the_form_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a month: write it as YYYY-MM") as refused:
        parse_month(text)
    assert repr(text) in str(refused.value)
