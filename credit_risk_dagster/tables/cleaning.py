"""How one raw text becomes a typed value, a correction, or a reason for quarantine.

Three outcomes of a value, and only these: it is taken as it is; it is known dirt (a placeholder,
a number outside what the lender accepts) and becomes missing, which is noted as a correction; or
it is not what belongs in the column at all, and the row is quarantined.

No note quotes a text that may be a person's: declared placeholders and short numbers are quoted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import ibis
import ibis.expr.types as ir

from credit_risk_dagster.contract.source import Column

# A pattern ends with \z: before a Unicode line end, `$` ends the text on Spark but not on DuckDB.
WHITE_SPACE = r" \t\n\x0b\f\r"
"""What `\\s` means to Spark; to DuckDB it leaves out the vertical tab."""

HARMLESS = r"^-?[0-9]{1,7}([.,][0-9]{1,4})?_?\z"
"""A number too short to be that of a person, an account or a telephone."""

SEPARATOR = "; "


@dataclass(frozen=True)
class Cleaned:
    """A typed value with what was corrected and why it cannot be taken, as text or null."""

    value: ir.Value
    correction: ir.StringValue | None = None
    reason: ir.StringValue | None = None


@dataclass(frozen=True)
class Text:
    """A delivered text without decoration, and whether it stands for a missing value."""

    value: ir.StringValue
    missing: ir.BooleanValue
    placeholder: ir.StringValue | None
    """What is noted of a placeholder."""


def text_of(raw: ir.StringColumn, column: Column) -> Text:
    """Trim a text, drop its decoration, and see whether it is empty or a placeholder.

    A placeholder is compared before anything but white space is dropped.
    """
    trimmed_text = trimmed(_delivered(raw, column))
    text = stripped(trimmed_text, column.strip)
    missing = text == ""
    if not column.placeholders:
        return Text(text, missing, None)
    placeholder = trimmed_text.isin(list(column.placeholders))
    note = ibis.literal(f"{column.header} '") + trimmed_text + "' is a placeholder"
    return Text(text, missing | placeholder, when(placeholder, note))


def required(cleaned: Cleaned, column: Column) -> Cleaned:
    """Make a missing or out-of-range value a reason for quarantine."""
    reason = ibis.literal(f"{column.header} is missing or out of range")
    if cleaned.reason is not None:
        reason = ibis.coalesce(cleaned.reason, reason)
    return Cleaned(cleaned.value, reason=when(cleaned.value.isnull(), reason))


def trimmed(text: ir.StringValue) -> ir.StringValue:
    """Drop white space at both ends.

    Ibis's own `strip` also drops the letters f, n, r, t and v on Spark, which reads the list of
    white space that it is given without escapes.
    """
    return text.re_replace(rf"^[{WHITE_SPACE}]+|[{WHITE_SPACE}]+\z", "")


def stripped(text: ir.StringValue, decoration: str) -> ir.StringValue:
    """Drop characters that are no part of a value, and white space beside them, at both ends."""
    if not decoration:
        return text
    characters = re.escape(decoration) + WHITE_SPACE
    return text.re_replace(rf"^[{characters}]+|[{characters}]+\z", "")


def shown(raw: ir.StringColumn, header: str, fault: str) -> ir.StringValue:
    """Say what is wrong with a value, and quote it where that can tell nobody's name or number."""
    quoted = ibis.ifelse(raw.re_search(HARMLESS), ibis.literal(" '") + raw + "' ", " ")
    return ibis.literal(header) + quoted + fault


def when(condition: ir.BooleanValue, text: ir.StringValue | str) -> ir.StringValue:
    """Return a text where a condition holds, else null."""
    return ibis.ifelse(
        condition, ibis.literal(text) if isinstance(text, str) else text, ibis.null("string")
    )


def first_of(*texts: ir.StringValue | None) -> ir.StringValue | None:
    """Return the first text that is there."""
    given = [text for text in texts if text is not None]
    return ibis.coalesce(*given) if given else None


def join_texts(texts: Sequence[ir.StringValue | None]) -> ir.StringValue:
    """Join the texts that are there, separated by `; `; empty where there are none."""
    parts = [ibis.coalesce(text + SEPARATOR, "") for text in texts if text is not None]
    joined = reduce(lambda left, right: left + right, parts, ibis.literal(""))
    return joined.re_replace(rf"{SEPARATOR}\z", "")


def _delivered(raw: ir.StringColumn, column: Column) -> ir.StringValue:
    """Take a column that was not delivered in a month as empty."""
    if column.begins is None and column.ends is None:
        return raw
    return ibis.coalesce(raw, "")
