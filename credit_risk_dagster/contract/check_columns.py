"""What is wrong with the columns of a contract, whatever their kind."""

import re
from collections.abc import Iterator

from credit_risk_dagster.contract.check_kinds import kind_findings
from credit_risk_dagster.contract.finding import Finding
from credit_risk_dagster.contract.kinds import (
    Category,
    Date,
    Duration,
    Identifier,
    ListOf,
    Month,
    Number,
    TwoCategories,
)
from credit_risk_dagster.contract.roles import KINDS_OF_ROLES, LOAN_BOOK
from credit_risk_dagster.contract.source import Column, Personal, Shape, Source
from credit_risk_dagster.months import parse_month

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
NAMING = "must be of small letters, digits and _, a letter first, 60 at most."


def column_findings(source: Source, column: Column) -> Iterator[Finding]:
    """Yield everything that is wrong with a column of a source."""
    place = f"source {source.name}, column {column.header}"
    for name in dict.fromkeys((column.name, *column.names)):
        if not NAME.fullmatch(name):
            yield Finding(place, f"the name {name!r} {NAMING}")
    if not column.header or column.header != column.header.strip():
        yield Finding(place, "its header is empty or has white space around it.")
    yield from phrase_findings(place, column.meaning)
    yield from _personal(place, column)
    yield from _role(place, source, column)
    yield from time_findings(place, column)
    yield from _time_of_source(place, source, column)
    yield from _decoration(place, source, column)
    if column.kind is not None:
        yield from kind_findings(place, source, column)


def phrase_findings(place: str, meaning: str) -> Iterator[Finding]:
    """Yield what is wrong with a meaning."""
    if not meaning.strip() or meaning.rstrip().endswith(".") or len(meaning.splitlines()) > 1:
        yield Finding(place, "say what it means, as a phrase of one line without a full stop.")


def time_findings(place: str, declared: Column | Source) -> Iterator[Finding]:
    """Yield what is wrong with the months in which a column or source begins and ends."""
    wrong = [
        month
        for month in (declared.begins, declared.ends)
        if month is not None and not _is_month(month)
    ]
    for month in wrong:
        yield Finding(
            place, f"{month!r} is not a month: write it YYYY-MM in TOML, YYYY-MM-01 in Python."
        )
    if not wrong and declared.begins and declared.ends and declared.begins > declared.ends:
        yield Finding(place, f"it ends in {declared.ends[:7]}, before it begins.")


def _is_month(month: str) -> bool:
    try:
        return parse_month(month) == month
    except ValueError:
        return False


def _personal(place: str, column: Column) -> Iterator[Finding]:
    if column.personal is Personal.YES and column.kind is not None:
        yield Finding(
            place, "it tells who somebody is, so it goes no further than bronze: give it no kind."
        )
    if column.kind is None and column.name in KINDS_OF_ROLES:
        yield Finding(place, f"{column.name} is read by the platform: it needs a kind.")
    if column.required and (
        column.kind is None or isinstance(column.kind, (ListOf, TwoCategories))
    ):
        yield Finding(
            place,
            "only numbers, categories, durations, months, dates and identifiers can be required.",
        )


def _role(place: str, source: Source, column: Column) -> Iterator[Finding]:
    if column.name in LOAN_BOOK and source.shape is not Shape.LOAN_BOOK:
        yield Finding(
            place, f"{column.name} is a name of the loan book: call it something else here."
        )
    kinds = KINDS_OF_ROLES.get(column.name)
    if kinds is not None and column.kind is not None and not isinstance(column.kind, kinds):
        wanted = " or ".join(kind.__name__.lower() for kind in kinds)
        yield Finding(place, f"{column.name} must be of the kind {wanted}.")


def _time_of_source(place: str, source: Source, column: Column) -> Iterator[Finding]:
    """A row without a required value is refused: such a column is there as long as its source."""
    begins_later = column.begins is not None and column.begins > (source.begins or "")
    ends_earlier = column.ends is not None and (source.ends is None or column.ends < source.ends)
    if not begins_later and not ends_earlier:
        return
    if column.required or column.name in KINDS_OF_ROLES:
        yield Finding(
            place,
            "rows without it are refused, so it must be delivered as long as its source is: leave "
            "begins and ends out, or say that it is not required.",
        )


def _decoration(place: str, source: Source, column: Column) -> Iterator[Finding]:
    """Check what is dropped from the ends of texts, and what stands for a missing value."""
    wrong = [text for text in column.placeholders if text != text.strip() or not text]
    if wrong:
        yield Finding(
            place,
            f"the placeholder {wrong[0]!r} is empty, which is missing anyhow, or has white space "
            "around it, which is dropped before it is compared.",
        )
    if isinstance(column.kind, Identifier) and column.placeholders:
        yield Finding(place, "an identifier is never missing: it has no placeholders.")
    part_of_value = {
        Number: rf"[0-9\-{re.escape(source.dialect.decimal)}]",
        Month: "[0-9]",
        Date: "[0-9]",
        Duration: "[0-9]",
        Category: r"\w(?<!_)",
        Identifier: r"\w(?<!_)",
    }.get(type(column.kind))
    if part_of_value is not None and re.search(part_of_value, column.strip):
        yield Finding(place, f"strip holds what may be part of a value: {column.strip!r}.")
