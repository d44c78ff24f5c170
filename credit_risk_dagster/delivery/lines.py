"""The lines of a text file, many at a time, each one judged by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery import syntax
from credit_risk_dagster.delivery.dates import DateForm, month_form, months_written
from credit_risk_dagster.delivery.encoding import Encoding, badly_encoded_lines, encoding_of
from credit_risk_dagster.delivery.judged import LINE_LIMIT, Fault, Judged, worst
from credit_risk_dagster.delivery.syntax import NO_MONTH, Bytes, Integers

_BLOCK = 4 << 20


@dataclass(frozen=True)
class _Writing:
    """How the lines of a file are written."""

    names: Sequence[str]
    month_field: int
    delimiter: int
    quote: int | None
    encoding: Encoding
    dates: DateForm


def read_lines(
    stream: IO[bytes],
    names: Sequence[str],
    source: Source,
    accept_unterminated_line: bool,
) -> Iterator[Judged]:
    """Yield the lines behind the header, some megabytes at a time.

    Args:
        stream: the text, standing behind its header line.
        names: the columns of the header.
        source: whose they are: which of them tells the month, and how the file is written.
        accept_unterminated_line: whether a last line without a line end is no fault.
    """
    writing = _Writing(
        names,
        names.index(source.month_header),
        *syntax.signs_of(source.dialect),
        encoding_of(source.dialect.encoding),
        month_form(source),
    )
    number = 2
    for block in _blocks(stream):
        unterminated = not block.endswith(b"\n")
        lines = _judge(block + b"\n" * unterminated, number, writing)
        if unterminated and not accept_unterminated_line:
            lines.faults[-1] = max(lines.faults[-1], Fault.CUT_OFF)
        yield lines
        number += len(lines.numbers)


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


def _judge(block: bytes, first_number: int, writing: _Writing) -> Judged:
    data = np.frombuffer(block, dtype=np.uint8)
    signs = (writing.delimiter, writing.quote)
    fields = len(writing.names)
    starts, ends = syntax.line_bounds(data)
    badly_quoted = syntax.badly_quoted_lines(data, starts, ends, *signs)
    delimiters = syntax.separators(data, starts, badly_quoted, *signs)
    firsts = np.searchsorted(delimiters, starts)
    field_counts = np.diff(firsts, append=len(delimiters)) + 1
    too_long = ends - starts > LINE_LIMIT
    readable = np.flatnonzero(~badly_quoted & ~too_long & (field_counts == fields))
    bounds = np.column_stack([starts, ends])[readable]
    field = syntax.field_bounds(bounds, delimiters, firsts[readable], writing.month_field, fields)
    months = np.full(len(starts), NO_MONTH)
    month_texts = syntax.inside_quotes(data, *field, writing.quote)
    months[readable] = months_written(data, *month_texts, writing.dates)
    found = {
        Fault.DATE: months == NO_MONTH,
        Fault.FIELDS: field_counts != fields,
        Fault.QUOTES: badly_quoted,
        Fault.CARRIAGE_RETURN: syntax.lines_with_stray_carriage_return(data, starts),
        Fault.ENCODING: badly_encoded_lines(block, starts, ends, writing.encoding),
        Fault.NUL: syntax.lines_holding(np.flatnonzero(data == 0), starts),
        Fault.BLANK: ends == starts,
        Fault.TOO_LONG: too_long,
    }
    return Judged(
        numbers=np.arange(first_number, first_number + len(starts)),
        field_counts=field_counts,
        months=months,
        faults=worst(found),
        values=lambda lines: _parsed(_joined(data, starts, lines), len(lines), writing),
        as_delivered=lambda line: writing.encoding.decode(
            block[starts[line] : ends[line]], "backslashreplace"
        ),
    )


def _joined(data: Bytes, starts: Integers, chosen: Integers) -> pa.Buffer:
    """Return the bytes of some lines, one behind the other."""
    offsets = np.append(starts, len(data)).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    taken = pa.Array.from_buffers(pa.binary(), len(starts), buffers).take(pa.array(chosen))
    _, offset_buffer, joined = taken.buffers()
    return joined.slice(0, int(np.frombuffer(offset_buffer, dtype=np.int32)[len(chosen)]))


def _parsed(text: pa.Buffer, count: int, writing: _Writing) -> pa.Table:
    """Parse lines that are known to be sound, so that the parser has nothing to decide."""
    if writing.encoding.characters is not None:
        text = writing.encoding.decode(text.to_pybytes()).encode()
    # The parser drops a byte order mark from the start of what it is given: let that be no value.
    text = pa.py_buffer(b"\n" + text)
    names = [str(place) for place in range(len(writing.names))]
    rows = pa.csv.read_csv(
        pa.BufferReader(text),
        read_options=pa.csv.ReadOptions(
            use_threads=False, block_size=len(text) + 1, column_names=names, skip_rows=1
        ),
        parse_options=pa.csv.ParseOptions(
            delimiter=chr(writing.delimiter),
            quote_char=False if writing.quote is None else chr(writing.quote),
            newlines_in_values=False,
            ignore_empty_lines=False,
        ),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )
    if rows.num_rows != count:
        raise AssertionError(f"{rows.num_rows} rows parsed from {count} lines")
    return rows.rename_columns(list(writing.names))
