"""What every monthly asset shares: how it is declared, and how its months are reported."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from credit_risk_dagster import CODE_VERSION
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.manifest import Manifest
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.settings import Settings

POOL = "datamart"
"""One run at a time writes the datamart: the limit is set in Dagster's instance."""

MONTHLY_JOB, TRAINING_JOB = "monthly", "training"
"""The jobs over these assets: everything of a month, and its training alone."""

Metadata = dict[str, Any]
Written = Iterator[tuple[str, Metadata]]


def asset_key(table: Table) -> dg.AssetKey:
    """Return the asset of a table."""
    return dg.AssetKey([table.layer, table.name])


def monthly_asset(
    table: Table,
    months: dg.PartitionsDefinition[str],
    *,
    deps: Sequence[dg.AssetDep] = (),
    description: str,
    kinds: set[str],
    owner: str,
) -> Callable[[Callable[..., None]], dg.AssetsDefinition]:
    """Declare the asset of a table: monthly, any range in one run, without an IO manager."""
    return dg.asset(
        key=asset_key(table),
        partitions_def=months,
        deps=list(deps),
        group_name=table.layer,
        description=description,
        kinds=kinds,
        owners=[f"team:{owner}"],
        code_version=CODE_VERSION,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
        metadata={
            "dagster/column_schema": column_schema(table),
            "dagster/table_name": f"{table.layer}.{table.name}",
        },
    )


def depends_on(table: Table, mapping: dg.PartitionMapping | None = None) -> dg.AssetDep:
    """Declare that an asset reads the same month of a table, or the month that a mapping gives."""
    return dg.AssetDep(asset_key(table), partition_mapping=mapping)


def column_schema(table: Table) -> dg.TableSchema:
    """Return the declared columns as Dagster shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                field.name,
                str(field.type),
                constraints=dg.TableColumnConstraints(nullable=field.name not in table.key),
                tags={"key": ""} if field.name in table.key else {},
            )
            for field in table.schema
        ]
    )


def report_months(context: dg.AssetExecutionContext, table: Table, written: Written) -> None:
    """Write month after month and report each; stop at the first bad one.

    Raises:
        dagster.Failure: naming table, month and rule. The months before the bad one are written
            and reported.
    """
    done: dict[str, Metadata] = {}
    key = asset_key(table)
    try:
        for month, metadata in written:
            done[month] = metadata
            context.log.info("%s written", table.partition(month))
    except PlatformError as error:
        for month, metadata in done.items():
            context.log_event(dg.AssetMaterialization(key, partition=month, metadata=metadata))
        raise dg.Failure(
            description=str(error),
            metadata={"table": table.path, "months written before": ", ".join(done) or "none"},
            allow_retries=False,
        ) from error
    for month, metadata in done.items():
        context.add_asset_metadata(metadata, asset_key=key, partition_key=month)


def table_metadata(
    datamart: Datamart, table: Table, manifest: Manifest, **figures: Any
) -> Metadata:
    """Return what Dagit shows of a written partition."""
    path = datamart.file(table, manifest.month).relative_to(datamart.home).as_posix()
    metadata: Metadata = {
        "dagster/partition_row_count": manifest.rows,
        "dagster/column_schema": column_schema(table),
        "dagster/uri": path,
        "content hash": manifest.content_hash,
        "inputs": len(manifest.inputs),
    }
    metadata |= {f"{name} rows": beside["rows"] for name, beside in manifest.beside.items()}
    metadata |= manifest.facts
    return metadata | {name: value for name, value in figures.items() if value is not None}


def report_link(settings: Settings, name: str) -> dg.MetadataValue:
    """Return where a report is to be opened: a link if reports are served, else its place."""
    if settings.reports_url is not None:
        return dg.MetadataValue.url(f"{settings.reports_url.rstrip('/')}/{name}")
    return dg.MetadataValue.path(f"reports/{name}")


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue | None:
    """Return a few rows as a table for Dagit, or None where there are none."""
    if not rows:
        return None
    names = list(rows[0])
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(str(row[name]).replace("|", "/") for name in names) for row in rows]
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in lines))
