"""The one reader of delivered files: text rows and rejected lines, by month, in one pass."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os import fstat
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.header import Header, open_delivery
from credit_risk_dagster.delivery.lines import LINE_LIMIT, NO_MONTH, Fault, Lines, read_lines
from credit_risk_dagster.delivery.syntax import Integers, Truths
from credit_risk_dagster.errors import DeliveryError

SOURCE_FILE = "source_file"
LINE_NUMBER = "line_number"
TEXT = "text"
REJECTED_SCHEMA = pa.schema(
    [
        (SOURCE_FILE, pa.string()),
        (LINE_NUMBER, pa.int64()),
        ("reason", pa.string()),
        (TEXT, pa.string()),
    ]
)

REJECTED_AT_A_TIME = 16_384

_REASONS = {
    Fault.DATE: "{month} is not the first day of a month, written YYYY-MM-01",
    Fault.QUOTES: "a quote is not closed, not doubled, or inside an unquoted value",
    Fault.CARRIAGE_RETURN: "a carriage return inside the line",
    Fault.ENCODING: "not valid UTF-8",
    Fault.NUL: "a NUL byte",
    Fault.BLANK: "blank line",
    Fault.CUT_OFF: "last line has no line end, so it may be cut off",
    Fault.TOO_LONG: f"longer than {LINE_LIMIT:,} bytes",
}


@dataclass(frozen=True)
class Portion:
    """A part of a file, by month."""

    rows: dict[str, pa.Table]
    """The columns of the source as text, then source_file and line_number; in file order."""
    rejected: dict[str, pa.Table]
    """source_file, line_number, reason, text."""
    undated: pa.Table
    """Rejected lines whose month cannot be told; only cumulative files have them."""


def rows_schema(source: Source) -> pa.Schema:
    """Return the schema of the rows of a source: text columns, then where each row came from."""
    text = [(column, pa.string()) for column in source.headers]
    return pa.schema([*text, (SOURCE_FILE, pa.string()), (LINE_NUMBER, pa.int64())])


def read_file(
    file: DeliveredFile,
    source: Source,
    header: Header,
    months: Collection[str] | None,
    accept_unterminated_line: bool = False,
) -> Iterator[Portion]:
    """Yield what a file holds of some months, or of all of them, some megabytes at a time.

    A rejected line of a cumulative file belongs to the month of its snapshot_date, if that can be
    read; one of a file for a month belongs to that month, and so does a row of another month.

    Raises:
        DeliveryError: if the file cannot be read, or changes while it is read.
    """
    for lines in _judged_lines(file, source, header, accept_unterminated_line):
        wanted = lines.months != NO_MONTH
        if months is not None:
            wanted &= np.isin(lines.months, [_number(month) for month in months])
        accepted = wanted & (lines.faults == Fault.NONE)
        rejected = lines.faults != Fault.NONE
        if file.month is None:
            rejected &= wanted | (lines.months == NO_MONTH)
        rows = _rows_by_month(lines, accepted, file, source, header)
        first, *more = _some_at_a_time(np.flatnonzero(rejected))
        yield Portion(rows, *_rejected_by_month(lines, first, file, source, header))
        for numbers in more:
            yield Portion({}, *_rejected_by_month(lines, numbers, file, source, header))


def _some_at_a_time(lines: Integers) -> list[Integers]:
    """Cut rejected lines, of which some megabytes may hold millions: each becomes an object."""
    return np.split(lines, range(REJECTED_AT_A_TIME, len(lines), REJECTED_AT_A_TIME))


def _judged_lines(
    file: DeliveredFile, source: Source, header: Header, accept_unterminated_line: bool
) -> Iterator[Lines]:
    date_field = header.names.index(source.month_header)
    with open_delivery(file, source) as stream:
        stream.readline(LINE_LIMIT)
        for lines in read_lines(stream, len(header.names), date_field, accept_unterminated_line):
            yield lines if file.month is None else _reject_other_months(lines, file.month)
        _check_unchanged(stream, file, source)


def _reject_other_months(lines: Lines, month: str) -> Lines:
    other = (lines.months != _number(month)) & (lines.faults == Fault.NONE)
    return replace(lines, faults=np.where(other, Fault.OTHER_MONTH, lines.faults))


def _check_unchanged(stream: IO[bytes], file: DeliveredFile, source: Source) -> None:
    status = fstat(stream.fileno())
    if (status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)) != (file.size, file.modified):
        raise DeliveryError(
            f"{source.name}: {file.relative} changed while it was being read. Run again when its "
            "copy is complete; deliver under a name ending in .part and rename it last."
        )


def _month_key(number: int) -> str:
    return f"{number // 12:04d}-{number % 12 + 1:02d}-01"


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:7]) - 1


def _rows_by_month(
    lines: Lines, accepted: Truths, file: DeliveredFile, source: Source, header: Header
) -> dict[str, pa.Table]:
    chosen = np.flatnonzero(accepted)
    if not len(chosen):
        return {}
    chosen = chosen[np.argsort(lines.months[chosen], kind="stable")]
    rows = _parse(_joined(lines, chosen), len(chosen), source, header)
    rows = rows.append_column(SOURCE_FILE, pa.repeat(pa.scalar(file.relative), len(chosen)))
    rows = rows.append_column(LINE_NUMBER, pa.array(lines.numbers[chosen]))
    months, firsts = np.unique(lines.months[chosen], return_index=True)
    counts = np.diff(firsts, append=len(chosen))
    return {
        _month_key(month): rows.slice(first, count)
        for month, first, count in zip(months, firsts, counts, strict=True)
    }


def _joined(lines: Lines, chosen: Integers) -> pa.Buffer:
    """Return the bytes of some lines, one behind the other."""
    offsets = np.append(lines.starts, len(lines.data)).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(lines.data)]
    taken = pa.Array.from_buffers(pa.binary(), len(lines.starts), buffers).take(pa.array(chosen))
    _, offset_buffer, data = taken.buffers()
    return data.slice(0, int(np.frombuffer(offset_buffer, dtype=np.int32)[len(chosen)]))


def _parse(text: pa.Buffer, count: int, source: Source, header: Header) -> pa.Table:
    """Parse lines that are known to be sound, so that the parser has nothing to decide."""
    # The parser drops a byte order mark from the start of what it is given: let that be no value.
    text = pa.py_buffer(b"\n" + text)
    rows = pa.csv.read_csv(
        pa.BufferReader(text),
        read_options=pa.csv.ReadOptions(
            use_threads=False, block_size=len(text) + 1, column_names=header.names, skip_rows=1
        ),
        parse_options=pa.csv.ParseOptions(newlines_in_values=False, ignore_empty_lines=False),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(source.headers, pa.string()),
            include_columns=source.headers,
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )
    if rows.num_rows != count:
        raise AssertionError(f"{rows.num_rows} rows parsed from {count} lines")
    return rows


def _rejected_by_month(
    lines: Lines, rejected: Integers, file: DeliveredFile, source: Source, header: Header
) -> tuple[dict[str, pa.Table], pa.Table]:
    """Return the rejected lines of each month, and those whose month cannot be told."""
    collected: dict[str | None, list[dict[str, object]]] = {None: []}
    for line in rejected.tolist():
        month = None if lines.months[line] == NO_MONTH else _month_key(lines.months[line])
        text = lines.data[lines.starts[line] : lines.ends[line]].tobytes()
        collected.setdefault(file.month or month, []).append(
            {
                SOURCE_FILE: file.relative,
                LINE_NUMBER: lines.numbers[line],
                "reason": _reason(lines, line, file, source, header),
                TEXT: text.decode("utf-8", "backslashreplace").replace("\0", "\\x00"),
            }
        )
    tables = {
        month: pa.Table.from_pylist(rows, schema=REJECTED_SCHEMA)
        for month, rows in collected.items()
    }
    undated = tables.pop(None)
    return {month: table for month, table in tables.items() if month is not None}, undated


def _reason(lines: Lines, line: int, file: DeliveredFile, source: Source, header: Header) -> str:
    fault = Fault(lines.faults[line])
    if fault == Fault.FIELDS:
        return f"{lines.field_counts[line]} fields where the header has {len(header.names)}"
    if fault == Fault.OTHER_MONTH:
        month = _month_key(lines.months[line])
        return f"{source.month_header} {month} in a file for {str(file.month)[:7]}"
    return _REASONS[fault].format(month=source.month_header)
