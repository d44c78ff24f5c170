"""One commit that makes staged files the months that they are of, and nobody else's.

Delta's own conflict rules are not enough: of several writers of a month that was never written all
would win, and writers of different months would refuse each other. So a commit carries one
application transaction a month. It is made on the table as it was before the inputs were read; if
it conflicts and the transaction of each of its months is still the one that was seen, other months
were written, and it is made again; else somebody else wrote one of its months, and it is refused.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from credit_risk_dagster.contract.columns import column_meaning
from credit_risk_dagster.datamart.log import TableLog, commit_metadata, read_entry
from credit_risk_dagster.datamart.place import Place, has_no_more_than_a_folder, log_entry
from credit_risk_dagster.datamart.record import MonthRecord, StoredFile, to_json
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.months import parse_month

RETENTION = "delta.deletedFileRetentionDuration"
PROPERTIES = {
    # Records live in the log: by default checkpoints would remove them after thirty days.
    "delta.enableExpiredLogCleanup": "false",
}


class MonthTakenError(PartitionError):
    """Another writer has replaced the month since its inputs were read."""


@dataclass(frozen=True)
class SeenTable:
    """A table as it was before the inputs of a commit were read."""

    table: Table
    place: Place
    opened: DeltaTable
    transactions: dict[str, int | None]


def see(table: Table, place: Place, months: Sequence[str], retention_days: int) -> SeenTable:
    """Open a table to commit months to it later; make it if it is not there.

    Raises:
        PartitionError: if its log is damaged, or gone while its files are there.
    """
    if place.exists(log_entry(0)):
        opened = _open(table, place)
    elif has_no_more_than_a_folder(place) or place.exists(log_entry(0)):
        opened = _create(table, place, retention_days)
    else:
        raise lost_log(table)
    return SeenTable(
        table, place, opened, {month: opened.transaction_version(month) for month in months}
    )


def commit_months(
    seen: SeenTable, records: Mapping[str, MonthRecord], staged: Mapping[str, Path]
) -> dict[str, MonthRecord]:
    """Make staged files the months that records describe; return the records as committed.

    Files, log entry and folders are on the disk, or in the store, when this returns.

    Args:
        seen: the table as it was before the inputs were read.
        records: the months.
        staged: where the files that they name are on this machine, by their names.

    Raises:
        PartitionError: if a file is not what its record says; nothing was committed.
        MonthTakenError: if another writer wrote one of the months; nothing was committed.
    """
    for record in records.values():
        check_files(seen.table, record, staged)
    opened = seen.opened
    actions: list[AddAction | RemoveAction] = [*_actions(seen, records)]
    while True:
        version = opened.version() + 1
        committed = {month: _at(one, version, records) for month, one in records.items()}
        properties = _properties(seen, version, committed)
        try:
            write = partial(_write, seen.table, opened, actions, records, properties)
            seen.place.patiently(write)
        except CommitFailedError:
            if _is_ours(seen, version, committed):  # its answer was lost, and it was sent again
                return committed
            reloaded = _reloaded(seen, records)
            if reloaded.version() < version:  # nobody committed: it is refused for another reason
                raise
            opened = reloaded
            continue
        seen.place.sync(log_entry(version))
        return committed


def _write(
    table: Table,
    opened: DeltaTable,
    actions: list[AddAction | RemoveAction],
    months: Iterable[str],
    properties: CommitProperties,
) -> None:
    opened.create_write_transaction(
        actions=actions,
        mode="overwrite",
        schema=opened.schema(),
        partition_by=[table.month_column],
        partition_filters=[(table.month_column, "in", list(months))],
        commit_properties=properties,
    )


def _is_ours(seen: SeenTable, version: int, records: Mapping[str, MonthRecord]) -> bool:
    """Return whether a version is this very commit, by what it says of its months."""
    if not seen.place.exists(log_entry(version)):
        return False
    there = read_entry(seen.table.path, seen.place, version).records
    return _texts(there) == _texts(records)


def _texts(records: Mapping[str, MonthRecord]) -> dict[str, str]:
    return {month: json.dumps(to_json(one), sort_keys=True) for month, one in records.items()}


def _at(record: MonthRecord, version: int, together: Mapping[str, MonthRecord]) -> MonthRecord:
    """Return a record as committed; of months committed with it that it was made of, as well."""
    own = {one.partition: version for one in together.values() if one.partition in record.inputs}
    return replace(record, version=version, input_versions={**record.input_versions, **own})


def _reloaded(seen: SeenTable, records: Mapping[str, MonthRecord]) -> DeltaTable:
    opened = _open(seen.table, seen.place)
    seen_before = seen.transactions
    taken = [month for month in records if opened.transaction_version(month) != seen_before[month]]
    if taken:
        raise MonthTakenError(
            f"{seen.table.path} of {', '.join(month[:7] for month in taken)} was written by "
            "another run since this one read what it is made of. Nothing was changed; run the "
            "month again."
        )
    return opened


def _properties(
    seen: SeenTable, version: int, records: Mapping[str, MonthRecord]
) -> CommitProperties:
    months = dict(TableLog(seen.table.path, seen.place).months(version - 1))
    return CommitProperties(
        custom_metadata=commit_metadata(
            {month: to_json(record) for month, record in records.items()},
            months | dict.fromkeys(records, version),
        ),
        app_transactions=[Transaction(month, version) for month in records],
        max_commit_retries=0,
    )


def _actions(seen: SeenTable, records: Mapping[str, MonthRecord]) -> list[AddAction]:
    """Return the actions that add the files; files that a month keeps are added again."""
    now = int(time.time() * 1000)
    return [
        AddAction(
            path=file.path,
            size=file.size,
            partition_values={seen.table.month_column: month},
            modification_time=now,
            data_change=True,
            stats=json.dumps({"numRecords": file.rows}),
        )
        for month, record in records.items()
        for file in record.files
    ]


def check_files(table: Table, record: MonthRecord, staged: Mapping[str, Path]) -> None:
    """Check what the library does not: path, size, month, columns and rows of every file.

    Raises:
        PartitionError: naming the file and what is wrong with it.
    """
    if not _is_month_key(record.month):
        raise PartitionError(f"{record.partition} was refused: its month is not YYYY-MM-01.")
    for file in record.files:
        fault = _file_fault(table, record.month, file, staged.get(file.path))
        if fault:
            raise PartitionError(f"{record.partition} was refused: {file.path} {fault}")


def _is_month_key(text: str) -> bool:
    """Return whether a text is a month key: another one would keep the table from opening."""
    try:
        return parse_month(text) == text
    except ValueError:
        return False


def _file_fault(table: Table, month: str, file: StoredFile, path: Path | None) -> str | None:
    if PurePosixPath(file.path).parent.as_posix() != month_folder(table, month):
        return f"does not lie in the folder of {month}."
    if path is None or not path.is_file() or path.stat().st_size != file.size:
        return "is not the file that was staged."
    found = pq.read_metadata(path)
    if found.num_rows != file.rows:
        return f"has {found.num_rows} rows instead of {file.rows}."
    stored = found.schema.to_arrow_schema()
    types = dict(zip(stored.names, stored.types, strict=True))
    wrong = [field.name for field in table.schema if types.get(field.name) != field.type]
    return f"has not the declared columns: {', '.join(wrong)}." if wrong else None


def month_folder(table: Table, month: str) -> str:
    """Return the folder of a month's files, in the table's folder."""
    return f"{table.month_column}={month}"


def _open(table: Table, place: Place) -> DeltaTable:
    try:
        return place.patiently(lambda: DeltaTable(place.uri, storage_options=place.options))
    except (DeltaError, ValueError, OSError) as error:
        raise PartitionError(
            f"The log of {table.path} is damaged, so that it cannot be opened. Run "
            "`credit-risk doctor --repair`."
        ) from error


def lost_log(table: Table) -> PartitionError:
    """Return the error that says that a table has files and no log."""
    return PartitionError(
        f"{table.path} has files and no log: it is lost, not they. Nothing was changed. Run "
        "`credit-risk doctor --repair`, or restore the table from a backup."
    )


def _create(table: Table, place: Place, retention_days: int) -> DeltaTable:
    place.make()

    def create() -> None:
        DeltaTable.create(
            place.uri,
            storage_options=place.options,
            schema=Schema.from_arrow(described_schema(table)),
            mode="ignore",
            partition_by=[table.month_column],
            name=table.path,
            description=table.description,
            configuration=PROPERTIES | {RETENTION: f"interval {retention_days} days"},
            commit_properties=CommitProperties(max_commit_retries=0),
        )

    with suppress(CommitFailedError):  # as another run makes it at the same time
        place.patiently(create)
    place.sync(log_entry(0))
    return _open(table, place)


def described_schema(table: Table) -> pa.Schema:
    """Return the columns that a table is stored with, each with its meaning as Delta keeps it."""
    return pa.schema(
        [
            field.with_metadata({"comment": column_meaning(table.layer, table.name, field.name)})
            for field in table.stored_schema
        ]
    )
