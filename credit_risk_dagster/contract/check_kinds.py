"""What is wrong with the kind of a column: what it declares of the texts that stand there."""

import re
from collections.abc import Iterator
from itertools import product
from math import isfinite

from credit_risk_dagster.contract.finding import Finding
from credit_risk_dagster.contract.kinds import (
    Category,
    Date,
    Duration,
    Identifier,
    ListOf,
    Number,
    TwoCategories,
)
from credit_risk_dagster.contract.source import (
    CUSTOMER_ID,
    SNAPSHOT_DATE,
    Column,
    Shape,
    Source,
)

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

MARK = "\x1f"
"""What the platform puts around the elements of a list while it takes it apart."""


def kind_findings(place: str, source: Source, column: Column) -> Iterator[Finding]:
    """Yield everything that is wrong with what the kind of a column declares."""
    kind = column.kind
    if isinstance(kind, Number):
        yield from _number(place, source, column, kind)
    elif isinstance(kind, Category):
        yield from _values(place, column, kind.values)
    elif isinstance(kind, Identifier):
        yield from _pattern(place, kind.pattern)
    elif isinstance(kind, Duration):
        yield from _forms(place, kind.forms)
    elif isinstance(kind, ListOf):
        yield from _list(place, column, kind)
    elif isinstance(kind, TwoCategories):
        yield from _two_categories(place, column, kind)
    elif isinstance(kind, Date) and "DD" not in source.dialect.dates:
        yield Finding(
            place,
            f"the dialect's dates, {source.dialect.dates}, have no day: say kind month, or DD.",
        )
    identity = column.name in (CUSTOMER_ID, SNAPSHOT_DATE)
    if source.shape is Shape.PANEL and not identity and not isinstance(kind, Number):
        yield Finding(place, "the readings of a panel are numbers: leave its kind out.")


def _number(place: str, source: Source, column: Column, kind: Number) -> Iterator[Finding]:
    bounds = [bound for bound in (kind.low, kind.high) if bound is not None]
    if not all(isfinite(bound) for bound in bounds):
        yield Finding(place, "a bound of its range is no finite number: leave it out.")
    elif kind.low is not None and kind.high is not None and kind.low > kind.high:
        yield Finding(place, f"its range ends at {kind.high:g}, before it begins at {kind.low:g}.")
    if not 0 <= kind.decimals <= 6:
        yield Finding(place, "decimals are 0 to 6 digits.")
    if kind.whole and kind.decimals:
        yield Finding(place, "whole numbers have no decimals: say one of the two.")
    if source.shape is Shape.PANEL and not kind.whole and not kind.decimals:
        yield Finding(
            place,
            "sums of a panel are kept as whole numbers: say whole = true, or how many decimals.",
        )
    if kind.at_most is not None:
        yield from _at_most(place, source, column, kind.at_most.of, kind.at_most.factor)


def _at_most(
    place: str, source: Source, column: Column, of: str, factor: float
) -> Iterator[Finding]:
    if not source.has(of):
        yield Finding(place, f"at_most: the source has no column {of}.")
    elif of == column.name or not isinstance(source.column(of).kind, Number):
        yield Finding(place, f"at_most: {of} must be another column, and of the kind number.")
    if not (isfinite(factor) and factor > 0):
        yield Finding(place, "at_most: the factor must be a number above 0.")


def _values(place: str, column: Column, values: tuple[str, ...]) -> Iterator[Finding]:
    if not values:
        yield Finding(place, "it names no values: a text goes on only if its vocabulary is closed.")
    if len(set(values)) != len(values):
        yield Finding(place, "a value stands twice.")
    if any(value != value.strip() or not value for value in values):
        yield Finding(place, "a value is empty or has white space around it, which is never read.")
    elif any(value != value.strip(column.strip) for value in values if column.strip):
        yield Finding(place, f"a value begins or ends with what is stripped, {column.strip!r}.")
    hidden = [value for value in values if value in column.placeholders]
    if hidden:
        yield Finding(place, f"{hidden[0]!r} is a value and a placeholder: it cannot be both.")


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
        counts = [form.count(part) for part in ("{years}", "{months}")]
        if max(counts) != 1:
            yield Finding(place, f"the form {form!r} must hold {{years}} or {{months}}, each once.")
        if re.search(r"\{(?!years\}|months\})|\[[^\]]*\{", form):
            yield Finding(
                place,
                f"the form {form!r} may hold {{years}} and {{months}} and nothing else in braces, "
                "and neither of them in brackets: write a second form instead.",
            )
        if "}{" in form:
            yield Finding(place, f"nothing in the form {form!r} tells where one number ends.")


def _list(place: str, column: Column, kind: ListOf) -> Iterator[Finding]:
    yield from _values(place, column, tuple(element.text for element in kind.elements))
    words = [separator.strip() for separator in kind.separators]
    if not words or not all(words):
        yield Finding(place, "say what separates two elements, and more than white space.")
        return
    if any(MARK in text for text in (*words, *(element.text for element in kind.elements))):
        yield Finding(place, f"{MARK!r} can be no part of an element, and separate none.")
    for element in kind.elements:
        inside = [one for one in kind.separators if _separates(one, element.text)]
        if inside:
            yield Finding(
                place,
                f"the element {element.text!r} holds the separator {inside[0]!r}, so that it would "
                "be taken apart.",
            )
    for number, word in enumerate(words):
        if any(later != word and later.startswith(word) for later in words[number + 1 :]):
            yield Finding(
                place, f"the separator {word!r} hides a longer one: name longer ones first."
            )


def _separates(separator: str, text: str) -> bool:
    """Whether a text would be taken apart; a word separates only where white space is around it."""
    word = separator.strip()
    between = separator[:1].isspace()
    ends = separator[-1:].isspace() and (between or word[-1:].isalnum())
    pattern = (r"\s" if between else "") + re.escape(word) + (r"\s" if ends else "")
    return re.search(pattern, text) is not None


def _two_categories(place: str, column: Column, kind: TwoCategories) -> Iterator[Finding]:
    for part in kind.parts:
        yield from _values(place, column, part.values)
        if not part.meaning.strip() or part.meaning.endswith("."):
            yield Finding(place, f"say what {part.name} means, as a phrase without a full stop.")
        if kind.form.count(f"{{{part.name}}}") != 1:
            yield Finding(place, f"the form must hold {{{part.name}}} once.")
            return
    one, other = kind.parts
    texts = [
        kind.form.replace(f"{{{one.name}}}", first).replace(f"{{{other.name}}}", second)
        for first, second in product(one.values, other.values)
    ]
    if len(set(texts)) < len(set(product(one.values, other.values))):
        yield Finding(
            place,
            f"its parts cannot be told apart: two pairs of values are both written "
            f"{next(text for text in texts if texts.count(text) > 1)!r}.",
        )
    hidden = [text for text in texts if text in column.placeholders]
    if hidden:
        yield Finding(place, f"{hidden[0]!r} is a value and a placeholder: it cannot be both.")
