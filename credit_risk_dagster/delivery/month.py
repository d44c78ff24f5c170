"""The delivery of a month: its set of rows, from however many files, in whatever order."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.datamart.content_hash import hash_batches
from credit_risk_dagster.datamart.row_order import sorted_batches
from credit_risk_dagster.datamart.spool import Spool
from credit_risk_dagster.delivery.files import (
    DeliveredFile,
    expected_names,
    find_files,
    passed_over,
)
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
from credit_risk_dagster.errors import DeliveryError

UNDATED_LISTED = 1_000


@dataclass
class _Gathered:
    """What some files hold of some months."""

    rows: Spool
    rejected: Spool
    undated: int = 0
    undated_lines: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    rows_of_months: list[Counter[str]] = field(default_factory=list)
    """Of each file, how many rows of each month."""


@dataclass(frozen=True)
class MonthDelivery:
    """What was delivered of one source for one month; its rows wait on the disk."""

    source: Source
    month: str
    files: list[dict[str, Any]]
    """Of each file read: relative path, size, modified, rows of this month, extra_columns."""
    undated: int
    """How many lines of the cumulative files read were rejected and name no month."""
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
    folder: Path,
    source: Source,
    months: Sequence[str] | None,
    scratch: Path,
    accept_unterminated_line: bool = False,
    known: Collection[str] = (),
) -> Iterator[MonthDelivery]:
    """Yield the delivery of each month, in the order asked, reading each file once.

    Opens the cumulative files of the source and those for the months asked, no others. What does
    not fit into some megabytes waits in the scratch folder. The rows of a month are to be taken
    before the next month is asked for.

    Args:
        folder: the raw folder.
        source: the source to read.
        months: the months asked for; all that have a line, in order, if None.
        scratch: the folder in which rows wait.
        accept_unterminated_line: whether a last line without a line end is whole.
        known: months that are left out if nothing of them is there, since they were read before.

    Raises:
        DeliveryError: at the first month that has no line at all or whose own file cannot be read,
            after the months before it; before any month, if a cumulative file cannot be read.
        PlatformError: if the scratch folder cannot be written.
    """
    files = find_files(folder, source) if months is None or months else []
    cumulative = [file for file in files if file.month is None]
    with _gathering(source, scratch) as shared:
        _gather(shared, cumulative, source, months, accept_unterminated_line)
        for month in dict.fromkeys(_delivered(shared, files) if months is None else months):
            of_month = [file for file in files if file.month == month]
            with _gathering(source, scratch) as own:
                _gather(own, of_month, source, [month], accept_unterminated_line)
                together = _join(shared, own, month) if of_month else shared
                delivery = _delivery(source, month, together, shared)
                if delivery.num_rows or delivery.num_rejected:
                    yield delivery
                elif months is not None and month not in known:
                    raise DeliveryError(_missing(folder, delivery))


def _delivered(cumulative: _Gathered, files: Sequence[DeliveredFile]) -> list[str]:
    of_files = {file.month for file in files if file.month is not None}
    return sorted({*cumulative.rows.names, *cumulative.rejected.names, *of_files})


@contextmanager
def _gathering(source: Source, scratch: Path) -> Iterator[_Gathered]:
    with Spool(rows_schema(source), scratch) as rows, Spool(REJECTED_SCHEMA, scratch) as rejected:
        yield _Gathered(rows, rejected)


def _gather(
    gathered: _Gathered,
    files: Sequence[DeliveredFile],
    source: Source,
    months: Sequence[str] | None,
    accept_unterminated_line: bool,
) -> None:
    for file in files:
        header = read_header(file, source)
        gathered.files.append(
            {
                "relative": file.relative,
                "size": file.size,
                "modified": file.modified.isoformat(),
                "extra_columns": list(header.extra),
            }
        )
        counts: Counter[str] = Counter()
        gathered.rows_of_months.append(counts)
        for portion in read_file(file, source, header, months, accept_unterminated_line):
            counts.update({month: rows.num_rows for month, rows in portion.rows.items()})
            _put(gathered, portion)


def _put(gathered: _Gathered, portion: Portion) -> None:
    spooled = ((gathered.rows, portion.rows), (gathered.rejected, portion.rejected))
    for spool, tables in spooled:
        for month, table in tables.items():
            for batch in table.to_batches():
                spool.add(month, batch)
    listed = portion.undated.slice(0, max(0, UNDATED_LISTED - gathered.undated))
    gathered.undated_lines += listed.drop_columns([TEXT]).to_pylist()
    gathered.undated += portion.undated.num_rows


def _join(shared: _Gathered, own: _Gathered, month: str) -> _Gathered:
    """Put what cumulative files hold of a month to what its own files hold."""
    for there, here in ((shared.rows, own.rows), (shared.rejected, own.rejected)):
        for batch in there.batches(month):
            here.add(month, batch)
    return replace(
        own,
        files=shared.files + own.files,
        rows_of_months=shared.rows_of_months + own.rows_of_months,
    )


def _delivery(source: Source, month: str, gathered: _Gathered, shared: _Gathered) -> MonthDelivery:
    counted = zip(gathered.files, gathered.rows_of_months, strict=True)
    return MonthDelivery(
        source=source,
        month=month,
        files=[{**file, "rows": counts[month]} for file, counts in counted],
        undated=shared.undated,
        undated_lines=shared.undated_lines,
        _gathered=gathered,
    )


def _missing(folder: Path, delivery: MonthDelivery) -> str:
    source, month, files = delivery.source, delivery.month, delivery.files
    if not files:
        looked_at = "there is no file of this source for it, and no cumulative one"
    else:
        looked_at = f"no line of it is in {', '.join(file['relative'] for file in files)}"
    if delivery.undated:
        first = delivery.undated_lines[0]
        looked_at += (
            f" ({delivery.undated} lines there name no month; the first is line "
            f"{first[LINE_NUMBER]} of {first[SOURCE_FILE]}: {first['reason']})"
        )
    for one in passed_over(folder, source):
        looked_at += f"; {one.relative} was passed over: {one.reason}"
    return (
        f"{source.name}: nothing was delivered for {month[:7]}: {looked_at}. Deliver "
        f"{expected_names(source, month)} to {folder}."
    )
