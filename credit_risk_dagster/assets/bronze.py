"""Bronze: each month's delivery, read strictly, kept as it came."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
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
from credit_risk_dagster.assets.raw import DELIVERY_TAG, observations, raw_key
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import Input, MonthRecord
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import ROWS, Draft, MonthWriter
from credit_risk_dagster.delivery.delivered import Arrivals, take_arrivals
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.missing import missing_text
from credit_risk_dagster.delivery.month import MonthDelivery, delivered_hash, read_months
from credit_risk_dagster.delivery.waived import WAIVED_BY_CONTRACT, waived_by_contract
from credit_risk_dagster.errors import DeliveryError, PartitionError
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
        deps=[dg.AssetDep(raw_key(source))],
        kinds={"csv", "parquet"},
        owner="data-engineering",
    )
    def bronze(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        ledger: dg.ResourceParam[DeliveryLedger],
    ) -> None:
        keys = list(context.partition_keys)
        by_hand = DELIVERY_TAG not in context.run.tags
        now = datetime.now(UTC)
        arrivals = take_arrivals(settings, ledger, now, [source], at_once=by_hand)
        for observation in observations(arrivals.taken):
            context.log_event(observation)
        plan = plan_months(source, keys, arrivals, datamart.records(table), settings, now.date())
        for month, why in plan.kept.items():
            context.log.warning("%s is kept: %s", table.partition(month), why)
        report_months(context, table, write_delivered(source, keys, plan, datamart, settings))

    return bronze


def write_delivered(
    source: Source, keys: Sequence[str], plan: "Plan", datamart: Datamart, settings: Settings
) -> Written:
    """Write the months of a source as planned, those before one that is missing as well.

    Raises:
        DeliveryError: if a month is missing, or its files cannot be read.
        PartitionError: if a month that is kept is damaged.
    """
    table = BRONZE[source.name]
    figures: dict[str, Metadata] = {}
    writer = datamart.open(table, keys)

    def staged() -> Iterator[str]:
        accept = settings.accept_unterminated_line
        for delivery in read_months(source, plan.files, settings.scratch_folder, accept):
            figures[delivery.month] = _stage(table, writer, delivery, plan)
            yield delivery.month
        if plan.missing is not None:
            raise DeliveryError(plan.missing)

    yield from write_staged(datamart, table, writer, staged(), figures.__getitem__)
    for month, why in plan.kept.items():
        yield month, _kept_month(datamart, table, month, why)


def _kept_month(datamart: Datamart, table: Table, month: str, why: str) -> Metadata:
    record = datamart.required_record(table, month)
    if datamart.damaged_files(table, record):
        raise PartitionError(
            f"{record.partition} is damaged, and {why}. Deliver {month[:7]} again, or restore "
            f"tables/{table.path} from a backup."
        )
    return table_metadata(datamart, table, record, kept=why)


@dataclass
class Plan:
    """What a run does with each of its months of a source.

    Attributes:
        files: the files that are read for a month; none where it is run without the source.
        fingerprints: of the rows of these months.
        waived: why a month is run without the source.
        kept: why a month stays as it is.
        missing: what to say of the first month that can neither be read nor kept; none is read
            after it.
    """

    files: dict[str, list[DeliveredFile]] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    waived: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    missing: str | None = None


def plan_months(
    source: Source,
    keys: Sequence[str],
    arrivals: Arrivals,
    known: Mapping[str, MonthRecord],
    settings: Settings,
    today: date,
) -> Plan:
    """Decide what is done with each month.

    Args:
        source: the source.
        keys: the months of the run, in order.
        arrivals: what is decided of its files, and which of them are there.
        known: the records of its months in bronze.
        settings: the installation.
        today: the day of the run.
    """
    plan = Plan()
    decisions, found = arrivals.decisions[source.name], arrivals.found[source.name]
    for month in keys:
        chosen = decisions.months.get(month)
        by_contract = waived_by_contract(source, month, today, settings.deadline_day)
        if chosen is not None and chosen.is_there:
            plan.files[month] = [found[file.path] for file in chosen.files]
            plan.fingerprints[month] = chosen.fingerprint
            if chosen.waived is not None:
                plan.waived[month] = chosen.waived
        elif month in known and not _was_waived_by_contract(known[month]):
            without = decisions.open.get(month)
            plan.kept[month] = without.said if without is not None else NOT_DELIVERED
        elif by_contract is not None and chosen is None:
            plan.files[month], plan.waived[month] = [], by_contract
            plan.fingerprints[month] = WAIVED_BY_CONTRACT
        else:
            plan.missing = missing_text(source, month, decisions, found, settings.raw_folder)
            return plan
    return plan


def _was_waived_by_contract(record: MonthRecord) -> bool:
    return WAIVED_BY_CONTRACT in record.inputs.values()


def _stage(table: Table, writer: MonthWriter, delivery: MonthDelivery, plan: Plan) -> Metadata:
    """Write a delivery as it comes, in order, and return what Dagit shows of it."""
    month = delivery.month
    first_rejected: list[dict[str, object]] = []
    content = delivered_hash(delivery.source, _kept(writer, month, ROWS, delivery.rows()))
    for lines in _kept(writer, month, REJECTED, delivery.rejected()):
        first_rejected += lines.slice(0, REJECTED_SHOWN - len(first_rejected)).to_pylist()
    fingerprint = plan.fingerprints[month]
    writer.stage(
        Draft(
            month=month,
            inputs={f"delivery/{table.name}/{month}": Input(fingerprint, origin=content)},
            definition=definition_of(table),
            facts={"delivered": delivery.num_rows + delivery.num_rejected},
            provenance={
                "files": delivery.files,
                "undated": delivery.undated,
                "undated_lines": delivery.undated_lines,
                "waived": plan.waived.get(month),
            },
        )
    )
    return {
        "files": markdown_table(delivery.files),
        "waived": plan.waived.get(month),
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
    """Leave out a rejected line's text, which may tell who somebody is."""
    return {name: value for name, value in row.items() if name != "text"}
