"""What is wrong with the features of a contract, whose sources are sound."""

import re
from collections.abc import Iterator
from dataclasses import replace

from credit_risk_dagster.contract.check_columns import NAME, NAMING, phrase_findings
from credit_risk_dagster.contract.feature import (
    Direction,
    Feature,
    Flags,
    FromColumn,
    Function,
    MonthsSince,
    Ratio,
    Readings,
)
from credit_risk_dagster.contract.finding import Finding
from credit_risk_dagster.contract.kinds import (
    Category,
    Date,
    Duration,
    Kind,
    ListOf,
    Month,
    Number,
    Part,
    TwoCategories,
)
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.source import SNAPSHOT_DATE

NUMBERS = (Number, Duration)
FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")

AFTER_APPLICATION = ("paid_amount", "overdue_amount", "installments_missed", "days_past_due")
"""What a loan book says of a loan once it runs: no feature, not even of month on book 0."""

THE_SAME = ("month_on_book", SNAPSHOT_DATE, "loan_start_date")
"""What says nothing of an applicant: month 0, and the months in which everybody applied."""


def feature_findings(contract: Contract) -> Iterator[Finding]:
    """Yield everything that is wrong with the features."""
    if not contract.features:
        yield Finding("features", "there are none: say what the models see.")
    seen: set[str] = set()
    for feature in contract.features:
        place = f"feature {feature.name}"
        wrong = list(_expression(place, feature, contract))
        yield from wrong
        yield from _words(place, feature)
        if not wrong:
            yield from _direction(place, feature, contract)
            alone = replace(contract, features=(feature,))
            names = {column.name for column in alone.feature_columns}
            for name in sorted(names & seen):
                yield Finding(place, f"another feature has a column {name} already.")
            seen |= names


def _words(place: str, feature: Feature) -> Iterator[Finding]:
    if not NAME.fullmatch(feature.name):
        yield Finding(place, f"its name {NAMING}")
    yield from phrase_findings(place, feature.meaning)
    if not feature.group.strip():
        yield Finding(place, "say which group it belongs to.")
    if feature.direction is not Direction.FREE and not (
        feature.raises.strip() and feature.lowers.strip()
    ):
        yield Finding(
            place,
            f"its direction is {feature.direction}, so it is given to applicants as a reason: say "
            "in raises and lowers with which words.",
        )


def _direction(place: str, feature: Feature, contract: Contract) -> Iterator[Finding]:
    """A direction needs an order: that of numbers, of two values, or one that is declared."""
    expression = feature.expression
    if feature.direction is Direction.FREE or not isinstance(expression, FromColumn):
        return
    kind = contract.owner(expression.column)[1].kind
    parts = kind.parts if isinstance(kind, TwoCategories) else ()
    texts: list[Category | Part] = [part for part in parts if part.name == expression.column]
    for one in (*texts, *([kind] if isinstance(kind, Category) else [])):
        if not one.ordered and len(one.values) > 2:
            yield Finding(
                place,
                f"its direction is {feature.direction}, but the values of {expression.column} have "
                "no order: say ordered = true and name them from the lowest to the highest, or "
                "direction free.",
            )


def _expression(place: str, feature: Feature, contract: Contract) -> Iterator[Finding]:
    expression = feature.expression
    if isinstance(expression, Readings):
        if expression.panel not in {panel.name for panel in contract.panels}:
            yield Finding(place, f"there is no panel {expression.panel}.")
    elif isinstance(expression, Function):
        yield from _function(place, expression, contract)
    elif isinstance(expression, Ratio):
        yield from _column(place, expression.numerator, contract, NUMBERS)
        yield from _column(place, expression.denominator, contract, NUMBERS)
    elif isinstance(expression, Flags):
        yield from _column(place, expression.column, contract, (ListOf,))
    elif isinstance(expression, MonthsSince):
        yield from _column(place, expression.column, contract, (Month, Date))
    else:
        wanted = (*NUMBERS, Category, TwoCategories)
        yield from _column(place, expression.column, contract, wanted)


def _function(place: str, function: Function, contract: Contract) -> Iterator[Finding]:
    if not FUNCTION.fullmatch(function.name):
        yield Finding(place, f"write the function {function.name!r} as package.module:name.")
    if not function.columns:
        yield Finding(place, "name the columns that the function takes.")
    for name in function.columns:
        yield from _column(place, name, contract, None)


def _column(
    place: str, name: str, contract: Contract, kinds: tuple[type, ...] | None
) -> Iterator[Finding]:
    try:
        source, column = contract.owner(name)
    except KeyError:
        yield Finding(
            place,
            f"no applicant source and no loan book has a column {name}; a panel is read by "
            "readings.",
        )
        return
    if source is contract.loan_book and name in AFTER_APPLICATION:
        yield Finding(place, f"{name} is not known when an applicant is scored.")
    if kinds is not None and name in THE_SAME:
        yield Finding(place, f"{name} is the same for all who apply in a month: it tells nothing.")
    if column.kind is None or (kinds is not None and not isinstance(column.kind, kinds)):
        yield Finding(place, f"{name} is {_kind_name(column.kind)}: not to be used like that.")
    elif kinds == (ListOf,) and name != column.name:
        yield Finding(place, f"flags are of a whole list: name {column.name}.")
    elif kinds != (ListOf,) and name not in column.names:
        yield Finding(place, f"{name} becomes {', '.join(column.names)}: name one of these.")


def _kind_name(kind: Kind | None) -> str:
    return "kept in bronze only" if kind is None else f"of the kind {type(kind).__name__.lower()}"
