"""The running state of each panel: a month is made of the one before and its own readings."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import dagster as dg
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_dagster.assets.monthly import (
    Written,
    depends_on,
    monthly_asset,
    report_months,
    write_staged,
)
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.datamart.record import (
    EARLIER_BESIDE,
    Input,
    MonthRecord,
    earlier_beside,
)
from credit_risk_dagster.datamart.stored_rows import read_files
from credit_risk_dagster.datamart.table import MONTH, Table, schema_of
from credit_risk_dagster.datamart.writer import Draft, MonthWriter
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.partitions import months_earlier
from credit_risk_dagster.resources.engine import EngineResource
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.definitions import definition_of
from credit_risk_dagster.tables.panel import (
    CUSTOMER,
    DORMANT,
    DORMANT_INDEX,
    SO_FAR,
    dormant_index,
    months_of_dormant,
    so_far,
)
from credit_risk_dagster.tables.silver import SILVER

Step = Callable[[ir.Table, ir.Table, ir.Table | None], ir.Table]
"""Gives the state of a month: of the state before it, its readings, and dormant rows."""


def panel_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the running state of each panel."""
    return [_panel_asset(panel, months) for panel in CONTRACT.panels]


def _panel_asset(panel: Source, months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    table = SO_FAR[panel.name]

    @monthly_asset(
        table,
        months,
        deps=[depends_on(SILVER[panel.name]), depends_on(table, months_earlier(1))],
        kinds={"ibis", "parquet"},
        owner="data-engineering",
    )
    def so_far_asset(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        engine: EngineResource,
    ) -> None:
        keys = list(context.partition_keys)
        written = write_states(panel, keys, datamart, settings, engine.open())
        report_months(context, table, written)

    return so_far_asset


def write_states(
    panel: Source, keys: list[str], datamart: Datamart, settings: Settings, engine: Engine
) -> Written:
    """Write the states of months one after the other, each read by the next before the commit."""
    table = SO_FAR[panel.name]
    writer = datamart.open(table, keys)
    made: dict[str, MonthRecord] = {}
    # Built once for all months: the expression of one takes longer than its query.
    step = cache(partial(so_far, panel, kept_for=settings.panel_state_months))

    def staged() -> Iterator[str]:
        for month in keys:
            made[month] = _stage(panel, month, writer, datamart, made, settings, engine, step)
            yield month

    yield from write_staged(datamart, table, writer, staged(), lambda _: {})


def _stage(
    panel: Source,
    month: str,
    writer: MonthWriter,
    datamart: Datamart,
    made: dict[str, MonthRecord],
    settings: Settings,
    engine: Engine,
    step: Step,
) -> MonthRecord:
    """Stage the state of a month, made of that of the month before, staged in this run or not."""
    table, readings_table = SO_FAR[panel.name], SILVER[panel.name]

    def record(key: str) -> MonthRecord:
        return made.get(key) or datamart.required_record(table, key)

    before = record(add_months(month, -1)) if month > settings.first_month else None
    known = datamart.files_named(table, before) if before is not None else []
    readings = datamart.files(readings_table, [month])
    gave = _customers(readings)
    index = read_index(datamart, table, before)
    returning = [record(key) for key in months_holding(record, before, index, gave)]
    dormant = [file for one in returning for file in datamart.files_named(table, one, DORMANT)]
    state = step(
        engine.read(known, table.schema, "state_before"),
        engine.read(readings, readings_table.schema, "readings"),
        engine.read(dormant, table.schema, "dormant") if dormant else None,
    )
    left: list[Path] = []

    def new_file(key: str, name: str) -> Path:
        path = writer.new_file(key, name)
        if name == DORMANT:
            left.append(path)
        return path

    engine.write(state, list(table.key), MONTH, new_file, writer.staging / month)
    index = dormant_index(index, gave, _customers(left), month)
    if index.num_rows:
        pq.write_table(index, writer.new_file(month, DORMANT_INDEX))
    return writer.stage(
        Draft(
            month=month,
            inputs=_inputs(panel, datamart, month, before),
            definition=definition_of(table),
            facts={EARLIER_BESIDE: earlier_beside(before, DORMANT)},
            provenance={"engine": engine.name},
        )
    )


def _inputs(
    panel: Source, datamart: Datamart, month: str, before: MonthRecord | None
) -> dict[str, Input]:
    """Return what a state is made of; the commit names the version of a month that it commits."""
    inputs = datamart.inputs(SILVER[panel.name], [month])
    if before is not None:
        known = datamart.record(SO_FAR[panel.name], before.month)
        version = known.version if known is not None else None
        inputs[before.partition] = replace(before.as_input(), version=version)
    return inputs


def months_holding(
    record: Callable[[str], MonthRecord],
    until: MonthRecord | None,
    index: pa.Table,
    customers: pa.ChunkedArray,
) -> list[str]:
    """Return the months whose dormant rows hold some customers, of those who are dormant.

    Every month since then must have been made of the month before as it is now.

    Args:
        record: gives the record of a month.
        until: the month up to which they are looked up; None where there is none yet.
        index: who is dormant after it.
        customers: the customers.

    Raises:
        PartitionError: if a month was corrected and those after it were not run since: what their
            index says of the corrected month need not be so any more.
    """
    holding = months_of_dormant(index, customers)
    if until is None or not holding:
        return []
    for month in month_range(holding[0], add_months(until.month, -1)):
        after = record(add_months(month, 1))
        if after.facts[EARLIER_BESIDE] != earlier_beside(record(month), DORMANT):
            raise PartitionError(
                f"{after.partition} was made of {month[:7]} as it was before a correction. Run the "
                f"months in order: `credit-risk run --months {after.month[:7]}..{until.month[:7]}`."
            )
    return holding


def read_index(datamart: Datamart, table: Table, record: MonthRecord | None) -> pa.Table:
    """Return the customers who are dormant after a month, and the month in which each left."""
    schema = table.tables_beside[DORMANT_INDEX].schema
    files = datamart.files_named(table, record, DORMANT_INDEX) if record is not None else []
    return read_files(files, schema)


def _customers(files: list[Path]) -> pa.ChunkedArray:
    return read_files(files, schema_of(**{CUSTOMER: pa.string()}))[CUSTOMER]
