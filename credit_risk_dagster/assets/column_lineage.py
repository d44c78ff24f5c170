"""Which columns a column is made of, and whose data an asset holds, as the contract says.

Dagit shows both; nothing is computed by them.
"""

from collections.abc import Iterable, Iterator

import dagster as dg

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.kinds import Number
from credit_risk_dagster.contract.lender import (
    FeatureColumn,
    count_of,
    known_of,
    months_of,
    squares_of,
)
from credit_risk_dagster.contract.source import CUSTOMER_ID, SNAPSHOT_DATE, Column, Shape, Source
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.tables.arrears import (
    DAYS_PAST_DUE,
    DUE,
    MISSED,
    MONTH_ON_BOOK,
    OVERDUE,
    START,
)
from credit_risk_dagster.tables.expressions import columns_of
from credit_risk_dagster.tables.gold import FEATURES_TABLE, LATEST_INPUT
from credit_risk_dagster.tables.panel import COUNT, LATEST, MONTHS, SO_FAR, SQUARES, SUM
from credit_risk_dagster.tables.silver import SILVER, SILVER_LOANS

Made = dict[str, list[dg.TableColumnDep]]
"""Of each column, the columns that it is made of."""

BRONZE_LAYER, SILVER_LAYER = "bronze", "silver"


def column_lineage(table: Table) -> dg.TableColumnLineage | None:
    """Return which columns those of a table of silver, or the features, are made of."""
    for source in CONTRACT.sources:
        if table.path == SILVER[source.name].path:
            return dg.TableColumnLineage(_of_silver(source))
    for panel in CONTRACT.panels:
        if table.path == SO_FAR[panel.name].path:
            return dg.TableColumnLineage(_of_state(panel))
    return dg.TableColumnLineage(_of_features()) if table.path == FEATURES_TABLE.path else None


def contract_tags(table: Table) -> dict[str, str]:
    """Return the source of a table as delivered or cleaned, its shape, and whether it is personal.

    Personal data goes no further than bronze.
    """
    for source in CONTRACT.sources:
        if table.layer in (BRONZE_LAYER, SILVER_LAYER) and table.name == source.name:
            personal = table.layer == BRONZE_LAYER and bool(source.personal_headers)
            return {
                "source": source.name,
                "shape": source.shape.value,
                "personal_data": "yes" if personal else "no",
            }
    return {}


def _of(table: str, columns: Iterable[str]) -> list[dg.TableColumnDep]:
    key = dg.AssetKey(table.split("/"))
    return [dg.TableColumnDep(key, column) for column in dict.fromkeys(columns)]


def _of_silver(source: Source) -> Made:
    bronze = f"{BRONZE_LAYER}/{source.name}"
    made = {
        name: _of(bronze, _headers(column, source))
        for column in source.columns
        for name in column.names
    }
    if source.shape is Shape.LOAN_BOOK:
        derived = {name: _of(bronze, headers) for name, headers in _of_arrears(source)}
        made = derived | made
    return {name: deps for name, deps in made.items() if deps}


def _headers(column: Column, source: Source) -> Iterator[str]:
    yield column.header
    if isinstance(column.kind, Number) and column.kind.at_most is not None:
        yield source.column(column.kind.at_most.of).header


def _of_arrears(book: Source) -> Iterator[tuple[str, list[str]]]:
    """Yield what is derived of a loan, each from whichever columns the lender delivers."""

    def headers(*names: str) -> list[str]:
        return [book.column(name).header for name in names if book.has(name)]

    missed = headers(MISSED) or (
        headers(DUE, OVERDUE) if book.has(DUE) and book.has(OVERDUE) else headers(DAYS_PAST_DUE)
    )
    yield MONTH_ON_BOOK, headers(SNAPSHOT_DATE, START)
    yield MISSED, [*missed, *([] if book.has(OVERDUE) else headers(SNAPSHOT_DATE))]
    yield DAYS_PAST_DUE, [*missed, *headers(SNAPSHOT_DATE)]


def _of_state(panel: Source) -> Made:
    silver = SILVER[panel.name].path
    made: Made = {
        CUSTOMER_ID: _of(silver, [CUSTOMER_ID]),
        SNAPSHOT_DATE: _of(silver, [SNAPSHOT_DATE]),
        MONTHS: _of(silver, [SNAPSHOT_DATE]),
        LATEST: _of(silver, [SNAPSHOT_DATE]),
    }
    for reading in panel.readings():
        for part in (COUNT, SUM, SQUARES):
            made[f"{reading.name}_{part}"] = _of(silver, [reading.name])
    return made


def _of_features() -> Made:
    loans = SILVER_LOANS.path
    made: Made = {name: _of(loans, [name]) for name in ("loan_id", CUSTOMER_ID, SNAPSHOT_DATE)}
    made |= {column.name: list(_of_feature(column)) for column in CONTRACT.feature_columns}
    latest = _of(loans, [SNAPSHOT_DATE])
    for panel in CONTRACT.panels:
        state = SO_FAR[panel.name].path
        made[months_of(panel.name)] = _of(state, [MONTHS])
        latest += _of(state, [LATEST])
        for reading in panel.readings():
            name = reading.name
            made[count_of(name)] = _of(state, [f"{name}_{COUNT}"])
            made[squares_of(name)] = _of(state, [f"{name}_{SQUARES}"])
    for source in CONTRACT.applicants:
        made[known_of(source.name)] = _of(SILVER[source.name].path, [CUSTOMER_ID])
    return made | {LATEST_INPUT: latest}


def _of_feature(column: FeatureColumn) -> Iterator[dg.TableColumnDep]:
    if column.panel is not None:
        reading = column.name.removesuffix("_mean")
        parts = [f"{reading}_{part}" for part in (SUM, COUNT)]
        yield from _of(SO_FAR[column.panel].path, parts)
    elif column.flag:
        source, _ = CONTRACT.owner(column.name)
        yield from _of(SILVER[source.name].path, [column.name])
    else:
        for name in columns_of(column.feature.expression, CONTRACT):
            source, _ = CONTRACT.owner(name)
            yield from _of(SILVER[source.name].path, [name])
