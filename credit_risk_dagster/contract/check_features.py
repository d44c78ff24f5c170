"""What is wrong with the features of a contract, whose sources are sound."""

import re
from collections.abc import Iterator

from credit_risk_dagster.contract.feature import (
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
    TwoCategories,
)
from credit_risk_dagster.contract.lender import Contract

NUMBERS = (Number, Duration)
FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")

AFTER_APPLICATION = ("paid_amount", "overdue_amount", "installments_missed", "days_past_due")
"""What a loan book says of a loan once it runs: no feature, not even of month on book 0."""


def feature_findings(contract: Contract) -> Iterator[Finding]:
    """Yield everything that is wrong with the features."""
    if not contract.features:
        yield Finding("features", "there are none: say what the models see.")
    seen: set[str] = set()
    for feature in contract.features:
        place = f"feature {feature.name}"
        wrong = list(_expression(place, feature, contract))
        yield from wrong
        if not feature.meaning.strip() or feature.meaning.endswith("."):
            yield Finding(place, "say what it means, as a phrase without a full stop.")
        if not wrong:
            names = {one.name for one in contract.feature_columns if one.feature is feature}
            for name in sorted(names & seen):
                yield Finding(place, f"another feature has a column {name} already.")
            seen |= names


def _expression(place: str, feature: Feature, contract: Contract) -> Iterator[Finding]:
    expression = feature.expression
    if isinstance(expression, Readings):
        if expression.panel not in {panel.name for panel in contract.panels}:
            yield Finding(place, f"there is no panel {expression.panel}.")
        return
    if isinstance(expression, Function):
        if not FUNCTION.fullmatch(expression.name):
            yield Finding(place, f"write the function {expression.name!r} as package.module:name.")
        for name in expression.columns:
            yield from _column(place, name, contract, None)
        return
    if isinstance(expression, Ratio):
        yield from _column(place, expression.numerator, contract, NUMBERS)
        yield from _column(place, expression.denominator, contract, NUMBERS)
    elif isinstance(expression, Flags):
        yield from _column(place, expression.column, contract, (ListOf,))
    elif isinstance(expression, MonthsSince):
        yield from _column(place, expression.column, contract, (Month, Date))
    elif isinstance(expression, FromColumn):
        wanted = (*NUMBERS, Category, TwoCategories)
        yield from _column(place, expression.column, contract, wanted)


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
    if kinds is not None and not isinstance(column.kind, kinds):
        yield Finding(place, f"{name} is {_kind_name(column.kind)}: not to be used like that.")


def _kind_name(kind: Kind | None) -> str:
    return "kept in bronze only" if kind is None else f"of the kind {type(kind).__name__.lower()}"
