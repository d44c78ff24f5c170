"""Where tables live, and how their months are read and written.

A table is a Delta table, partitioned by snapshot month. Each commit carries the records of the
months that it writes; what is read is what a record names, and is verified first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from credit_risk_dagster.datamart.disk import DiskPlace
from credit_risk_dagster.datamart.log import TableLog, milliseconds
from credit_risk_dagster.datamart.object_store import ObjectStore
from credit_risk_dagster.datamart.place import Place
from credit_risk_dagster.datamart.record import Input, MonthRecord, StoredFile
from credit_risk_dagster.datamart.store_place import StorePlace
from credit_risk_dagster.datamart.stored_rows import file_batches, read_files
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import MonthWriter
from credit_risk_dagster.errors import PartitionError

TABLES = "tables"
"""The folder of tables in the home of an installation."""

BRONZE = "bronze"
"""The layer that holds personal data."""

UPGRADING = "tables-upgrading"
"""Tables of a home that is being taken over, until they are swapped in."""

RETENTION_DAYS = 2557
"""Seven years: how long superseded versions are kept unless a setting says otherwise."""

Versions = Callable[[str, str], int | None]
"""The version of a table, by its path, at which a month of it is read; None: the newest."""


@dataclass(frozen=True)
class Datamart:
    """The tables of one installation, as they are now or as they were known then.

    Attributes:
        home: the home of the installation.
        retention_days: how long superseded versions are kept.
        versions: the versions at which tables are read; by default the newest.
        store: the object store that the tables are in; by default they are in the home.
        bronze: the folder or the object store of the tables of bronze alone, which hold personal
            data; by default they are where the others are.
    """

    home: Path
    retention_days: int = RETENTION_DAYS
    versions: Versions | None = None
    store: ObjectStore | None = None
    bronze: Path | ObjectStore | None = None

    @property
    def folder(self) -> Path:
        """The folder of tables."""
        return self.home / TABLES

    @cached_property
    def _logs(self) -> dict[str, TableLog]:
        return {}

    def place(self, table: Table) -> Place:
        """Return where a table is."""
        return self.place_of(table.path)

    def place_of(self, path: str) -> Place:
        """Return where the table of a path is."""
        layer, _, name = path.partition("/")
        is_private = layer == BRONZE
        if is_private and isinstance(self.bronze, Path):
            return DiskPlace(self.bronze / name, self.bronze, is_private)
        store = self.store
        if is_private and isinstance(self.bronze, ObjectStore):
            store = self.bronze
        if store is not None:
            return StorePlace(store.below(path), path)
        return DiskPlace(self.folder / path, self.home, is_private)

    def log(self, table: Table) -> TableLog:
        """Return the log of a table.

        Raises:
            PartitionError: if the home is one of an earlier release.
        """
        if table.path not in self._logs:
            if self.store is None:
                self._require_taken_over(table)
            self._logs[table.path] = TableLog(table.path, self.place(table))
        return self._logs[table.path]

    def _require_taken_over(self, table: Table) -> None:
        is_old = next((self.folder / table.path).glob("????-??-01.json"), None) is not None
        if is_old or (self.home / UPGRADING).exists():
            raise PartitionError(
                f"{self.home} is the home of an earlier release. Run `credit-risk upgrade`, "
                "which takes it over and keeps the old files."
            )

    def record(self, table: Table, month: str) -> MonthRecord | None:
        """Return the record of a month, or None if it was never written."""
        at = self.versions(table.path, month) if self.versions else None
        return self.log(table).record(month, at)

    def required_record(self, table: Table, month: str) -> MonthRecord:
        """Return the record of a month.

        Raises:
            PartitionError: if it was never written.
        """
        record = self.record(table, month)
        if record is None:
            raise PartitionError(
                f"{table.partition(month)} is missing. Materialize {table.path} for {month} first; "
                "months run in order."
            )
        return record

    def months(self, table: Table) -> list[str]:
        """Return the months that were written, oldest first."""
        months = sorted(self.log(table).months())
        return [month for month in months if not self.versions or self.record(table, month)]

    def records(self, table: Table) -> dict[str, MonthRecord]:
        """Return every record of a table by month, oldest first."""
        return {month: self.required_record(table, month) for month in self.months(table)}

    def inputs(self, table: Table, months: Sequence[str]) -> dict[str, Input]:
        """Return months of a table as what another one is made of, by partition name.

        Raises:
            PartitionError: if one of them was never written.
        """
        records = (self.required_record(table, month) for month in months)
        return {record.partition: record.as_input() for record in records}

    def files(self, table: Table, months: Sequence[str]) -> list[Path]:
        """Return the files of the rows of several months, each as it was written.

        Raises:
            PartitionError: if a month was never written, or a file of it is not what was written.
        """
        records = [self.required_record(table, month) for month in months]
        return [file for record in records for file in self.files_named(table, record)]

    def files_beside(self, table: Table, month: str, name: str) -> list[Path]:
        """Return the files of a month of a table kept beside the rows. See `files`."""
        return self.files_named(table, self.required_record(table, month), name)

    def files_named(
        self, table: Table, record: MonthRecord, beside: str | None = None
    ) -> list[Path]:
        """Return the files that a record names, of the rows or beside them, staged or committed.

        Raises:
            PartitionError: if a file is not what was written.
        """
        place = self.place(table if beside is None else table.tables_beside[beside])
        files = record.files if beside is None else record.beside[beside].files
        return [self._verified(table, place, record, file) for file in files]

    def read(
        self, table: Table, months: Sequence[str], columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Read rows of several months into memory: all columns as declared, or some of them."""
        return read_files(self.files(table, months), _part(table.schema, columns))

    def read_beside(
        self, table: Table, month: str, name: str, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Read a month of a table kept beside the rows: all columns, or some of them."""
        schema = table.tables_beside[name].schema
        return read_files(self.files_beside(table, month, name), _part(schema, columns))

    def batches(
        self, table: Table, months: Sequence[str], columns: Sequence[str]
    ) -> Iterator[pa.Table]:
        """Read some columns of several months, 65,536 rows at a time; the last are fewer."""
        return file_batches(self.files(table, months), _part(table.schema, columns))

    def stored_files(self, table: Table, month: str) -> list[Path]:
        """Return where the files of a month can be read, whatever has become of them.

        Raises:
            OSError: if one cannot be read at all.
        """
        place = self.place(table)
        return [place.stored(file) for file in self.required_record(table, month).files]

    def damaged_files(self, table: Table, record: MonthRecord) -> list[str]:
        """Return the files of a month, and beside it, that are not what was written."""
        tables = table.tables_beside
        stored = [(self.place(table), file) for file in record.files]
        stored += [
            (self.place(tables[name]), file)
            for name, one in record.beside.items()
            for file in one.files
        ]
        return [place.shown(file.path) for place, file in stored if not place.is_whole(file)]

    def open(self, table: Table, months: Sequence[str]) -> MonthWriter:
        """Return a writer of months of a table; to be called before their inputs are read."""
        log = self.log(table)
        return MonthWriter(table, months, self.place, log.record, self.retention_days)

    def at(self, pins: Mapping[tuple[str, str], int]) -> "Datamart":
        """Return the datamart with some months as of given versions, by table path and month."""
        return replace(self, versions=lambda *month: pins.get(month))

    def as_of(self, moment: datetime) -> "Datamart":
        """Return the datamart as it was known at a moment."""
        then = milliseconds(moment)
        logs: dict[str, int] = {}

        def version(path: str, _month: str) -> int:
            if path not in logs:
                log = TableLog(path, self.place_of(path))
                logs[path] = log.version_as_of(then)
            return logs[path]

        return replace(self, versions=version)

    def _verified(self, table: Table, place: Place, record: MonthRecord, file: StoredFile) -> Path:
        path = place.fetch(file)
        if path is None:
            raise PartitionError(
                f"{record.partition} is damaged: {place.shown(file.path)} is not the file that was "
                f"written. "
                f"{remedy(table, record.month)}"
            )
        return path


def remedy(table: Table, month: str) -> str:
    """Say what is to be done about a month whose stored rows are damaged."""
    if table.is_evidence:
        return (
            f"Restore tables/{table.path} from a backup: issued scores are evidence, and are never "
            "computed again as if they had just been issued."
        )
    return f"Run {month[:7]} again: `credit-risk run --months {month[:7]}`."


def _part(schema: pa.Schema, columns: Sequence[str] | None) -> pa.Schema:
    return schema if columns is None else pa.schema([schema.field(name) for name in columns])
