"""What is wrong with the columns of a contract."""

import re
from collections.abc import Iterator

from credit_risk_dagster.contract.finding import Finding
from credit_risk_dagster.contract.kinds import (
    Category,
    Duration,
    Identifier,
    Kind,
    ListOf,
    Number,
    TwoCategories,
)
from credit_risk_dagster.contract.roles import KINDS_OF_ROLES, LOAN_BOOK
from credit_risk_dagster.contract.source import Column, Personal, Shape, Source

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
OF_PERSONS = (
    "Jane Roe",
    "Müller",
    "Roe",
    "123-45-6789",
    "jane@roe.org",
    "+1 555 0100",
    "12 High St",
)
"""What no identifier's pattern may match, lest it let names through."""

RESERVED = ("months", "latest_reading_date", "corrections", "reasons", "disposition", "default")


def column_findings(source: Source, column: Column) -> Iterator[Finding]:
    """Yield everything that is wrong with a column of a source."""
    place = f"source {source.name}, column {column.header}"
    for name in (column.name, *column.names):
        if not NAME.fullmatch(name):
            yield Finding(place, f"{name!r} must be small letters, digits and _, a letter first.")
        if name in RESERVED:
            yield Finding(place, f"{name} is a name of the platform's own: take another.")
    if not column.meaning.strip() or column.meaning.endswith("."):
        yield Finding(place, "say what it means, as a phrase without a full stop.")
    yield from _personal(place, column)
    yield from _role(place, source, column)
    if column.begins and column.ends and column.begins > column.ends:
        yield Finding(place, f"it ends in {column.ends[:7]}, before it begins.")
    if column.kind is not None:
        yield from _kind(place, source, column.kind)


def _personal(place: str, column: Column) -> Iterator[Finding]:
    if column.personal is Personal.YES and column.kind is not None:
        yield Finding(
            place, "it tells who somebody is, so it goes no further than bronze: give it no kind."
        )
    if column.kind is None and column.name in KINDS_OF_ROLES:
        yield Finding(place, f"{column.name} is read by the platform: it needs a kind.")


def _role(place: str, source: Source, column: Column) -> Iterator[Finding]:
    if column.name in LOAN_BOOK and source.shape is not Shape.LOAN_BOOK:
        yield Finding(
            place, f"{column.name} is a name of the loan book: call it something else here."
        )
    kinds = KINDS_OF_ROLES.get(column.name)
    if kinds is not None and column.kind is not None and not isinstance(column.kind, kinds):
        wanted = " or ".join(kind.__name__.lower() for kind in kinds)
        yield Finding(place, f"{column.name} must be of the kind {wanted}.")


def _kind(place: str, source: Source, kind: Kind) -> Iterator[Finding]:
    if isinstance(kind, Number):
        yield from _number(place, source, kind)
    elif isinstance(kind, Category):
        yield from _values(place, kind.values)
    elif isinstance(kind, Identifier):
        yield from _pattern(place, kind.pattern)
    elif isinstance(kind, Duration):
        yield from _forms(place, kind.forms)
    elif isinstance(kind, ListOf):
        yield from _values(place, tuple(element.text for element in kind.elements))
        if not kind.separators or not all(one.strip() for one in kind.separators):
            yield Finding(place, "say what separates two elements.")
    elif isinstance(kind, TwoCategories):
        for part in kind.parts:
            yield from _values(place, part.values)
            if kind.form.count(f"{{{part.name}}}") != 1:
                yield Finding(place, f"the form must hold {{{part.name}}} once.")
    if source.shape is Shape.PANEL and not isinstance(kind, (Number, Identifier)):
        if place.endswith(source.month_header):
            return
        yield Finding(place, "the readings of a panel are numbers.")


def _number(place: str, source: Source, kind: Number) -> Iterator[Finding]:
    if kind.low is not None and kind.high is not None and kind.low > kind.high:
        yield Finding(place, f"its range ends at {kind.high:g}, before it begins at {kind.low:g}.")
    if not 0 <= kind.decimals <= 6:
        yield Finding(place, "decimals are 0 to 6 digits.")
    if source.shape is Shape.PANEL and not kind.whole and not kind.decimals:
        yield Finding(
            place,
            "sums of a panel are kept as whole numbers: say whole = true, or how many decimals.",
        )
    if kind.at_most is not None and not source.has(kind.at_most.of):
        yield Finding(place, f"at_most: the source has no column {kind.at_most.of}.")


def _values(place: str, values: tuple[str, ...]) -> Iterator[Finding]:
    if not values:
        yield Finding(place, "it names no values: a text goes on only if its vocabulary is closed.")
    if len(set(values)) != len(values):
        yield Finding(place, "a value stands twice.")
    if any(value != value.strip() or not value for value in values):
        yield Finding(place, "a value is empty or has white space around it, which is never read.")


def _pattern(place: str, pattern: str) -> Iterator[Finding]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        yield Finding(place, f"its pattern is no regular expression: {error}.")
        return
    if re.search(r"\(\?[^:]|\\[1-9]", pattern):
        yield Finding(place, "its pattern looks around or back, which not every engine can.")
    passed = [text for text in OF_PERSONS if compiled.fullmatch(text)]
    if passed:
        yield Finding(
            place,
            f"its pattern also matches {passed[0]!r}, so that names could pass: make it as narrow "
            "as the lender's identifiers are.",
        )


def _forms(place: str, forms: tuple[str, ...]) -> Iterator[Finding]:
    if not forms:
        yield Finding(place, "it names no form: write one like {years} years {months} months.")
    for form in forms:
        if form.count("{years}") > 1 or form.count("{months}") > 1 or "{" not in form:
            yield Finding(place, f"the form {form!r} must hold {{years}} or {{months}}, each once.")
