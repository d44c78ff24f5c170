"""How one raw text column becomes a typed value, a correction, or a reason for quarantine.

Three outcomes of a value, and only these: it is taken as it is; it is known dirt (a placeholder,
a number outside what the lender accepts) and becomes missing, which is noted as a correction; or
it is not what belongs in the column at all, and the row is quarantined.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import ibis
import ibis.expr.types as ir

# A pattern ends with \z: before a Unicode line end, `$` ends the text on Spark but not on DuckDB.
# Lengths are bounded, so that neither a number nor a ratio of two is ever infinite.
NUMBER = r"^-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?\z"
WHOLE_NUMBER = r"^-?[0-9]{1,15}(\.0{1,40})?\z"
MONTH_START = r"^[0-9]{4}-(0[1-9]|1[0-2])-01\z"
WHITE_SPACE = r"[ \t\n\x0b\f\r]"
"""What `\\s` means to Spark; to DuckDB it leaves out the vertical tab."""

SEPARATOR = "; "


@dataclass(frozen=True)
class Cleaned:
    """A typed value with what was corrected and why it cannot be taken, as text or null."""

    value: ir.Value
    correction: ir.StringValue | None = None
    reason: ir.StringValue | None = None


def number(
    raw: ir.StringColumn,
    *,
    low: float | None = None,
    high: float | None = None,
    placeholders: Sequence[str] = (),
    whole: bool = False,
    quoted: bool = True,
) -> Cleaned:
    """Read a number; placeholders and values out of range go missing.

    Trailing underscores are dropped.

    Args:
        raw: the text as delivered.
        low: the lowest value that the lender accepts.
        high: the highest value that the lender accepts.
        placeholders: texts that stand for a missing value.
        whole: whether only whole numbers belong here; the value is then an integer.
        quoted: whether a reason may quote what is not a number; not where a shifted row would put
            a name or a social security number.
    """
    name = raw.get_name()
    text = trimmed(raw)
    missing = (text == "") | text.isin(list(placeholders))
    digits = text.re_replace(r"_+\z", "")
    numeric = digits.re_search(WHOLE_NUMBER if whole else NUMBER) & ~missing
    value = ibis.ifelse(numeric, digits, ibis.null("string")).cast("float64")
    out_of_range = _outside(value, low, high)
    placed = f"[{_bound(low)} to {_bound(high)}]"
    kept = ibis.ifelse(out_of_range, ibis.null("float64"), value)
    return Cleaned(
        value=kept.cast("int64") if whole else kept,
        correction=_first_of(
            (missing & (text != ""), _quote(name, raw, "is a placeholder")),
            (out_of_range, _quote(name, raw, f"is outside {placed}")),
        ),
        reason=_when(
            ~missing & ~numeric,
            _quote(name, raw, "is not a number") if quoted else f"{name} is not a number",
        ),
    )


def category(
    raw: ir.StringColumn,
    *,
    placeholders: Sequence[str] = (),
    allowed: Sequence[str] | None = None,
) -> Cleaned:
    """Read a category: empty text and placeholders go missing, others must be allowed."""
    name = raw.get_name()
    text = trimmed(raw)
    missing = (text == "") | text.isin(list(placeholders))
    value = ibis.ifelse(missing, ibis.null("string"), text)
    unknown = ibis.literal(False) if allowed is None else ~missing & ~text.isin(list(allowed))
    return Cleaned(
        value=value,
        correction=_when(missing & (text != ""), _quote(name, raw, "is a placeholder")),
        reason=_when(unknown, _quote(name, raw, "is not a known category")),
    )


def month_start(raw: ir.StringColumn) -> Cleaned:
    """Read the first day of a month."""
    valid = raw.re_search(MONTH_START)
    value = ibis.ifelse(valid, raw, ibis.null("string")).cast("date")
    reason = _when(~valid, _quote(raw.get_name(), raw, "is not the first day of a month"))
    return Cleaned(value=value, reason=reason)


def identifier(raw: ir.StringColumn) -> Cleaned:
    """Read an identifier, which may not be empty."""
    text = trimmed(raw)
    return Cleaned(value=text, reason=_when(text == "", f"{raw.get_name()} is empty"))


def required(cleaned: Cleaned, raw: ir.StringColumn) -> Cleaned:
    """Make a missing or out-of-range value a reason for quarantine."""
    absent = cleaned.value.isnull()
    reason = _quote(raw.get_name(), raw, "is missing or out of range")
    if cleaned.reason is not None:
        reason = ibis.coalesce(cleaned.reason, reason)
    return Cleaned(value=cleaned.value, reason=_when(absent, reason))


def trimmed(text: ir.StringValue) -> ir.StringValue:
    """Drop white space at both ends.

    Ibis's own `strip` also drops the letters f, n, r, t and v on Spark, which reads the list of
    white space that it is given without escapes.
    """
    return text.re_replace(rf"^{WHITE_SPACE}+|{WHITE_SPACE}+\z", "")


def join_texts(texts: Sequence[ir.StringValue | None]) -> ir.StringValue:
    """Join the texts that are there, separated by `; `; empty where there are none."""
    parts = [ibis.coalesce(text + SEPARATOR, "") for text in texts if text is not None]
    joined = reduce(lambda left, right: left + right, parts, ibis.literal(""))
    return joined.re_replace(rf"{SEPARATOR}\z", "")


def _outside(value: ir.FloatingValue, low: float | None, high: float | None) -> ir.BooleanValue:
    below = ibis.literal(False) if low is None else ibis.coalesce(value < low, False)
    above = ibis.literal(False) if high is None else ibis.coalesce(value > high, False)
    return below | above


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def _quote(name: str, raw: ir.StringColumn, fault: str) -> ir.StringValue:
    return ibis.literal(f"{name} '") + raw.substr(0, 40) + f"' {fault}"


def _when(condition: ir.BooleanValue, text: ir.StringValue | str) -> ir.StringValue:
    return ibis.ifelse(
        condition, ibis.literal(text) if isinstance(text, str) else text, ibis.null("string")
    )


def _first_of(*cases: tuple[ir.BooleanValue, ir.StringValue]) -> ir.StringValue:
    return ibis.coalesce(*(_when(condition, text) for condition, text in cases))
