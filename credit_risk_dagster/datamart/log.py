"""The log of a Delta table: which version holds which month, and the records of its commits.

Every commit of ours names, beside the records of its months, the version that holds each month of
the table. The newest entry therefore tells where everything is, and any entry what was known then.
Entries never change: what was read once is kept.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from credit_risk_dagster.datamart.place import Place, log_entry, log_versions
from credit_risk_dagster.datamart.record import MonthRecord, from_json
from credit_risk_dagster.errors import PartitionError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RECORDS, RECORDS_SHA256, MONTHS = "records", "recordsSha256", "months"
"""What our commits add to Delta's `commitInfo`, each as text."""


@dataclass(frozen=True)
class LogEntry:
    """One commit.

    Attributes:
        version: the table's version that it makes.
        committed_at: when, in milliseconds since 1970.
        months: the version that holds each month, as of this commit; None if it is not ours.
        records: the records of the months that it replaces.
        added: paths of the files that it adds.
        removed: when each file that it removes was removed, in milliseconds, by path.
        transactions: the version that each application transaction names.
    """

    version: int
    committed_at: int
    months: Mapping[str, int] | None
    records: Mapping[str, MonthRecord]
    added: frozenset[str]
    removed: Mapping[str, int]
    transactions: Mapping[str, int]


def commit_metadata(
    records: Mapping[str, Mapping[str, Any]], months: Mapping[str, int]
) -> dict[str, str]:
    """Return what a commit carries: the records of its months and where every month is."""
    text = json.dumps(records, sort_keys=True, ensure_ascii=False)
    return {
        RECORDS: text,
        RECORDS_SHA256: hashlib.sha256(text.encode()).hexdigest(),
        MONTHS: json.dumps(months, sort_keys=True),
    }


def milliseconds(moment: datetime) -> int:
    """Return a moment in whole milliseconds since 1970; with floats, 2038 would miss some."""
    return (moment.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)


class TableLog:
    """The log of one table, read as far as it was asked for."""

    def __init__(self, table: str, place: Place) -> None:
        """Name a table, which need not be there."""
        self.table = table
        self.place = place
        self._entries: dict[int, LogEntry] = {}
        self._newest = -1
        self._state: tuple[int, ...] | None = None

    def newest(self) -> int:
        """Return the newest version; -1 if the table was never written."""
        if self._newest >= 0 and self.place.state(log_entry(self._newest)) != self._state:
            self._entries, self._newest = {}, -1  # repaired, or another table is there now
        if self._newest < 0:
            self._newest = max(log_versions(self.place), default=-1)
            self._state = self.place.state(log_entry(self._newest))
        while (state := self.place.state(log_entry(self._newest + 1))) is not None:
            self._newest, self._state = self._newest + 1, state
        return self._newest

    def entry(self, version: int) -> LogEntry:
        """Return the commit of a version.

        Raises:
            PartitionError: if it is gone, or not what was written.
        """
        if version not in self._entries:
            self._entries[version] = read_entry(self.table, self.place, version)
        return self._entries[version]

    def text(self, version: int) -> str:
        """Return a log entry as it is written.

        Raises:
            PartitionError: if it cannot be read.
        """
        try:
            return self.place.read(log_entry(version)).decode()
        except (OSError, ValueError) as error:
            raise damaged_log(self.table, version, error) from error

    def months(self, at: int | None = None) -> Mapping[str, int]:
        """Return the version that holds each month, as of a version of the table."""
        for version in range(self.newest() if at is None else at, -1, -1):
            known = self.entry(version).months
            if known is not None:
                return known
        return {}

    def version_of(self, month: str, at: int | None = None) -> int | None:
        """Return the version that holds a month; None if it was never written."""
        return self.months(at).get(month)

    def record(self, month: str, at: int | None = None) -> MonthRecord | None:
        """Return the record of a month as of a version; None if it was not written by then."""
        version = self.version_of(month, at)
        return None if version is None else self.entry(version).records[month]

    def version_as_of(self, milliseconds: int) -> int:
        """Return the newest version committed by a moment; -1 if there was none."""
        for version in range(self.newest(), -1, -1):
            if self.entry(version).committed_at <= milliseconds:
                return version
        return -1


def read_entry(table: str, place: Place, version: int) -> LogEntry:
    """Read a log entry.

    Raises:
        PartitionError: if it is gone, torn, or carries records that are not those written.
    """
    try:
        text = place.read(log_entry(version)).decode()
        # Not `splitlines`: texts in it may hold what Unicode takes for the end of a line.
        lines = [json.loads(line) for line in text.split("\n") if line]
        return _parsed(table, version, lines)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged_log(table, version, error) from error


def damaged_log(table: str, version: int, error: Exception) -> PartitionError:
    """Return the error that says which entry of a log is damaged, and what to do."""
    return PartitionError(
        f"The log of {table} is damaged: version {version} cannot be read "
        f"({type(error).__name__}). Run `credit-risk doctor --repair`."
    )


def _parsed(table: str, version: int, lines: list[dict[str, Any]]) -> LogEntry:
    info = next((line["commitInfo"] for line in lines if "commitInfo" in line), None)
    if info is None:  # as of an entry that a power cut left empty
        raise ValueError("commitInfo")
    adds = [line["add"] for line in lines if "add" in line]
    removes = [line["remove"] for line in lines if "remove" in line]
    transactions = [line["txn"] for line in lines if "txn" in line]
    records: dict[str, MonthRecord] = {}
    if RECORDS in info:
        if hashlib.sha256(info[RECORDS].encode()).hexdigest() != info[RECORDS_SHA256]:
            raise ValueError("records")
        records = {
            month: from_json(table, month, version, content)
            for month, content in json.loads(info[RECORDS]).items()
        }
    if (RECORDS in info) != (MONTHS in info):
        raise ValueError("months")
    named = {file.path for record in records.values() for file in record.files}
    listed = {unquote(str(add["path"])) for add in adds}
    taken = {str(one["appId"]): int(one["version"]) for one in transactions}
    if records and (listed, taken) != (named, dict.fromkeys(records, version)):
        raise ValueError("actions")  # as of an entry that was cut off at the end of a line
    is_first = version == 0 and not records
    months = {} if is_first else json.loads(info[MONTHS]) if MONTHS in info else None
    return LogEntry(
        version=version,
        committed_at=int(info["timestamp"]),
        months=months,
        records=records,
        added=frozenset(str(add["path"]) for add in adds),
        removed={str(remove["path"]): int(remove["deletionTimestamp"]) for remove in removes},
        transactions=taken,
    )
