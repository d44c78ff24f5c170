"""Features as expressions over what is known of an applicant."""

import importlib
from collections.abc import Callable, Iterator
from typing import cast

import ibis
import ibis.expr.types as ir

from credit_risk_dagster.contract.feature import (
    Expression,
    Flags,
    FromColumn,
    Function,
    MonthsSince,
    Ratio,
    Readings,
)
from credit_risk_dagster.contract.lender import Contract, FeatureColumn
from credit_risk_dagster.contract.source import (
    APPLICATION_ID,
    CUSTOMER_ID,
    LOAN_ID,
    SNAPSHOT_DATE,
    Source,
)
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.tables.dates import month_index


def feature_columns(rows: ir.Table, contract: Contract) -> dict[str, ir.Value]:
    """Return every feature column, by name, of rows that hold what the features read."""
    return {column.name: _value(rows, column) for column in contract.feature_columns}


def columns_read(contract: Contract, source: Source) -> list[str]:
    """Return the columns of silver that features read of a source.

    Of the loan book, with what identifies a loan and its applicant.
    """
    of_source = {name for column in source.columns for name in column.names}
    read = [name for name in _read(contract) if name in of_source]
    if source is not contract.loan_book:
        return read
    identity = [LOAN_ID, CUSTOMER_ID, SNAPSHOT_DATE]
    identity += [APPLICATION_ID] * source.has(APPLICATION_ID)
    return list(dict.fromkeys([*identity, *read]))


def _read(contract: Contract) -> list[str]:
    names = (name for one in contract.features for name in columns_of(one.expression, contract))
    return list(dict.fromkeys(names))


def columns_of(expression: Expression, contract: Contract) -> Iterator[str]:
    """Yield the columns of silver that an expression reads; those of panels are read as means."""
    if isinstance(expression, Ratio):
        yield from (expression.numerator, expression.denominator)
    elif isinstance(expression, Flags):
        yield from contract.owner(expression.column)[1].names
    elif isinstance(expression, Function):
        yield from expression.columns
    elif not isinstance(expression, Readings):
        yield expression.column


def _value(rows: ir.Table, column: FeatureColumn) -> ir.Value:
    expression = column.feature.expression
    if isinstance(expression, Ratio):
        return _ratio(rows, expression)
    if isinstance(expression, MonthsSince):
        elapsed = month_index(rows[SNAPSHOT_DATE]) - month_index(rows[expression.column])
        return elapsed.cast("float64")
    if isinstance(expression, Function):
        made = function_named(expression.name)(*(rows[name] for name in expression.columns))
        return made.cast("float64")
    name = expression.column if isinstance(expression, FromColumn) else column.name
    value = rows[name]
    return value if column.categorical or value.type().is_float64() else value.cast("float64")


def _ratio(rows: ir.Table, ratio: Ratio) -> ir.FloatingValue:
    numerator, denominator = rows[ratio.numerator], rows[ratio.denominator]
    if ratio.at_least is None:
        return numerator / denominator.nullif(0.0)
    raised = ibis.greatest(denominator, float(ratio.at_least))
    return numerator / ibis.ifelse(denominator.isnull(), ibis.null("float64"), raised)


def function_named(name: str) -> Callable[..., ir.Value]:
    """Return the function of `package.module:name`, of what is installed and of nothing else.

    Raises:
        PlatformError: if there is none.
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute, None) if attribute else None
    except ModuleNotFoundError as error:
        raise PlatformError(
            f"The contract names the function {name}, of which {error.name} cannot be imported. "
            "Install the package beside the platform."
        ) from error
    if not callable(found):
        raise PlatformError(
            f"The contract names the function {name}: there is no such function. Write it as "
            "package.module:name."
        )
    return cast("Callable[..., ir.Value]", found)
