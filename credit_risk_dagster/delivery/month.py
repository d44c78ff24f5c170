"""The delivery of a month: its set of rows, from however many files, in whatever order."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.datamart.content_hash import hash_batches
from credit_risk_dagster.datamart.row_order import sorted_batches
from credit_risk_dagster.datamart.spool import Spool
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.header import read_header
from credit_risk_dagster.delivery.reader import (
    LINE_NUMBER,
    REJECTED_SCHEMA,
    SOURCE_FILE,
    TEXT,
    Portion,
    read_file,
    rows_schema,
)

UNDATED_LISTED = 1_000


@dataclass
class _Gathered:
    """What some files hold of some months."""

    rows: Spool
    rejected: Spool
    files: dict[str, "_Read"] = field(default_factory=dict)
    """By path, what is known of each file read."""


@dataclass
class _Read:
    """A file that was read."""

    described: dict[str, Any]
    rows: Counter[str] = field(default_factory=Counter)
    undated: int = 0
    undated_lines: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class MonthDelivery:
    """What was delivered of one source for one month; its rows wait on the disk."""

    source: Source
    month: str
    files: list[dict[str, Any]]
    """Of each file read: relative path, size, modified, rows of this month, extra_columns."""
    undated: int
    """How many lines of these files were rejected and name no month."""
    undated_lines: list[dict[str, Any]]
    """source_file, line_number and reason of the first 1,000 of them."""
    _gathered: _Gathered

    @property
    def num_rows(self) -> int:
        """How many rows it has."""
        return self._gathered.rows.num_rows(self.month)

    @property
    def num_rejected(self) -> int:
        """How many lines were rejected."""
        return self._gathered.rejected.num_rows(self.month)

    def rows(self) -> Iterator[pa.RecordBatch]:
        """Yield text columns, then source_file and line_number; by key, then all other values."""
        others = [column for column in self.source.headers if column not in self.source.key_headers]
        order = [*self.source.key_headers, *others, SOURCE_FILE, LINE_NUMBER]
        return sorted_batches(self._gathered.rows, self.month, order)

    def rejected(self) -> Iterator[pa.RecordBatch]:
        """Yield source_file, line_number, reason and text of rejected lines; by file and line."""
        return sorted_batches(self._gathered.rejected, self.month, [SOURCE_FILE, LINE_NUMBER])


def delivered_hash(source: Source, rows: Iterable[pa.RecordBatch]) -> str:
    """Return the content hash of the rows of a delivery, of its text columns alone.

    It knows neither where the rows came from nor what was rejected.
    """
    columns = list(source.headers)
    schema = pa.schema([rows_schema(source).field(column) for column in columns])
    return hash_batches(schema, (batch.select(columns) for batch in rows))


def read_months(
    source: Source,
    months: Mapping[str, Sequence[DeliveredFile]],
    scratch: Path,
    accept_unterminated_line: bool = False,
) -> Iterator[MonthDelivery]:
    """Yield the delivery of each month, in the order given, reading each file once.

    What does not fit into some megabytes waits in the scratch folder. The rows of a month are to be
    taken before the next month is asked for.

    Args:
        source: the source to read.
        months: the files that are the delivery of each month; of a file that is not a month's,
            nothing of that month is read.
        scratch: the folder in which rows wait.
        accept_unterminated_line: whether a last line without a line end is whole.

    Raises:
        DeliveryError: if a file cannot be read: before any month, if it holds several of them.
        PlatformError: if the scratch folder cannot be written.
    """
    served: dict[DeliveredFile, list[str]] = {}
    for month, files in months.items():
        for file in files:
            served.setdefault(file, []).append(month)
    with _gathering(source, scratch) as shared:
        for file, of_file in served.items():
            if len(of_file) > 1:
                _gather(shared, file, source, of_file, accept_unterminated_line)
        for month, files in months.items():
            own = [file for file in files if served[file] == [month]]
            with _gathering(source, scratch) as gathered:
                for file in own:
                    _gather(gathered, file, source, [month], accept_unterminated_line)
                together = _join(shared, gathered, month) if own else shared
                yield _delivery(source, month, together, files)


@contextmanager
def _gathering(source: Source, scratch: Path) -> Iterator[_Gathered]:
    with Spool(rows_schema(source), scratch) as rows, Spool(REJECTED_SCHEMA, scratch) as rejected:
        yield _Gathered(rows, rejected)


def _gather(
    gathered: _Gathered,
    file: DeliveredFile,
    source: Source,
    months: Sequence[str],
    accept_unterminated_line: bool,
) -> None:
    header = read_header(file, source)
    read = _Read(
        {
            "relative": file.relative,
            "size": file.size,
            "modified": file.modified.isoformat(),
            "extra_columns": list(header.extra),
        }
    )
    gathered.files[file.relative] = read
    for portion in read_file(file, source, header, months, accept_unterminated_line):
        _put(gathered, read, portion)


def _put(gathered: _Gathered, read: _Read, portion: Portion) -> None:
    spooled = ((gathered.rows, portion.rows), (gathered.rejected, portion.rejected))
    for spool, tables in spooled:
        for month, table in tables.items():
            for batch in table.to_batches():
                spool.add(month, batch)
    read.rows.update({month: rows.num_rows for month, rows in portion.rows.items()})
    listed = portion.undated.slice(0, max(0, UNDATED_LISTED - read.undated))
    read.undated_lines += listed.drop_columns([TEXT]).to_pylist()
    read.undated += portion.undated.num_rows


def _join(shared: _Gathered, own: _Gathered, month: str) -> _Gathered:
    """Put what files of several months hold of a month to what its own files hold."""
    for there, here in ((shared.rows, own.rows), (shared.rejected, own.rejected)):
        for batch in there.batches(month):
            here.add(month, batch)
    return replace(own, files=shared.files | own.files)


def _delivery(
    source: Source, month: str, gathered: _Gathered, files: Sequence[DeliveredFile]
) -> MonthDelivery:
    read = [gathered.files[file.relative] for file in files]
    undated_lines = [line for one in read for line in one.undated_lines]
    return MonthDelivery(
        source=source,
        month=month,
        files=[{**one.described, "rows": one.rows[month]} for one in read],
        undated=sum(one.undated for one in read),
        undated_lines=undated_lines[:UNDATED_LISTED],
        _gathered=gathered,
    )
