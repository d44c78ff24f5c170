"""Silver: typed, cleaned, in range, one row per key, no personal data.

What a column is, the contract says; nothing here knows a lender.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import ibis.expr.types as ir
import pyarrow as pa

from credit_risk_dagster.contract.installed import CONTRACT
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
from credit_risk_dagster.contract.roles import (
    IDENTIFIERS,
    LOAN_BOOK,
    MONTHS,
    WHOLE_NUMBERS,
)
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Column, Shape, Source
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.tables.arrears import DUE, MISSED, OVERDUE, START, with_arrears
from credit_risk_dagster.tables.cleaning import Cleaned, required
from credit_risk_dagster.tables.dates import day, first_of_month, month
from credit_risk_dagster.tables.judgement import CORRECTIONS, beside, judge
from credit_risk_dagster.tables.numbers import at_most, number
from credit_risk_dagster.tables.words import (
    category,
    duration,
    identifier,
    list_flags,
    two_categories,
)

BESIDE = "Quarantined rows and duplicates are in tables beside."

_ALWAYS = {*IDENTIFIERS, *MONTHS, "month_on_book", DUE, OVERDUE, MISSED, "days_past_due"}
"""Columns without which a row of its source says nothing."""

_TYPES: dict[type, pa.DataType] = {
    Number: pa.float64(),
    Duration: pa.float64(),
    ListOf: pa.float64(),
    Category: pa.string(),
    TwoCategories: pa.string(),
    Identifier: pa.string(),
    Month: pa.date32(),
    Date: pa.date32(),
}


def silver_table(source: Source) -> Table:
    """Return the table that a source's rows become."""
    fields = pa.schema([*_fields(source), pa.field(CORRECTIONS, pa.string())])
    return Table(
        layer="silver",
        name=source.name,
        description=f"{source.meaning}; typed, cleaned, without personal data. {BESIDE}",
        schema=fields,
        key=source.key,
        beside=beside(fields, source.key),
    )


def refined(bronze: ir.Table, source: Source, table: Table) -> ir.Table:
    """Return the delivered rows of a source, cleaned and judged."""
    columns: dict[str, Cleaned] = {}
    for column in source.columns:
        columns |= _cleaned(bronze, column, source)
    for column in source.columns:
        kind = column.kind
        if isinstance(kind, Number) and kind.at_most is not None:
            other = columns[kind.at_most.of].value
            whole = at_most(columns[column.name], bronze[column.header], column, kind, other)
            columns[column.name] = whole
    if source.shape is Shape.LOAN_BOOK:
        columns = with_arrears(columns, source)
    return judge(bronze, table, columns, source.key_headers)


def _fields(source: Source) -> Iterator[pa.Field]:
    """Yield the columns of silver: what identifies a row, then the others as declared."""
    declared = {name: _type(source, column) for column in source.columns for name in column.names}
    if source.shape is Shape.LOAN_BOOK:
        declared |= {name: pa.date32() for name in (SNAPSHOT_DATE, START)}
        declared |= {name: _type_of_role(name) for name in LOAN_BOOK}
        first = [*IDENTIFIERS, SNAPSHOT_DATE, START, *LOAN_BOOK]
    else:
        first = [*reversed(IDENTIFIERS), SNAPSHOT_DATE]
    for name in dict.fromkeys([*first, *declared]):
        if name in declared:
            yield pa.field(name, declared[name])


def _type(source: Source, column: Column) -> pa.DataType:
    kind = column.kind
    if isinstance(kind, Number) and source.shape is Shape.PANEL and kind.whole:
        return pa.int64()
    return _TYPES[type(kind)]


def _type_of_role(name: str) -> pa.DataType:
    return pa.int64() if name in WHOLE_NUMBERS else pa.float64()


def _cleaned(bronze: ir.Table, column: Column, source: Source) -> dict[str, Cleaned]:
    """Return the columns of silver that a raw column becomes."""
    kind, dialect = column.kind, source.dialect
    if kind is None:
        return {}
    raw = bronze[column.header]
    if isinstance(kind, ListOf):
        return dict(list_flags(raw, column, kind))
    if isinstance(kind, TwoCategories):
        return dict(two_categories(raw, column, kind))
    if isinstance(kind, Number):
        whole = kind.whole or column.name in WHOLE_NUMBERS
        one = number(raw, column, replace(kind, whole=whole), dialect)
    elif isinstance(kind, Category):
        one = category(raw, column, kind)
    elif isinstance(kind, Identifier):
        one = identifier(raw, column, kind)
    elif isinstance(kind, Duration):
        one = duration(raw, column, kind)
    else:
        one = (month if isinstance(kind, Month) else day)(raw, column, dialect)
    if column.name in MONTHS and isinstance(kind, Date):
        one = Cleaned(first_of_month(one.value), one.correction, one.reason)
    if column.required or (column.name in _ALWAYS and not isinstance(kind, Identifier)):
        one = required(one, column)
    return {column.name: one}


SILVER = {source.name: silver_table(source) for source in CONTRACT.sources}
SILVER_LOANS = SILVER[CONTRACT.loan_book.name]


def _refinement(source: Source) -> Callable[[ir.Table], ir.Table]:
    return lambda bronze: refined(bronze, source, SILVER[source.name])


REFINE: dict[str, Callable[[ir.Table], ir.Table]] = {
    source.name: _refinement(source) for source in CONTRACT.sources
}
"""What makes silver of bronze, by source."""
