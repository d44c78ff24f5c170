"""Months and days as lenders write them."""

import re

import ibis
import ibis.expr.types as ir

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.source import Column
from credit_risk_dagster.tables.cleaning import Cleaned, text_of, when

PARTS = {"YYYY": "([0-9]{4})", "MM": "(0[1-9]|1[0-2])", "DD": "(0[1-9]|[12][0-9]|3[01])"}


def day(raw: ir.StringColumn, column: Column, dialect: Dialect) -> Cleaned:
    """Read a day; of a form without one, the first of the month."""
    return _read(raw, column, dialect, f"is not a day, written {dialect.dates}")


def month(raw: ir.StringColumn, column: Column, dialect: Dialect) -> Cleaned:
    """Read a month, written as its first day or without a day."""
    found = _read(raw, column, dialect, f"is not a month, written {_first(dialect.dates)}")
    first = found.value.day() == 1
    return Cleaned(
        value=ibis.ifelse(first, found.value, ibis.null("date")),
        correction=found.correction,
        reason=ibis.coalesce(
            found.reason,
            when(~first, f"{column.header} is not the first day of a month"),
        ),
    )


def first_of_month(date: ir.DateValue) -> ir.DateValue:
    """Return the first day of a date's month."""
    return ibis.date(date.year().cast("int32"), date.month().cast("int32"), 1)


def month_index(date: ir.DateValue) -> ir.IntegerValue:
    """Return the months since year 0."""
    return date.year().cast("int64") * 12 + date.month().cast("int64") - 1


def _read(raw: ir.StringColumn, column: Column, dialect: Dialect, fault: str) -> Cleaned:
    text = text_of(raw, column)
    pattern = form_pattern(dialect.dates)
    places = sorted(PARTS, key=lambda part: dialect.dates.find(part) % 100)
    given = [part for part in places if part in dialect.dates]
    known = ibis.ifelse(text.value.re_search(pattern), text.value, ibis.null("string"))
    part = {
        name: known.re_extract(pattern, position).cast("int32")
        for position, name in enumerate(given, start=1)
    }
    year, month_, day_ = part["YYYY"], part["MM"], part.get("DD", ibis.literal(1, "int32"))
    valid = (year > 0) & (day_ <= _days_in(year, month_))
    one = ibis.literal(1, "int32")
    date = ibis.date(*(ibis.ifelse(valid, value, one) for value in (year, month_, day_)))
    known_date = ibis.coalesce(valid, False)
    return Cleaned(
        value=ibis.ifelse(known_date, date, ibis.null("date")),
        correction=text.placeholder,
        reason=when(~known_date & ~text.missing, f"{column.header} {fault}"),
    )


def form_pattern(form: str) -> str:
    """Return the pattern of a form of YYYY, MM and DD, each a group in its order."""
    pattern = re.escape(form)
    for part, digits in PARTS.items():
        pattern = pattern.replace(part, digits)
    return rf"^{pattern}\z"


def _first(form: str) -> str:
    return form.replace("DD", "01")


def _days_in(year: ir.IntegerValue, month_: ir.IntegerValue) -> ir.IntegerValue:
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return ibis.cases(
        (month_ == 2, ibis.ifelse(leap, 29, 28)),
        (month_.isin([4, 6, 9, 11]), 30),
        else_=31,
    )
