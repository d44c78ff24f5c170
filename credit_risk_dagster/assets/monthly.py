"""What every monthly asset shares: how it is declared, and how its months are reported."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pyarrow as pa

from credit_risk_dagster.assets.column_lineage import column_lineage, contract_tags
from credit_risk_dagster.contract.columns import column_meaning
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.lineage import deliveries_behind
from credit_risk_dagster.datamart.record import Inputs, MonthRecord, origin_of, recipe_of
from credit_risk_dagster.datamart.stored_rows import copy_rows
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import Draft, MonthWriter
from credit_risk_dagster.errors import PartitionError, PlatformError
from credit_risk_dagster.resources.tables import open_store
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import STORED
from credit_risk_dagster.tables.definitions import definition_of

POOL = "datamart"
"""One run at a time writes the datamart: the limit is set in Dagster's instance."""

MONTHLY_JOB, TRAINING_JOB = "monthly", "training"
"""The jobs over these assets: everything of a month, and its training alone."""

REPORTS = "reports"
"""What an object store keeps reports under."""

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
    kinds: set[str],
    owner: str,
) -> Callable[[Callable[..., None]], dg.AssetsDefinition]:
    """Declare the asset of a table: monthly, any range in one run, without an IO manager."""
    return dg.asset(
        key=asset_key(table),
        partitions_def=months,
        deps=list(deps),
        group_name=table.layer,
        description=table.description,
        kinds=kinds,
        owners=[f"team:{owner}"],
        code_version=definition_of(table),
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
        tags=contract_tags(table),
        metadata={
            **_columns(table),
            "dagster/table_name": f"{table.layer}.{table.name}",
        },
    )


def _columns(table: Table) -> Metadata:
    """Return what Dagit shows of the columns of a table: what they mean and come from."""
    lineage = column_lineage(table)
    shown: Metadata = {"dagster/column_schema": column_schema(table)}
    return shown if lineage is None else {**shown, "dagster/column_lineage": lineage}


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
                description=column_meaning(table.layer, table.name, field.name),
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


@dataclass(frozen=True)
class MonthRows:
    """A month of a table as an asset computed it; attributes as those of `Draft`.

    Attributes:
        figures: what Dagit shows of it beside what it shows of every month.
    """

    month: str
    rows: pa.Table
    inputs: Inputs
    beside: Mapping[str, pa.Table] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)


def write_months(
    datamart: Datamart, table: Table, months: Sequence[str], computed: Iterator[MonthRows]
) -> Written:
    """Write months that are computed one after the other, in one commit."""
    writer = datamart.open(table, months)
    figures: dict[str, Mapping[str, Any]] = {}

    def staged() -> Iterator[str]:
        for one in computed:
            figures[one.month] = one.figures
            writer.stage_rows(draft(table, one), one.rows, one.beside)
            yield one.month

    yield from write_staged(datamart, table, writer, staged(), lambda month: figures[month])


def write_staged(
    datamart: Datamart,
    table: Table,
    writer: MonthWriter,
    staged: Iterator[str],
    figures: Callable[[str], Mapping[str, Any]],
) -> Written:
    """Stage months, commit them, and report each; those before one that fails as well."""
    fault = None
    try:
        for _ in staged:
            pass
    except Exception as error:  # noqa: BLE001 raised again, once the good months are kept
        fault = error
    for month, record in writer.commit().items():
        yield month, table_metadata(datamart, table, record, **figures(month))
    if fault is not None:
        raise fault


def draft(table: Table, month: MonthRows) -> Draft:
    """Return what is known of a month before it is written."""
    return Draft(
        month=month.month,
        inputs=month.inputs,
        definition=definition_of(table),
        facts=month.facts,
    )


KEPT = "decided by the definitions of then, which a new definition leaves as it is"


def decided_before(
    datamart: Datamart, table: Table, month: str, inputs: Inputs
) -> MonthRecord | None:
    """Return the decision of a month that new definitions leave as it is, or None.

    It rests on the same deliveries and was made by other definitions. A corrected delivery is
    decided on anew.

    Raises:
        PartitionError: if that decision is damaged: what it was cannot be computed again.
    """
    known = datamart.record(table, month)
    if known is None or known.recipe == recipe_of(definition_of(table), inputs):
        return None
    if known.origin != origin_of(inputs) and not _same_deliveries(datamart, known, inputs):
        return None
    if datamart.damaged_files(table, known):
        raise PartitionError(
            f"{known.partition} was decided by the definitions of then, and is damaged. Restore "
            f"tables/{table.path} from a backup: today's definitions would decide anew."
        )
    return known


def _same_deliveries(datamart: Datamart, known: MonthRecord, inputs: Inputs) -> bool:
    """Compare what was delivered behind a decision and behind what it would be made of today.

    By way of other tables, since a new definition may read others than the one before; what it
    reads beside what was read then changes no decision.
    """
    hashes = {name: one.content_hash for name, one in inputs.items()}
    versions = {name: one.version for name, one in inputs.items() if one.version is not None}
    then = deliveries_behind(datamart, STORED, known.inputs, known.input_versions)
    return then <= deliveries_behind(datamart, STORED, hashes, versions)


def write_month(table: Table, writer: MonthWriter, month: MonthRows) -> MonthRecord:
    """Write one month, with a writer that was opened before its inputs were read."""
    return writer.write(draft(table, month), month.rows, month.beside)


def keep_decision(
    datamart: Datamart, table: Table, writer: MonthWriter, known: MonthRecord, inputs: Inputs
) -> MonthRecord:
    """Keep what was decided, and record what it would be made of today."""
    month = known.month
    kept = Draft(
        month=month,
        inputs=inputs,
        definition=known.definition,
        facts=known.facts,
        provenance=known.provenance,
        recipe=known.recipe,
    )
    if known.rows:
        copy_rows(datamart.files(table, [month]), table.schema, writer.new_file(month))
    for name, one in known.beside.items():
        if one.rows:
            files, schema = datamart.files_beside(table, month, name), dict(table.beside)[name]
            copy_rows(files, schema, writer.new_file(month, name))
    writer.stage(kept)
    return writer.commit()[month]


def table_metadata(
    datamart: Datamart, table: Table, record: MonthRecord, **figures: Any
) -> Metadata:
    """Return what Dagit shows of a written partition."""
    metadata: Metadata = {
        "dagster/partition_row_count": record.rows,
        **_columns(table),
        "dagster/uri": datamart.place(table).shown(),
        "table version": record.version,
        "content hash": record.content_hash,
        "inputs": len(record.inputs),
    }
    metadata |= {f"{name} rows": beside.rows for name, beside in record.beside.items()}
    metadata |= record.facts
    return metadata | {name: value for name, value in figures.items() if value is not None}


def publish_report(settings: Settings, name: str) -> dg.MetadataValue:
    """Return where a report is to be opened: a link if reports are served, else its place.

    With an object store, the report is there as well.
    """
    store = open_store(settings)
    if store is not None:
        store.below(REPORTS).upload(settings.reports_folder / name, name)
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
