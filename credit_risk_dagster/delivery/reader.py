"""The one reader of delivered files: text rows and rejected lines, by month, in one pass."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.formats import Content
from credit_risk_dagster.delivery.header import Header
from credit_risk_dagster.delivery.judged import LINE_LIMIT, Fault, Judged
from credit_risk_dagster.delivery.lines import read_lines
from credit_risk_dagster.delivery.opening import open_delivery
from credit_risk_dagster.delivery.parquet_rows import read_rows
from credit_risk_dagster.delivery.reasons import month_key, reason
from credit_risk_dagster.delivery.syntax import NO_MONTH, Integers, Truths
from credit_risk_dagster.delivery.unknown_columns import UNKNOWN_COLUMNS, unknown_as_json

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


@dataclass(frozen=True)
class Portion:
    """A part of a file, by month."""

    rows: dict[str, pa.Table]
    """As in `rows_schema`, in file order."""
    rejected: dict[str, pa.Table]
    """source_file, line_number, reason, text."""
    undated: pa.Table
    """Rejected lines whose month cannot be told; only cumulative files have them."""


def rows_schema(source: Source) -> pa.Schema:
    """Return the schema of the rows of a source.

    The columns of the contract as text, null where the file does not have them; those that the
    contract does not have, as JSON; then where each row came from.
    """
    texts = [*source.headers, UNKNOWN_COLUMNS, SOURCE_FILE]
    return pa.schema([*((name, pa.string()) for name in texts), (LINE_NUMBER, pa.int64())])


def read_file(
    file: DeliveredFile,
    source: Source,
    header: Header,
    months: Collection[str] | None,
    accept_unterminated_line: bool = False,
) -> Iterator[Portion]:
    """Yield what a file holds of some months, or of all of them, some megabytes at a time.

    A rejected line of a cumulative file belongs to the month of its snapshot date, if that can be
    read; one of a file for a month belongs to that month, and so does a row of another month. The
    rows of a Parquet file are its lines, numbered from 1.

    Raises:
        DeliveryError: if the file cannot be read, or changes while it is read.
    """
    for lines in _judged(file, source, header, accept_unterminated_line):
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


def _judged(
    file: DeliveredFile, source: Source, header: Header, accept_unterminated_line: bool
) -> Iterator[Judged]:
    with open_delivery(file, source) as (stream, form):
        if form.content is Content.PARQUET:
            blocks = read_rows(stream, header.names, source)
        else:
            stream.readline(LINE_LIMIT)
            blocks = read_lines(stream, header.names, source, accept_unterminated_line)
        for lines in blocks:
            yield _reject_more(lines, file, header)


def _reject_more(lines: Judged, file: DeliveredFile, header: Header) -> Judged:
    """Reject rows of months that the file is not for, or is lacking a column of."""
    sound = lines.faults == Fault.NONE
    if file.month is not None:
        other = sound & (lines.months != _number(file.month))
        return replace(lines, faults=np.where(other, Fault.OTHER_MONTH, lines.faults))
    if not header.lacking:
        return lines
    lacking = sound & _lacking_a_column(lines.months, header)
    return replace(lines, faults=np.where(lacking, Fault.LACKING_COLUMN, lines.faults))


def _lacking_a_column(months: Integers, header: Header) -> Truths:
    found, which = np.unique(months, return_inverse=True)
    lacking = [
        month != NO_MONTH and any(one.delivered_in(month_key(month)) for one in header.lacking)
        for month in found.tolist()
    ]
    return np.array(lacking)[which]


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:7]) - 1


def _rows_by_month(
    lines: Judged, accepted: Truths, file: DeliveredFile, source: Source, header: Header
) -> dict[str, pa.Table]:
    chosen = np.flatnonzero(accepted)
    if not len(chosen):
        return {}
    chosen = chosen[np.argsort(lines.months[chosen], kind="stable")]
    rows = _as_bronze(lines.values(chosen), lines.numbers[chosen], file, source, header)
    months, firsts = np.unique(lines.months[chosen], return_index=True)
    counts = np.diff(firsts, append=len(chosen))
    return {
        month_key(month): rows.slice(first, count)
        for month, first, count in zip(months, firsts, counts, strict=True)
    }


def _as_bronze(
    values: pa.Table, numbers: Integers, file: DeliveredFile, source: Source, header: Header
) -> pa.Table:
    rows = {
        name: values.column(name) if name in header.names else pa.nulls(len(numbers), pa.string())
        for name in source.headers
    }
    rows[UNKNOWN_COLUMNS] = unknown_as_json(values, header.unknown)
    rows[SOURCE_FILE] = pa.repeat(pa.scalar(file.relative), len(numbers))
    rows[LINE_NUMBER] = pa.array(numbers)
    return pa.table(rows, schema=rows_schema(source))


def _rejected_by_month(
    lines: Judged, rejected: Integers, file: DeliveredFile, source: Source, header: Header
) -> tuple[dict[str, pa.Table], pa.Table]:
    """Return the rejected lines of each month, and those whose month cannot be told."""
    collected: dict[str | None, list[dict[str, object]]] = {None: []}
    for line in rejected.tolist():
        month = None if lines.months[line] == NO_MONTH else month_key(lines.months[line])
        collected.setdefault(file.month or month, []).append(
            {
                SOURCE_FILE: file.relative,
                LINE_NUMBER: lines.numbers[line],
                "reason": reason(lines, line, file, source, header),
                TEXT: lines.as_delivered(line).replace("\0", "\\x00"),
            }
        )
    tables = {
        month: pa.Table.from_pylist(rows, schema=REJECTED_SCHEMA)
        for month, rows in collected.items()
    }
    undated = tables.pop(None)
    return {month: table for month, table in tables.items() if month is not None}, undated
