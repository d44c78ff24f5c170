"""What the declarations of a contract say, in words: of a kind, an expression, an outcome."""

from collections.abc import Iterator

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.feature import (
    Expression,
    Flags,
    FromColumn,
    MonthsSince,
    Ratio,
    Readings,
)
from credit_risk_dagster.contract.kinds import (
    Category,
    Date,
    Duration,
    Identifier,
    Kind,
    ListOf,
    Month,
    Number,
    TwoCategories,
)
from credit_risk_dagster.contract.outcome import LeftEarly, Outcome
from credit_risk_dagster.contract.source import Column, Shape

ROWS = {
    Shape.LOAN_BOOK: "one row is a loan in a month on book",
    Shape.APPLICANT: "one row is an applicant in the month of application",
    Shape.PANEL: "one row is a customer in a month",
}

LEAVERS = {
    LeftEarly.UNKNOWN: "has no label",
    LeftEarly.AS_LAST_SEEN: "is judged by its last row",
    LeftEarly.GOOD: "is not in default, unless it was before",
    LeftEarly.BAD: "is in default",
}


def code(text: object) -> str:
    """Return a text as Markdown's code, whatever back ticks it holds."""
    written = str(text)
    return f"`` {written} ``" if "`" in written else f"`{written}`"


def kind_in_words(kind: Kind | None) -> str:
    """Say what texts stand for, as a phrase."""
    if kind is None:
        return "kept in bronze only"
    if isinstance(kind, Number):
        return _number(kind)
    if isinstance(kind, Category):
        order = ", from the lowest to the highest" if kind.ordered else ""
        return f"one of {_listed(kind.values)}{order}"
    if isinstance(kind, Identifier):
        return f"an identifier like {code(kind.pattern)}"
    if isinstance(kind, Month):
        return "a month"
    if isinstance(kind, Date):
        return "a day"
    if isinstance(kind, Duration):
        return f"a length of time, written {_listed(kind.forms)}"
    if isinstance(kind, ListOf):
        texts = [element.text for element in kind.elements]
        return f"several of {_listed(texts)}, separated by {_listed(kind.separators)}"
    return f"{code(kind.form)} of {_parts(kind)}"


def _number(kind: Number) -> str:
    what = "a whole number" if kind.whole else "a number"
    if kind.decimals:
        what += f" of {kind.decimals} decimals"
    if kind.low is not None and kind.high is not None:
        what += f" from {kind.low:g} to {kind.high:g}"
    elif kind.low is not None:
        what += f", at least {kind.low:g}"
    elif kind.high is not None:
        what += f", at most {kind.high:g}"
    if kind.at_most is not None:
        what += f", at most {kind.at_most.factor:g} times {code(kind.at_most.of)}"
    return what


def _parts(kind: TwoCategories) -> str:
    return " and ".join(f"{code(part.name)} ({_listed(part.values)})" for part in kind.parts)


def _listed(texts: tuple[str, ...] | list[str]) -> str:
    return ", ".join(code(text) for text in texts)


def reading_in_words(column: Column) -> str:
    """Say how the texts of a column are read beside their kind, as phrases; empty for as usual."""
    return "; ".join(_reading(column))


def _reading(column: Column) -> Iterator[str]:
    if column.placeholders:
        yield f"missing where it is {_listed(column.placeholders)}"
    if column.strip:
        yield f"{_listed(list(column.strip))} dropped from both ends"
    if column.required:
        yield "rows without it are refused"
    if column.begins:
        yield f"from {column.begins[:7]}"
    if column.ends:
        yield f"up to {column.ends[:7]}"


def dialect_in_words(dialect: Dialect) -> str:
    """Say how files are written, as a phrase."""
    grouped = f", {code(dialect.thousands)} between thousands" if dialect.thousands else ""
    quoted = f"quoted by {code(dialect.quote)}" if dialect.quote else "never quoted"
    delimiter = "a tab" if dialect.delimiter == "\t" else code(dialect.delimiter)
    return (
        f"fields separated by {delimiter}, {quoted}, {dialect.encoding}, decimal sign "
        f"{code(dialect.decimal)}{grouped}, dates as {code(dialect.dates)}"
    )


def expression_in_words(expression: Expression) -> str:
    """Say how a feature is computed, as a phrase."""
    if isinstance(expression, FromColumn):
        return f"{code(expression.column)} as it is"
    if isinstance(expression, Ratio):
        least = f", taken as at least {expression.at_least:g}" if expression.at_least else ""
        return f"{code(expression.numerator)} divided by {code(expression.denominator)}{least}"
    if isinstance(expression, Flags):
        return f"1 or 0 for each element of {code(expression.column)}"
    if isinstance(expression, MonthsSince):
        return f"whole months from {code(expression.column)} to the month of application"
    if isinstance(expression, Readings):
        return f"mean of each reading of {code(expression.panel)} up to the month of application"
    return f"{code(expression.name)} of {_listed(expression.columns)}"


def outcome_in_words(outcome: Outcome) -> str:
    """Say what counts as a default, as a sentence."""
    return (
        f"A loan is in default if it is {outcome}; one that left the book before "
        f"{LEAVERS[outcome.left_early]}."
    )
