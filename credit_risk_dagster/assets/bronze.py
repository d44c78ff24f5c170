"""Bronze: each month's delivery, read strictly, kept as it came."""

from collections.abc import Iterator

import dagster as dg

from credit_risk_dagster.assets.monthly import (
    MonthRows,
    Written,
    markdown_table,
    monthly_asset,
    report_months,
    table_metadata,
    write_months,
)
from credit_risk_dagster.contract.sources import SOURCES, Source
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.delivery.month import MonthDelivery, read_months
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE, REJECTED

NOT_DELIVERED = "nothing of the month is in the raw folder any more"


def bronze_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return one asset per source."""
    return [_bronze_asset(source, months) for source in SOURCES]


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
        read: set[str] = set()

        def delivered() -> Iterator[MonthRows]:
            for delivery in read_months(
                settings.raw_folder, source, keys, settings.accept_unterminated_line, known
            ):
                read.add(delivery.month)
                yield _as_delivered(table, delivery)

        yield from write_months(datamart, table, keys, delivered())
        for month in sorted(known - read):
            context.log.warning("%s is kept: %s", table.partition(month), NOT_DELIVERED)
            record = datamart.required_record(table, month)
            if datamart.damaged_files(table, record):
                raise PartitionError(
                    f"{record.partition} is damaged, and {NOT_DELIVERED}. Deliver {month[:7]} "
                    f"again, or restore tables/{table.path} from a backup."
                )
            yield month, table_metadata(datamart, table, record, kept=NOT_DELIVERED)

    return bronze


def _as_delivered(table: Table, delivery: MonthDelivery) -> MonthRows:
    rejected = [_without_text(row) for row in delivery.rejected.slice(0, 5).to_pylist()]
    content = delivery.content_hash
    return MonthRows(
        month=delivery.month,
        rows=delivery.rows,
        inputs={f"delivery/{table.name}/{delivery.month}": Input(content, origin=content)},
        beside={REJECTED: delivery.rejected},
        facts={"delivered": delivery.rows.num_rows + delivery.rejected.num_rows},
        provenance={
            "files": list(delivery.files),
            "undated": delivery.undated,
            "undated_lines": [_without_text(row) for row in delivery.undated_lines.to_pylist()],
        },
        figures={
            "files": markdown_table(delivery.files),
            "rejected": markdown_table(rejected),
            "lines without a readable month": delivery.undated,
        },
    )


def _without_text(row: dict[str, object]) -> dict[str, object]:
    """Leave out a rejected line's text, which may hold a name or a social security number."""
    return {name: value for name, value in row.items() if name != "text"}
