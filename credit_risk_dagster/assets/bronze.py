"""Bronze: each month's delivery, read strictly, kept as it came."""

from collections.abc import Iterator
from itertools import chain

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_dagster.assets.monthly import (
    Metadata,
    Written,
    markdown_table,
    monthly_asset,
    report_months,
    table_metadata,
    write_staged,
)
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import ROWS, Draft, MonthWriter
from credit_risk_dagster.delivery.month import MonthDelivery, delivered_hash, read_months
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE, REJECTED
from credit_risk_dagster.tables.definitions import definition_of

REJECTED_SHOWN = 5
NOT_DELIVERED = "nothing of the month is in the raw folder any more"


def bronze_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return one asset per source."""
    return [_bronze_asset(source, months) for source in CONTRACT.sources]


def _bronze_asset(source: Source, months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    table = BRONZE[source.name]

    @monthly_asset(
        table,
        months,
        kinds={"csv", "parquet"},
        owner="data-engineering",
    )
    def bronze(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
    ) -> None:
        keys = list(context.partition_keys)
        report_months(context, table, _write(context, keys, datamart, settings))

    def _write(
        context: dg.AssetExecutionContext, keys: list[str], datamart: Datamart, settings: Settings
    ) -> Written:
        known = set(datamart.months(table)).intersection(keys)
        figures: dict[str, Metadata] = {}
        writer = datamart.open(table, keys)

        def staged() -> Iterator[str]:
            for delivery in read_months(
                settings.raw_folder,
                source,
                keys,
                settings.scratch_folder,
                settings.accept_unterminated_line,
                known,
            ):
                figures[delivery.month] = _stage(table, writer, delivery)
                yield delivery.month

        yield from write_staged(datamart, table, writer, staged(), figures.__getitem__)
        for month in sorted(known - set(figures)):
            context.log.warning("%s is kept: %s", table.partition(month), NOT_DELIVERED)
            record = datamart.required_record(table, month)
            if datamart.damaged_files(table, record):
                raise PartitionError(
                    f"{record.partition} is damaged, and {NOT_DELIVERED}. Deliver {month[:7]} "
                    f"again, or restore tables/{table.path} from a backup."
                )
            yield month, table_metadata(datamart, table, record, kept=NOT_DELIVERED)

    return bronze


def _stage(table: Table, writer: MonthWriter, delivery: MonthDelivery) -> Metadata:
    """Write a delivery as it comes, in order, and return what Dagit shows of it."""
    month = delivery.month
    first_rejected: list[dict[str, object]] = []
    content = delivered_hash(delivery.source, _kept(writer, month, ROWS, delivery.rows()))
    for lines in _kept(writer, month, REJECTED, delivery.rejected()):
        first_rejected += lines.slice(0, REJECTED_SHOWN - len(first_rejected)).to_pylist()
    writer.stage(
        Draft(
            month=month,
            inputs={f"delivery/{table.name}/{month}": Input(content, origin=content)},
            definition=definition_of(table),
            facts={"delivered": delivery.num_rows + delivery.num_rejected},
            provenance={
                "files": delivery.files,
                "undated": delivery.undated,
                "undated_lines": delivery.undated_lines,
            },
        )
    )
    return {
        "files": markdown_table(delivery.files),
        "rejected": markdown_table([_without_text(line) for line in first_rejected]),
        "lines without a readable month": delivery.undated,
    }


def _kept(
    writer: MonthWriter, month: str, name: str, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Write a stream of rows into a file of the month as it passes; no file for no rows."""
    first = next(batches, None)
    if first is None:
        return
    with pq.ParquetWriter(writer.new_file(month, name), first.schema) as file:
        for batch in chain([first], batches):
            file.write_table(pa.Table.from_batches([batch]))
            yield batch


def _without_text(row: dict[str, object]) -> dict[str, object]:
    """Leave out a rejected line's text, which may hold a name or a social security number."""
    return {name: value for name, value in row.items() if name != "text"}
