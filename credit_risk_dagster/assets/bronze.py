"""Bronze: each month's delivery, read strictly, kept as it came."""

import dagster as dg

from credit_risk_dagster.assets.monthly import (
    Written,
    markdown_table,
    monthly_asset,
    report_months,
    table_metadata,
)
from credit_risk_dagster.datamart import Datamart
from credit_risk_dagster.delivery.month import read_months
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.sources import SOURCES, Source
from credit_risk_dagster.tables.bronze import BRONZE, REJECTED


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
        report_months(context, table, _write(list(context.partition_keys), datamart, settings))

    def _write(keys: list[str], datamart: Datamart, settings: Settings) -> Written:
        deliveries = read_months(
            settings.raw_folder,
            source,
            keys,
            accept_unterminated_line=settings.accept_unterminated_line,
        )
        for delivery in deliveries:
            manifest = datamart.write(
                table,
                delivery.month,
                delivery.rows,
                inputs={f"delivery/{source.name}/{delivery.month}": delivery.content_hash},
                beside={REJECTED: delivery.rejected},
                facts={"delivered": delivery.rows.num_rows + delivery.rejected.num_rows},
                provenance={
                    "files": list(delivery.files),
                    "undated": delivery.undated,
                    "undated_lines": [
                        _without_text(row) for row in delivery.undated_lines.to_pylist()
                    ],
                },
            )
            yield (
                delivery.month,
                table_metadata(
                    datamart,
                    table,
                    manifest,
                    files=markdown_table(delivery.files),
                    rejected=markdown_table(
                        [_without_text(row) for row in delivery.rejected.slice(0, 5).to_pylist()]
                    ),
                    **{"lines without a readable month": delivery.undated},
                ),
            )

    return bronze


def _without_text(row: dict[str, object]) -> dict[str, object]:
    """Leave out a rejected line's text, which may hold a name or a social security number."""
    return {name: value for name, value in row.items() if name != "text"}
