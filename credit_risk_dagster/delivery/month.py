"""The delivery of a month: its set of rows, from however many files, in whatever order."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.contract.sources import Source
from credit_risk_dagster.datamart.content_hash import content_hash
from credit_risk_dagster.delivery.files import DeliveredFile, find_files
from credit_risk_dagster.delivery.header import read_header
from credit_risk_dagster.delivery.reader import (
    LINE_NUMBER,
    REJECTED_SCHEMA,
    SOURCE_FILE,
    read_file,
    rows_schema,
)
from credit_risk_dagster.errors import DeliveryError

UNDATED_LISTED = 1_000


@dataclass(frozen=True)
class MonthDelivery:
    """What was delivered of one source for one month."""

    source: Source
    month: str
    rows: pa.Table
    """Text columns, then source_file and line_number; sorted by key, then all other values."""
    rejected: pa.Table
    """source_file, line_number, reason, text; sorted by file and line."""
    content_hash: str
    """Of the text columns of `rows`: neither of where they came from nor of what was rejected."""
    files: list[dict[str, Any]]
    """Of each file read: relative path, size, modified, rows of this month, extra_columns."""
    undated: int
    """How many lines of the cumulative files read were rejected and name no month."""
    undated_lines: pa.Table
    """The first 1,000 of them, like `rejected`."""


@dataclass
class _Gathered:
    """What some files hold of some months."""

    rows: defaultdict[str, list[pa.Table]] = field(default_factory=lambda: defaultdict(list))
    rejected: defaultdict[str, list[pa.Table]] = field(default_factory=lambda: defaultdict(list))
    undated: int = 0
    undated_lines: list[pa.Table] = field(default_factory=lambda: [REJECTED_SCHEMA.empty_table()])
    files: list[dict[str, Any]] = field(default_factory=list)


def read_months(
    folder: Path,
    source: Source,
    months: Sequence[str],
    accept_unterminated_line: bool = False,
    known: Collection[str] = (),
) -> Iterator[MonthDelivery]:
    """Yield the delivery of each month, in the order asked, reading each file once.

    Opens the cumulative files of the source and those for the months asked, no others.

    Args:
        folder: the raw folder.
        source: the source to read.
        months: the months asked for.
        accept_unterminated_line: whether a last line without a line end is whole.
        known: months that are left out if nothing of them is there, since they were read before.

    Raises:
        DeliveryError: at the first month that has no line at all or whose own file cannot be read,
            after the months before it; before any month, if a cumulative file cannot be read.
    """
    months = list(dict.fromkeys(months))
    files = find_files(folder, source) if months else []
    cumulative = [file for file in files if file.month is None]
    shared = _gather(cumulative, source, months, accept_unterminated_line)
    for month in months:
        of_month = [file for file in files if file.month == month]
        own = _gather(of_month, source, [month], accept_unterminated_line)
        rows = shared.rows.pop(month, []) + own.rows[month]
        rejected = shared.rejected.pop(month, []) + own.rejected[month]
        read = shared.files + own.files
        if not rows and not rejected:
            if month in known:
                continue
            raise DeliveryError(_missing(folder, source, month, read, shared))
        yield _delivery(source, month, rows, rejected, read, shared)


def _gather(
    files: Sequence[DeliveredFile],
    source: Source,
    months: Sequence[str],
    accept_unterminated_line: bool,
) -> _Gathered:
    gathered = _Gathered()
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
        for portion in read_file(file, source, header, months, accept_unterminated_line):
            for month, rows in portion.rows.items():
                gathered.rows[month].append(rows)
            for month, lines in portion.rejected.items():
                gathered.rejected[month].append(lines)
            listed = max(0, UNDATED_LISTED - gathered.undated)
            gathered.undated_lines.append(portion.undated.slice(0, listed))
            gathered.undated += portion.undated.num_rows
    return gathered


def _delivery(
    source: Source,
    month: str,
    rows: list[pa.Table],
    rejected: list[pa.Table],
    files: list[dict[str, Any]],
    shared: _Gathered,
) -> MonthDelivery:
    others = [column for column in source.columns if column not in source.key]
    delivered = _sorted(
        [rows_schema(source).empty_table(), *rows],
        [*source.key, *others, SOURCE_FILE, LINE_NUMBER],
    )
    counts = {
        count["values"]: count["counts"]
        for count in pc.value_counts(delivered[SOURCE_FILE]).to_pylist()
    }
    return MonthDelivery(
        source=source,
        month=month,
        rows=delivered,
        rejected=_sorted([REJECTED_SCHEMA.empty_table(), *rejected], [SOURCE_FILE, LINE_NUMBER]),
        content_hash=content_hash(delivered.select(source.columns)),
        files=[{**file, "rows": counts.get(file["relative"], 0)} for file in files],
        undated=shared.undated,
        undated_lines=pa.concat_tables(shared.undated_lines),
    )


def _sorted(tables: list[pa.Table], columns: list[str]) -> pa.Table:
    """Join tables and sort them, text by the order of its bytes."""
    joined = pa.concat_tables(tables).combine_chunks()
    return joined.take(pc.sort_indices(joined, [(column, "ascending") for column in columns]))


def _missing(
    folder: Path, source: Source, month: str, files: list[dict[str, Any]], shared: _Gathered
) -> str:
    if not files:
        looked_at = "there is no file of this source for it, and no cumulative one"
    else:
        looked_at = f"no line of it is in {', '.join(file['relative'] for file in files)}"
    if shared.undated:
        first = shared.undated_lines[1].to_pylist()[0]
        looked_at += (
            f" ({shared.undated} lines there name no month; the first is line "
            f"{first[LINE_NUMBER]} of {first[SOURCE_FILE]}: {first['reason']})"
        )
    return (
        f"{source.name}: nothing was delivered for {month[:7]}: {looked_at}. Deliver "
        f"{source.file_stem}.csv with all months or {source.file_stem}_{month[:7]}.csv to {folder}."
    )
