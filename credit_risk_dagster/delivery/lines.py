"""The lines of a file as arrays, each with what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import IO

import numpy as np

from credit_risk_dagster.delivery import syntax
from credit_risk_dagster.delivery.syntax import Bytes, Integers, Truths

LINE_LIMIT = 1 << 20
NO_MONTH = syntax.NO_MONTH

_BLOCK = 4 << 20


class Fault(IntEnum):
    """Why a line is rejected; of several reasons the one with the highest number is given."""

    NONE = 0
    OTHER_MONTH = 1
    DATE = 2
    FIELDS = 3
    QUOTES = 4
    CARRIAGE_RETURN = 5
    ENCODING = 6
    NUL = 7
    BLANK = 8
    CUT_OFF = 9
    TOO_LONG = 10


@dataclass(frozen=True)
class Lines:
    """Some whole lines of a file; one element per line in every array but `data`."""

    data: Bytes
    """The bytes of the lines with their line ends."""
    starts: Integers
    """Where each line starts in the data."""
    ends: Integers
    """Where each line ends, without its line end."""
    numbers: Integers
    """The number of each line in the file; the header is line 1."""
    field_counts: Integers
    """How many fields each line has; without meaning where quotes are at fault."""
    months: Integers
    """Months since year 0 of snapshot_date; NO_MONTH where it cannot be told."""
    faults: Integers
    """The `Fault` of each line."""


def read_lines(
    stream: IO[bytes], fields: int, date_field: int, accept_unterminated_line: bool
) -> Iterator[Lines]:
    """Yield the lines behind the header, some megabytes at a time, each one judged by itself.

    Args:
        stream: the file, opened in binary mode, standing behind its header line.
        fields: how many fields a line must have.
        date_field: which of them, counted from 0, is snapshot_date.
        accept_unterminated_line: whether a last line without a line end is no fault.
    """
    number = 2
    for block in _blocks(stream):
        unterminated = not block.endswith(b"\n")
        lines = _judge(block + b"\n" * unterminated, number, fields, date_field)
        if unterminated and not accept_unterminated_line:
            lines.faults[-1] = max(lines.faults[-1], Fault.CUT_OFF)
        yield lines
        number += len(lines.starts)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Cut a stream at line ends; of a line beyond the limit, keep enough to see that it is."""
    rest = b""
    while chunk := stream.read(_BLOCK):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield rest + chunk[:end]
            rest = chunk[end:]
        else:
            rest = (rest + chunk)[: LINE_LIMIT + len(b"\r\n")]
    if rest:
        yield rest


def _judge(block: bytes, first_number: int, fields: int, date_field: int) -> Lines:
    data = np.frombuffer(block, dtype=np.uint8)
    starts, ends = syntax.line_bounds(data)
    badly_quoted = syntax.badly_quoted_lines(data, starts, ends)
    commas = syntax.separators(data, starts, badly_quoted)
    first_commas = np.searchsorted(commas, starts)
    field_counts = np.diff(first_commas, append=len(commas)) + 1
    too_long = ends - starts > LINE_LIMIT
    readable = np.flatnonzero(~badly_quoted & ~too_long & (field_counts == fields))
    months = np.full(len(starts), NO_MONTH)
    bounds = np.column_stack([starts, ends])[readable]
    first, last = syntax.field_bounds(bounds, commas, first_commas[readable], date_field, fields)
    months[readable] = syntax.months_written(data, first, last)
    found = {
        Fault.DATE: months == NO_MONTH,
        Fault.FIELDS: field_counts != fields,
        Fault.QUOTES: badly_quoted,
        Fault.CARRIAGE_RETURN: syntax.lines_with_stray_carriage_return(data, starts),
        Fault.ENCODING: syntax.badly_encoded_lines(block, starts, ends),
        Fault.NUL: syntax.lines_holding(np.flatnonzero(data == 0), starts),
        Fault.BLANK: ends == starts,
        Fault.TOO_LONG: too_long,
    }
    numbers = np.arange(first_number, first_number + len(starts))
    return Lines(data, starts, ends, numbers, field_counts, months, _worst(found))


def _worst(found: dict[Fault, Truths]) -> Integers:
    faults = np.zeros(len(found[Fault.DATE]), dtype=np.int64)
    for fault, lines in sorted(found.items()):
        faults[lines] = fault
    return faults
