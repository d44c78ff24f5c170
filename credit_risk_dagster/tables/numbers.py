"""Numbers as lenders write them."""

import re

import ibis
import ibis.expr.types as ir

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.kinds import Number
from credit_risk_dagster.contract.source import Column
from credit_risk_dagster.tables.cleaning import (
    Cleaned,
    first_of,
    shown,
    text_of,
    when,
)


def number(raw: ir.StringColumn, column: Column, kind: Number, dialect: Dialect) -> Cleaned:
    """Read a number as a double; placeholders and values out of range go missing."""
    text = text_of(raw, column)
    numeric = text.value.re_search(_pattern(kind.whole, dialect)) & ~text.missing
    digits = _plain(ibis.ifelse(numeric, text.value, ibis.null("string")), dialect)
    value = digits.cast("float64")
    note, kept = None, value
    if kind.low is not None or kind.high is not None:
        outside = _outside(value, kind.low, kind.high)
        kept = ibis.ifelse(outside, ibis.null("float64"), value)
        fault = f"is outside [{_bound(kind.low)} to {_bound(kind.high)}]"
        note = when(outside, shown(raw, column.header, fault))
    fault = f"{column.header} is not a {'whole ' * kind.whole}number"
    return Cleaned(
        value=kept,
        correction=first_of(text.placeholder, note),
        reason=when(~text.missing & ~numeric, fault),
    )


def at_most(
    cleaned: Cleaned, raw: ir.StringColumn, column: Column, kind: Number, other: ir.FloatingValue
) -> Cleaned:
    """Take a number that is over so many times another one of its row as a typing error."""
    if kind.at_most is None:
        return cleaned
    implausible = ibis.coalesce(cleaned.value > other * float(kind.at_most.factor), False)
    fault = f"is over {kind.at_most.factor:g} times {kind.at_most.of}"
    return Cleaned(
        value=ibis.ifelse(implausible, ibis.null("float64"), cleaned.value),
        correction=first_of(
            cleaned.correction, when(implausible, shown(raw, column.header, fault))
        ),
        reason=cleaned.reason,
    )


def _pattern(whole: bool, dialect: Dialect) -> str:
    """Return the pattern of a number.

    Lengths are bounded, so that neither a number nor a ratio of two is ever infinite; 15 digits of
    a whole number are exact in a double. No group of digits begins with 0: where the point groups,
    `0.500` is a number of another language.
    """
    digits, groups = (15, 4) if whole else (40, 13)
    integer = f"[0-9]{{1,{digits}}}"
    if dialect.thousands:
        grouped = f"[1-9][0-9]{{0,2}}({re.escape(dialect.thousands)}[0-9]{{3}}){{1,{groups}}}"
        integer = f"({grouped}|{integer})"
    point = re.escape(dialect.decimal)
    if whole:
        return rf"^-?{integer}({point}0{{1,40}})?\z"
    return rf"^-?{integer}({point}[0-9]{{1,40}})?([eE][+-]?[0-9]{{1,2}})?\z"


def _plain(text: ir.StringValue, dialect: Dialect) -> ir.StringValue:
    if dialect.thousands:
        text = text.replace(dialect.thousands, "")
    return text if dialect.decimal == "." else text.replace(dialect.decimal, ".")


def _outside(value: ir.FloatingValue, low: float | None, high: float | None) -> ir.BooleanValue:
    """Compare with a range, 0 and 0.0 alike: a definition is the same from Python and from TOML."""
    below = ibis.literal(False) if low is None else ibis.coalesce(value < float(low), False)
    above = ibis.literal(False) if high is None else ibis.coalesce(value > float(high), False)
    return below | above


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"
