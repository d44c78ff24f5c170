"""Months and days as lenders write them.

Forms have a fixed width, so that the parts of a date are cut out by their places: an expression
that is repeated in many others had better be short.
"""

import re

import ibis
import ibis.expr.types as ir

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.source import Column
from credit_risk_dagster.tables.cleaning import Cleaned, Text, text_of, when

YEAR, MONTH, DAY = "YYYY", "MM", "DD"
ISO = "YYYY-MM-DD"

_DIGITS = {
    YEAR: "[1-9][0-9]{3}",
    MONTH: "(0[1-9]|1[0-2])",
    DAY: "(0[1-9]|[12][0-9]|3[01])",
}


def day(raw: ir.StringColumn, column: Column, dialect: Dialect) -> Cleaned:
    """Read a day; of a form without one, the first of the month."""
    fault = f"{column.header} is not a day, written {dialect.dates}"
    return _read(text_of(raw, column), dialect.dates, _DIGITS[DAY], fault)


def month(raw: ir.StringColumn, column: Column, dialect: Dialect) -> Cleaned:
    """Read a month, written as its first day or without a day."""
    form = dialect.dates.replace(DAY, "01")
    fault = f"{column.header} is not the first day of a month, written {form}"
    return _read(text_of(raw, column), dialect.dates, "01", fault)


def first_of_month(date: ir.DateValue) -> ir.DateValue:
    """Return the first day of a date's month."""
    # Ibis calls it a date; on DuckDB it is a timestamp until it is cast as one.
    return date.truncate("M").cast("timestamp").cast("date")


def month_index(date: ir.DateValue) -> ir.IntegerValue:
    """Return the months since year 0."""
    return date.year().cast("int64") * 12 + date.month().cast("int64") - 1


def _read(text: Text, form: str, days: str, fault: str) -> Cleaned:
    """Read texts of a form; a day that its month does not have is none."""
    written = text.value.re_search(_pattern(form, days))
    iso = ibis.ifelse(written & ~text.missing, _iso(text.value, form), ibis.null("string"))
    date = iso.try_cast("date") if days != "01" else iso.cast("date")
    return Cleaned(
        value=date,
        correction=text.placeholder,
        reason=when(~text.missing & date.isnull(), fault),
    )


def _pattern(form: str, days: str) -> str:
    pattern = re.escape(form)
    for part, digits in {**_DIGITS, DAY: days}.items():
        pattern = pattern.replace(part, digits)
    return rf"^{pattern}\z"


def _iso(text: ir.StringValue, form: str) -> ir.StringValue:
    """Rewrite a date of a form as YYYY-MM-DD."""
    if form == ISO:
        return text
    year, month_, day_ = (
        text.substr(form.index(part), len(part)) if part in form else ibis.literal("01")
        for part in (YEAR, MONTH, DAY)
    )
    return year + "-" + month_ + "-" + day_
