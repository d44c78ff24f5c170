"""Where tables live, and how their months are read and written.

A table is a Delta table, partitioned by snapshot month. Each commit carries the records of the
months that it writes; what is read is what a record names, and is verified first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_dagster.datamart.log import TableLog, milliseconds
from credit_risk_dagster.datamart.place import Place, is_unchanged
from credit_risk_dagster.datamart.record import Input, MonthRecord, StoredFile
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import MonthWriter
from credit_risk_dagster.errors import PartitionError

TABLES = "tables"
"""The folder of tables in the home of an installation."""

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
    """

    home: Path
    retention_days: int = RETENTION_DAYS
    versions: Versions | None = None

    @property
    def folder(self) -> Path:
        """The folder of tables."""
        return self.home / TABLES

    @cached_property
    def _logs(self) -> dict[str, TableLog]:
        return {}

    def place(self, table: Table) -> Place:
        """Return where a table is."""
        return Place(self.folder / table.path)

    def log(self, table: Table) -> TableLog:
        """Return the log of a table.

        Raises:
            PartitionError: if the home is one of an earlier release.
        """
        if table.path not in self._logs:
            place = self.place(table)
            is_old = next(place.folder.glob("????-??-01.json"), None) is not None
            if is_old or (self.home / UPGRADING).exists():
                raise PartitionError(
                    f"{self.home} is the home of an earlier release. Run `credit-risk upgrade`, "
                    "which takes it over and keeps the old files."
                )
            self._logs[table.path] = TableLog(table.path, place)
        return self._logs[table.path]

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
        """Read the rows of several months into memory, all declared columns or some of them."""
        names = table.schema.names if columns is None else columns
        schema = pa.schema([table.schema.field(name) for name in names])
        return _read(self.files(table, months), schema)

    def read_beside(self, table: Table, month: str, name: str) -> pa.Table:
        """Read a month of a table kept beside the rows."""
        return _read(self.files_beside(table, month, name), table.tables_beside[name].schema)

    def is_whole(self, table: Table, month: str) -> bool:
        """Return whether a month was written and every file of it is what was written."""
        record = self.record(table, month)
        return record is not None and not self.damaged_files(table, record)

    def damaged_files(self, table: Table, record: MonthRecord) -> list[Path]:
        """Return the files of a month, and beside it, that are not what was written."""
        tables = table.tables_beside
        stored = [(self.place(table), file) for file in record.files]
        stored += [
            (self.place(tables[name]), file)
            for name, one in record.beside.items()
            for file in one.files
        ]
        paths = [(place.path(file.path), file) for place, file in stored]
        return [path for path, file in paths if not is_unchanged(path, file.size, file.sha256)]

    def open(self, table: Table, months: Sequence[str]) -> MonthWriter:
        """Return a writer of months of a table; to be called before their inputs are read."""
        log = self.log(table)
        return MonthWriter(table, months, self.place, log.record, self.retention_days)

    def at(self, pins: Mapping[tuple[str, str], int]) -> "Datamart":
        """Return the datamart with some months as of given versions, by table path and month."""
        return Datamart(self.home, self.retention_days, lambda *month: pins.get(month))

    def as_of(self, moment: datetime) -> "Datamart":
        """Return the datamart as it was known at a moment."""
        then = milliseconds(moment)
        logs: dict[str, int] = {}

        def version(path: str, _month: str) -> int:
            if path not in logs:
                log = TableLog(path, Place(self.folder / path))
                logs[path] = log.version_as_of(then)
            return logs[path]

        return Datamart(self.home, self.retention_days, version)

    def _verified(self, table: Table, place: Place, record: MonthRecord, file: StoredFile) -> Path:
        path = place.path(file.path)
        if not is_unchanged(path, file.size, file.sha256):
            shown = path.relative_to(self.home).as_posix()
            raise PartitionError(
                f"{record.partition} is damaged: {shown} is not the file that was written. "
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


def _read(files: Sequence[Path], schema: pa.Schema) -> pa.Table:
    parts = []
    for path in files:
        # A dataset, as `read_table` opens, takes twice as long for small files.
        with pq.ParquetFile(path) as file:
            parts.append(declared(file.read(columns=schema.names), schema))
    return pa.concat_tables([schema.empty_table(), *parts])


def declared(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows with the declared columns; one that began later is missing in old months."""
    for field in schema:
        if field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(schema.names).cast(schema)
