"""Texts that have a closed vocabulary or a pattern: nothing else goes on from bronze."""

import re
from collections.abc import Iterator

import ibis
import ibis.expr.types as ir

from credit_risk_dagster.contract.kinds import (
    Category,
    Duration,
    Identifier,
    ListOf,
    TwoCategories,
)
from credit_risk_dagster.contract.source import Column
from credit_risk_dagster.tables.cleaning import (
    WHITE_SPACE,
    Cleaned,
    stripped,
    text_of,
    trimmed,
    when,
)

MARK = "\x1f"
"""What stands around the elements of a list while it is taken apart: ASCII's unit separator."""

NO_LETTER = "\ufffd"
"""What a delivered mark becomes, so that it neither separates elements nor makes one of two."""


def category(raw: ir.StringColumn, column: Column, kind: Category) -> Cleaned:
    """Read one of a closed list of texts; empty text and placeholders go missing."""
    text = text_of(raw, column)
    known = text.value.isin(list(kind.values))
    return Cleaned(
        value=ibis.ifelse(known & ~text.missing, text.value, ibis.null("string")),
        correction=text.placeholder,
        reason=when(~known & ~text.missing, f"{column.header} is not a known category"),
    )


def identifier(raw: ir.StringColumn, column: Column, kind: Identifier) -> Cleaned:
    """Read an identifier, which must match its pattern; any other text goes no further."""
    text = stripped(trimmed(raw), column.strip)
    matches = text.re_search(rf"^(?:{kind.pattern})\z")
    reason = ibis.cases(
        (text == "", f"{column.header} is empty"),
        (~matches, f"{column.header} does not look like one"),
        else_=ibis.null("string"),
    )
    return Cleaned(ibis.ifelse(matches, text, ibis.null("string")), reason=reason)


def duration(raw: ir.StringColumn, column: Column, kind: Duration) -> Cleaned:
    """Read a length of time in words as months."""
    text = text_of(raw, column)
    value = ibis.coalesce(*(_months(text.value, form) for form in kind.forms))
    return Cleaned(
        value=ibis.ifelse(text.missing, ibis.null("float64"), value),
        correction=text.placeholder,
        reason=when(
            ~text.missing & value.isnull(), f"{column.header} is not like {_example(kind.forms[0])}"
        ),
    )


def two_categories(
    raw: ir.StringColumn, column: Column, kind: TwoCategories
) -> Iterator[tuple[str, Cleaned]]:
    """Read the two categories of a text, both or neither; notes go with the first one."""
    text = text_of(raw, column)
    pattern, names = _form_of_parts(kind)
    matches = text.value.re_search(pattern) & ~text.missing
    known = ibis.ifelse(matches, text.value, ibis.null("string"))
    reason = when(~text.missing & ~matches, f"{column.header} is not a known category")
    for part in kind.parts:
        value = known.re_extract(pattern, names.index(part.name) + 1)
        first = part is kind.parts[0]
        yield (
            part.name,
            Cleaned(value, text.placeholder if first else None, reason if first else None),
        )


def list_flags(raw: ir.StringColumn, column: Column, kind: ListOf) -> Iterator[tuple[str, Cleaned]]:
    """Read which elements a list holds: 1 or 0 each, null where a placeholder stands for it.

    An element counts where it stands whole between separators; what is not declared is `other`.
    """
    text = text_of(raw, column)
    unknown = (
        raw.isnull() if text.placeholder is None else raw.isnull() | text.placeholder.notnull()
    )
    listed = _marked(ibis.coalesce(text.value, ""), kind.separators)
    correction = text.placeholder
    for element, name in zip(kind.elements, column.names, strict=False):
        held = listed.contains(f"{MARK}{element.text}{MARK}").cast("float64")
        yield name, Cleaned(ibis.ifelse(unknown, ibis.null("float64"), held), correction)
        correction = None
    declared = "|".join(re.escape(element.text) for element in kind.elements)
    rest = listed.re_replace(rf"{MARK}({declared}){MARK}", "").replace(MARK, "")
    other = (rest != "").cast("float64")
    yield column.names[-1], Cleaned(ibis.ifelse(unknown, ibis.null("float64"), other))


def _marked(text: ir.StringValue, separators: tuple[str, ...]) -> ir.StringValue:
    """Put a mark at both ends of each element, white space around separators dropped."""
    between = "|".join(_separator(one) for one in separators)
    space = f"[{WHITE_SPACE}]*"
    inner = text.replace(MARK, NO_LETTER).re_replace(rf"{space}({between}){space}", MARK * 2)
    return ibis.literal(MARK) + inner + MARK


def _separator(separator: str) -> str:
    """Return the pattern of a separator.

    One that begins with white space stands between white space, as a word does: ` - ` is no
    hyphen. After a sign, as of `, `, it may be left out.
    """
    word = separator.strip()
    pattern = re.escape(word).replace(r"\ ", f"[{WHITE_SPACE}]+")
    between = separator[:1].isspace()
    before = f"[{WHITE_SPACE}]" if between else ""
    ends = separator[-1:].isspace() and (between or word[-1:].isalnum())
    return before + pattern + (f"[{WHITE_SPACE}]" if ends else "")


def _months(text: ir.StringValue, form: str) -> ir.FloatingValue:
    pattern, names = _form_of_time(form)
    known = ibis.ifelse(text.re_search(pattern), text, ibis.null("string"))
    parts = {
        name: known.re_extract(pattern, position).cast("float64")
        for position, name in enumerate(names, start=1)
    }
    years, months = parts.get("years"), parts.get("months")
    if years is None:
        return months
    return years * 12 if months is None else years * 12 + months


def _form_of_time(form: str) -> tuple[str, list[str]]:
    """Return the pattern of a duration's form, and the names of its groups in order."""
    pieces = re.split(r"(\{years\}|\{months\}|\[[^\]]*\])", form)
    names, pattern = [], ""
    for piece in pieces:
        if piece in ("{years}", "{months}"):
            names.append(piece[1:-1])
            pattern += "([0-9]{1,3})"
        elif piece.startswith("["):
            pattern += f"(?:{re.escape(piece[1:-1])})?"
        else:
            pattern += re.escape(piece)
    return rf"^{pattern}\z", names


def _example(form: str) -> str:
    text = form.replace("{years}", "10").replace("{months}", "9")
    return text.replace("[", "").replace("]", "")


def _form_of_parts(kind: TwoCategories) -> tuple[str, list[str]]:
    """Return the pattern of two categories, and the names of its groups in order."""
    values = {part.name: "|".join(re.escape(value) for value in part.values) for part in kind.parts}
    names, pattern = [], ""
    for piece in re.split(r"(\{[^}]*\})", kind.form):
        if piece[1:-1] in values and piece.startswith("{"):
            names.append(piece[1:-1])
            pattern += f"({values[piece[1:-1]]})"
        else:
            pattern += re.escape(piece)
    return rf"^{pattern}\z", names
