"""The index of what the tables hold: the records of all months, in the installation's database.

The logs of the tables are the truth. The index answers what spans all months with a few queries,
catches up with the logs by itself, and is made anew from them by `rebuild`. It keeps a copy of
every log entry as well, from which a damaged log is repaired.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from credit_risk_dagster.datamart.database import Database
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.log import LogEntry, read_entry
from credit_risk_dagster.datamart.place import has_no_more_than_a_folder, log_entry
from credit_risk_dagster.datamart.record import MonthRecord, from_json, to_json
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.errors import PartitionError

INDEX = sa.MetaData()

LOG_ENTRIES = sa.Table(
    "table_log",
    INDEX,
    sa.Column("table_path", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("entry", sa.Text, nullable=False),
)
"""A copy of every log entry."""

RECORDS = sa.Table(
    "table_months",
    INDEX,
    sa.Column("table_path", sa.Text, primary_key=True),
    sa.Column("snapshot_date", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("definition", sa.Text, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("written_at", sa.Text, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
)
"""The record of each month of each table, as of its newest commit."""

INPUTS = sa.Table(
    "table_inputs",
    INDEX,
    sa.Column("table_path", sa.Text, primary_key=True),
    sa.Column("snapshot_date", sa.Text, primary_key=True),
    sa.Column("input_path", sa.Text, primary_key=True),
    sa.Column("input_month", sa.Text, primary_key=True),
    sa.Column("content_hash", sa.Text, nullable=False),
)
"""What each month was made of, by content hash."""


class RecordIndex(Database):
    """The index of an installation's tables."""

    def __init__(self, url: str, datamart: Datamart, tables: Mapping[str, Table]) -> None:
        """Name database and tables; connects to nothing yet.

        Args:
            url: the database's address.
            datamart: where the tables are.
            tables: the tables by path, those kept beside others included.

        Raises:
            PlatformError: if the database is of a kind that is not known here.
        """
        super().__init__(url, INDEX)
        self._datamart = datamart
        self._tables = tables

    def catch_up(self) -> int:
        """Take over what was committed since; return how many commits that was.

        A table that another one has replaced, by a new demo for example, is taken over anew.

        Raises:
            PartitionError: if a log is damaged.
            PlatformError: if the database fails.
        """
        known = self._known()
        taken = 0
        for path, table in self._tables.items():
            newest = self._datamart.log(table).newest()
            at, sha256 = known.get(path, (-1, ""))
            if at > newest or (at >= 0 and self._sha256(table, at) != sha256):
                self._require_another(table, at)
                self._check(table, newest)
                self._forget(path)
                at = -1
            for version in range(at + 1, newest + 1):
                self._take(table, version)
                taken += 1
        return taken

    def rebuild(self) -> int:
        """Make the index anew from the logs; return how many commits it holds.

        Raises:
            PartitionError: if a log is damaged; then the index stays what it was.
        """
        for table in self._tables.values():
            self._check(table, self._datamart.log(table).newest())
        for path in self._tables:
            self._forget(path)
        return self.catch_up()

    def records(self) -> dict[tuple[str, str], MonthRecord]:
        """Return every record, by table path and month, after catching up."""
        self.catch_up()
        columns = (RECORDS.c.table_path, RECORDS.c.snapshot_date, RECORDS.c.version)
        rows = self.rows(sa.select(*columns, RECORDS.c.record))
        return {
            (row["table_path"], row["snapshot_date"]): from_json(
                row["table_path"], row["snapshot_date"], row["version"], json.loads(row["record"])
            )
            for row in rows
        }

    def months(self) -> dict[str, list[str]]:
        """Return the months of every table that has any, oldest first, after catching up."""
        self.catch_up()
        columns = (RECORDS.c.table_path, RECORDS.c.snapshot_date)
        found: dict[str, list[str]] = {}
        for row in self.rows(sa.select(*columns).order_by(*columns)):
            found.setdefault(row["table_path"], []).append(row["snapshot_date"])
        return found

    def copy(self, path: str, version: int) -> str | None:
        """Return the copy of a log entry, or None if there is none."""
        wanted = sa.select(LOG_ENTRIES.c.entry).where(
            LOG_ENTRIES.c.table_path == path, LOG_ENTRIES.c.version == version
        )
        found = self.rows(wanted)
        return str(found[0]["entry"]) if found else None

    def copied(self, path: str) -> dict[int, str]:
        """Return the SHA-256 of every log entry of a table of which there is a copy."""
        wanted = sa.select(LOG_ENTRIES.c.version, LOG_ENTRIES.c.sha256).where(
            LOG_ENTRIES.c.table_path == path
        )
        return {row["version"]: row["sha256"] for row in self.rows(wanted)}

    def _known(self) -> dict[str, tuple[int, str]]:
        """Return the newest version that was taken over of each table, with its SHA-256."""
        newest = (
            sa.select(LOG_ENTRIES.c.table_path, sa.func.max(LOG_ENTRIES.c.version).label("version"))
            .group_by(LOG_ENTRIES.c.table_path)
            # One that lacks a version, as a killed `rebuild` leaves it, is taken over anew.
            .having(sa.func.count() == sa.func.max(LOG_ENTRIES.c.version) + 1)
            .subquery()
        )
        joined = sa.and_(
            LOG_ENTRIES.c.table_path == newest.c.table_path,
            LOG_ENTRIES.c.version == newest.c.version,
        )
        columns = (LOG_ENTRIES.c.table_path, LOG_ENTRIES.c.version, LOG_ENTRIES.c.sha256)
        rows = self.rows(sa.select(*columns).join(newest, joined))
        return {row["table_path"]: (row["version"], row["sha256"]) for row in rows}

    def _sha256(self, table: Table, version: int) -> str:
        return _sha256(self._datamart.log(table).text(version))

    def _require_another(self, table: Table, at: int) -> None:
        """Check that the table was replaced by another one, which begins with another entry.

        A log that begins as it did is damaged: its copies must not be forgotten.
        """
        place = self._datamart.place(table)
        first = self.copied(table.path).get(0)
        if has_no_more_than_a_folder(place):
            return
        if place.exists(log_entry(0)) and self._sha256(table, 0) != first:
            return
        raise PartitionError(
            f"The log of {table.path} is not what it was: version {at} is gone or was changed. Run "
            "`credit-risk doctor --repair`; or `credit-risk reindex`, if an older backup of the "
            "table was put there."
        )

    def _check(self, table: Table, newest: int) -> None:
        """Read a log: of a damaged one, the copies from which it is repaired are not forgotten."""
        place = self._datamart.place(table)
        for version in range(newest + 1):
            read_entry(table.path, place, version)

    def _forget(self, path: str) -> None:
        with self.transaction() as connection:
            for table in INDEX.sorted_tables:
                connection.execute(sa.delete(table).where(table.c.table_path == path))

    def _take(self, table: Table, version: int) -> None:
        log = self._datamart.log(table)
        text, entry = log.text(version), log.entry(version)
        copy = {"table_path": table.path, "version": version, "sha256": _sha256(text)}
        with self.transaction() as connection:
            connection.execute(self.upsert(LOG_ENTRIES), [{**copy, "entry": text}])
            if not entry.records:
                return
            newer = self._newer(connection, table.path, version)
            entry = replace(
                entry, records={key: one for key, one in entry.records.items() if key not in newer}
            )
            if not entry.records:
                return
            connection.execute(self.upsert(RECORDS), _record_rows(table.path, entry))
            for month in entry.records:
                connection.execute(
                    sa.delete(INPUTS).where(
                        INPUTS.c.table_path == table.path, INPUTS.c.snapshot_date == month
                    )
                )
            inputs = _input_rows(table.path, entry)
            if inputs:
                connection.execute(self.upsert(INPUTS), inputs)

    def _newer(self, connection: sa.Connection, path: str, version: int) -> set[str]:
        """Return the months of which another process has taken over a newer commit meanwhile."""
        wanted = sa.select(RECORDS.c.snapshot_date).where(
            RECORDS.c.table_path == path, RECORDS.c.version > version
        )
        return set(connection.execute(wanted).scalars())


def _record_rows(path: str, entry: LogEntry) -> list[dict[str, Any]]:
    return [
        {
            "table_path": path,
            "snapshot_date": month,
            "version": record.version,
            "rows": record.rows,
            "definition": record.definition,
            "content_hash": record.hash_as_input,  # what inputs are compared with
            "written_at": record.provenance.get("written_at", ""),
            "record": json.dumps(to_json(record), sort_keys=True),
        }
        for month, record in entry.records.items()
    ]


def _input_rows(path: str, entry: LogEntry) -> list[dict[str, Any]]:
    rows = []
    for month, record in entry.records.items():
        for name, content_hash in record.inputs.items():
            input_path, _, input_month = name.rpartition("/")
            rows.append(
                {
                    "table_path": path,
                    "snapshot_date": month,
                    "input_path": input_path,
                    "input_month": input_month,
                    "content_hash": content_hash,
                }
            )
    return rows


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
