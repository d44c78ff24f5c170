"""Bronze: each month's delivery, read strictly, kept as it came."""

import dagster as dg

from credit_risk_dagster.assets.monthly import (
    Metadata,
    Written,
    markdown_table,
    monthly_asset,
    report_months,
    table_metadata,
)
from credit_risk_dagster.contract.sources import SOURCES, Source
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.delivery.month import MonthDelivery, read_months
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
        description=f"The rows of `{source.file_stem}` as delivered, as text, with file and line; "
        "lines that cannot be read are kept beside them with the reason.",
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
        deliveries = read_months(
            settings.raw_folder, source, keys, settings.accept_unterminated_line, known
        )
        for delivery in deliveries:
            known.discard(delivery.month)
            yield delivery.month, _keep_delivery(datamart, table, delivery)
        for month in sorted(known):
            context.log.warning("%s is kept: %s", table.partition(month), NOT_DELIVERED)
            manifest = datamart.required_manifest(table, month)
            yield month, table_metadata(datamart, table, manifest, kept=NOT_DELIVERED)

    return bronze


def _keep_delivery(datamart: Datamart, table: Table, delivery: MonthDelivery) -> Metadata:
    manifest = datamart.write(
        table,
        delivery.month,
        delivery.rows,
        inputs={f"delivery/{table.name}/{delivery.month}": delivery.content_hash},
        beside={REJECTED: delivery.rejected},
        facts={"delivered": delivery.rows.num_rows + delivery.rejected.num_rows},
        provenance={
            "files": list(delivery.files),
            "undated": delivery.undated,
            "undated_lines": [_without_text(row) for row in delivery.undated_lines.to_pylist()],
        },
    )
    rejected = [_without_text(row) for row in delivery.rejected.slice(0, 5).to_pylist()]
    return table_metadata(
        datamart,
        table,
        manifest,
        files=markdown_table(delivery.files),
        rejected=markdown_table(rejected),
        **{"lines without a readable month": delivery.undated},
    )


def _without_text(row: dict[str, object]) -> dict[str, object]:
    """Leave out a rejected line's text, which may hold a name or a social security number."""
    return {name: value for name, value in row.items() if name != "text"}
