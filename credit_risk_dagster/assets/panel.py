"""The running state of the clickstream: each month from the month before and its own readings."""

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
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.datamart.record import (
    EARLIER_BESIDE,
    Input,
    MonthRecord,
    earlier_beside,
)
from credit_risk_dagster.datamart.stored_rows import read_files
from credit_risk_dagster.datamart.table import MONTH
from credit_risk_dagster.datamart.writer import Draft, MonthWriter
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.partitions import months_earlier
from credit_risk_dagster.resources.engine import EngineResource
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.definitions import definition_of
from credit_risk_dagster.tables.panel import (
    CLICKSTREAM_PANEL,
    CLICKSTREAM_SO_FAR,
    DORMANT,
    DORMANT_INDEX,
    dormant_index,
    months_of_dormant,
    so_far,
)
from credit_risk_dagster.tables.silver import SILVER_CLICKSTREAM

PANEL, TABLE = CLICKSTREAM_PANEL, CLICKSTREAM_SO_FAR

Step = Callable[[ir.Table, ir.Table, ir.Table | None], ir.Table]
"""Gives the state of a month: of the state before it, its readings, and dormant rows."""


def panel_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the running state of the clickstream."""

    @monthly_asset(
        TABLE,
        months,
        deps=[depends_on(SILVER_CLICKSTREAM), depends_on(TABLE, months_earlier(1))],
        kinds={"ibis", "parquet"},
        owner="data-engineering",
    )
    def clickstream_so_far(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        engine: EngineResource,
    ) -> None:
        keys = list(context.partition_keys)
        report_months(context, TABLE, write_states(keys, datamart, settings, engine.open()))

    return [clickstream_so_far]


def write_states(
    keys: list[str], datamart: Datamart, settings: Settings, engine: Engine
) -> Written:
    """Write the states of months one after the other, each read by the next before the commit."""
    writer = datamart.open(TABLE, keys)
    made: dict[str, MonthRecord] = {}
    # Built once for all months: the expression of one takes longer than its query.
    step = cache(partial(so_far, PANEL, kept_for=settings.panel_state_months))

    def staged() -> Iterator[str]:
        for month in keys:
            made[month] = _stage(month, writer, datamart, made, settings, engine, step)
            yield month

    yield from write_staged(datamart, TABLE, writer, staged(), lambda _: {})


def _stage(
    month: str,
    writer: MonthWriter,
    datamart: Datamart,
    made: dict[str, MonthRecord],
    settings: Settings,
    engine: Engine,
    step: Step,
) -> MonthRecord:
    """Stage the state of a month, made of that of the month before, staged in this run or not."""

    def record(key: str) -> MonthRecord:
        return made.get(key) or datamart.required_record(TABLE, key)

    before = record(add_months(month, -1)) if month > settings.first_month else None
    known = datamart.files_named(TABLE, before) if before is not None else []
    readings = datamart.files(SILVER_CLICKSTREAM, [month])
    gave = _customers(readings)
    index = read_index(datamart, before)
    returning = [record(key) for key in months_holding(record, before, index, gave)]
    dormant = [file for one in returning for file in datamart.files_named(TABLE, one, DORMANT)]
    state = step(
        engine.read(known, TABLE.schema, "state_before"),
        engine.read(readings, SILVER_CLICKSTREAM.schema, "readings"),
        engine.read(dormant, TABLE.schema, "dormant") if dormant else None,
    )
    left: list[Path] = []

    def new_file(key: str, name: str) -> Path:
        path = writer.new_file(key, name)
        if name == DORMANT:
            left.append(path)
        return path

    engine.write(state, list(TABLE.key), MONTH, new_file, writer.staging / month)
    index = dormant_index(PANEL, index, gave, _customers(left), month)
    if index.num_rows:
        pq.write_table(index, writer.new_file(month, DORMANT_INDEX))
    return writer.stage(
        Draft(
            month=month,
            inputs=_inputs(datamart, month, before),
            definition=definition_of(TABLE),
            facts={EARLIER_BESIDE: earlier_beside(before, DORMANT)},
            provenance={"engine": engine.name},
        )
    )


def _inputs(datamart: Datamart, month: str, before: MonthRecord | None) -> dict[str, Input]:
    """Return what a state is made of; the commit names the version of a month that it commits."""
    inputs = datamart.inputs(SILVER_CLICKSTREAM, [month])
    if before is not None:
        known = datamart.record(TABLE, before.month)
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
    holding = months_of_dormant(PANEL, index, customers)
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


def read_index(datamart: Datamart, record: MonthRecord | None) -> pa.Table:
    """Return the customers who are dormant after a month, and the month in which each left."""
    schema = TABLE.tables_beside[DORMANT_INDEX].schema
    files = datamart.files_named(TABLE, record, DORMANT_INDEX) if record is not None else []
    return read_files(files, schema)


def _customers(files: list[Path]) -> pa.ChunkedArray:
    return read_files(files, pa.schema([TABLE.schema.field(PANEL.customer)]))[PANEL.customer]
