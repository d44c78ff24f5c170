"""What the strict grammar says of one line, written apart from the reader."""

import re
from collections.abc import Sequence

from credit_risk_dagster.contract.dialect import Dialect

QUOTES = "a quote is not closed, not doubled, or inside an unquoted value"
DATE = "snapshot_date is not the first day of a month, written YYYY-MM-01"


def fields_of(text: str, dialect: Dialect) -> list[str] | None:
    """The fields of one line, or None where quotes are at fault."""
    if not dialect.quote:
        return text.split(dialect.delimiter)
    delimiter, quote = re.escape(dialect.delimiter), re.escape(dialect.quote)
    inside = f"(?:[^{quote}]|{quote}{quote})*"
    field = re.compile(
        rf"(?:[^{quote}{delimiter}]*|{quote}({inside}){quote})(?={delimiter}|\Z)", re.DOTALL
    )
    fields, position = [], 0
    while True:
        found = field.match(text, position)
        if found is None:
            return None
        quoted = found[1]
        fields.append(
            found[0] if quoted is None else quoted.replace(dialect.quote * 2, dialect.quote)
        )
        if found.end() == len(text):
            return fields
        position = found.end() + 1


def judged(
    raw: bytes,
    columns: Sequence[str],
    month: str,
    dialect: Dialect,
    shown: str = "UTF-8",
    date: str = DATE,
) -> tuple[str, dict[str, str] | str]:
    """Where a line belongs (rows, rejected, undated), with its values or its reason.

    The last of the columns is the month, which is to be written as said.
    """
    text = raw.decode("latin-1")
    fields = fields_of(text, dialect)
    dated = bool(fields and len(fields) == len(columns) and fields[-1] == month)
    place = "rejected" if dated else "undated"
    if not raw:
        return place, "blank line"
    if "\0" in text:
        return place, "a NUL byte"
    try:
        decoded = raw.decode(dialect.encoding)
    except UnicodeDecodeError:
        return place, f"not valid {shown}"
    if "\r" in text:
        return place, "a carriage return inside the line"
    if fields is None:
        return place, QUOTES
    if len(fields) != len(columns):
        return place, f"{len(fields)} fields where the header has {len(columns)}"
    if not dated:
        return place, date
    return "rows", dict(zip(columns, fields_of(decoded, dialect) or (), strict=True))
