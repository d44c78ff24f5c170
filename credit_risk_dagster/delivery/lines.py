"""The lines of a file as arrays, and what is wrong with each: no line affects another."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import IO

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

LINE_LIMIT = 1 << 20
NO_MONTH = -1

_BLOCK = 4 << 20
_LF, _CR, _QUOTE, _COMMA, _MINUS, _ZERO = b'\n\r",-0'


class Fault(IntEnum):
    """Why a line is rejected; of several reasons the first one here is given."""

    NONE = 0
    TOO_LONG = 1
    CUT_OFF = 2
    BLANK = 3
    NUL = 4
    ENCODING = 5
    CARRIAGE_RETURN = 6
    QUOTES = 7
    FIELDS = 8
    DATE = 9


@dataclass(frozen=True)
class Lines:
    """Some whole lines of a file; arrays hold one element per line unless said otherwise."""

    data: npt.NDArray[np.uint8]
    """The bytes of the lines with their line ends, shape (bytes,)."""
    starts: Integers
    """Where each line starts in the data."""
    ends: Integers
    """Where the text of each line ends, before its line end."""
    first_number: int
    """The number of the first of these lines in the file; the header is line 1."""
    faults: npt.NDArray[np.int8]
    field_counts: Integers
    """The number of fields; without meaning where quotes are at fault."""
    months: Integers
    """Months since year 0 of snapshot_date; NO_MONTH where it cannot be told."""


def read_lines(
    stream: IO[bytes], fields: int, date_field: int, accept_unterminated_line: bool
) -> Iterator[Lines]:
    """Yield the lines of a stream that stands behind its header line, each one judged.

    Args:
        stream: the file, opened in binary mode.
        fields: how many fields a line must have.
        date_field: which of them, from 0, is snapshot_date.
        accept_unterminated_line: whether a last line without a line end is no fault.
    """
    number = 2
    for block in _blocks(stream):
        unterminated = not block.endswith(b"\n")
        lines = _judge(block + b"\n" if unterminated else block, number, fields, date_field)
        if unterminated and not accept_unterminated_line and lines.faults[-1] != Fault.TOO_LONG:
            lines.faults[-1] = Fault.CUT_OFF
        yield lines
        number += len(lines.starts)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Cut a stream after line ends, and cut down lines that are too long to be accepted."""
    rest = b""
    while chunk := stream.read(_BLOCK):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield rest + chunk[:end]
            rest = chunk[end:]
        else:
            rest = (rest + chunk)[: LINE_LIMIT + 2]
    if rest:
        yield rest


def _judge(block: bytes, first_number: int, fields: int, date_field: int) -> Lines:
    data = np.frombuffer(block, dtype=np.uint8)
    line_ends = np.flatnonzero(data == _LF)
    starts = np.concatenate(([0], line_ends[:-1] + 1))
    has_cr = (line_ends > starts) & (data[line_ends - 1] == _CR)
    ends = line_ends - has_cr
    quotes = np.flatnonzero(data == _QUOTE)
    badly_quoted = _badly_quoted(data, starts, ends, quotes)
    commas = _separators(data, starts, quotes, badly_quoted)
    first_comma = np.searchsorted(commas, starts)
    field_counts = np.diff(first_comma, append=len(commas)) + 1
    too_long = ends - starts > LINE_LIMIT
    readable = ~badly_quoted & ~too_long & (field_counts == fields)
    months = np.full(len(starts), NO_MONTH)
    months[readable] = _months(
        data,
        *_field_bounds(starts, ends, commas, first_comma, readable, date_field, fields),
    )
    lone_cr = _holding(data == _CR, starts) if has_cr.sum() < block.count(b"\r") else None
    faults = np.zeros(len(starts), dtype=np.int8)
    for fault, lines in (
        (Fault.DATE, months == NO_MONTH),
        (Fault.FIELDS, field_counts != fields),
        (Fault.QUOTES, badly_quoted),
        (Fault.CARRIAGE_RETURN, lone_cr),
        (Fault.ENCODING, None),
        (Fault.NUL, None),
        (Fault.BLANK, ends == starts),
        (Fault.TOO_LONG, too_long),
    ):
        faults[lines] = fault
    return Lines(data, starts, ends, first_number, faults, field_counts, months)
