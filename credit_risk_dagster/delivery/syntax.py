"""The dialect of a delivery, decided for many lines at once on the bytes of a file.

Comma, double quote, a quote inside a quoted value doubled, UTF-8, LF or CRLF. The bytes given
here always end with LF; a position is an index into them.
"""

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

NO_MONTH = -1

_LF, _CR, _QUOTE, _COMMA, _HYPHEN, _ZERO = b'\n\r",-0'


def line_bounds(data: Bytes) -> tuple[Integers, Integers]:
    """Return where each line starts, and where it ends without its LF or CRLF."""
    feeds = np.flatnonzero(data == _LF)
    starts = np.concatenate(([0], feeds[:-1] + 1))
    return starts, feeds - (data[feeds - 1] == _CR)


def lines_holding(positions: Integers, starts: Integers) -> Truths:
    """Return which lines hold any of the positions."""
    holding = np.zeros(len(starts), dtype=np.bool_)
    holding[np.searchsorted(starts, positions, side="right") - 1] = True
    return holding


def badly_quoted_lines(data: Bytes, starts: Integers, ends: Integers) -> Truths:
    """Return which lines break the rules of quoting.

    In a line, the 1st, 3rd, 5th … quote opens and the others close. One that opens stands at the
    start of a field, or behind one that closes (a doubled quote); one that closes stands at the
    end of a field, or before one that opens; and as many close as open.
    """
    quotes = np.flatnonzero(data == _QUOTE)
    first_quotes = np.searchsorted(quotes, starts)
    line = np.searchsorted(starts, quotes, side="right") - 1
    opens = (np.arange(len(quotes)) - first_quotes[line]) % 2 == 0
    before, after = data[quotes - 1], data[quotes + 1]
    opens_well = (quotes == starts[line]) | (before == _COMMA) | (before == _QUOTE)
    closes_well = (quotes + 1 == ends[line]) | (after == _COMMA) | (after == _QUOTE)
    misplaced = quotes[np.where(opens, ~opens_well, ~closes_well)]
    unbalanced = np.diff(first_quotes, append=len(quotes)) % 2 == 1
    badly_quoted: Truths = lines_holding(misplaced, starts) | unbalanced
    return badly_quoted


def separators(data: Bytes, starts: Integers, badly_quoted: Truths) -> Integers:
    """Return the commas that separate fields; in badly quoted lines, all commas."""
    commas: Integers = np.flatnonzero(data == _COMMA)
    quotes = np.flatnonzero(data == _QUOTE)
    quotes = quotes[~badly_quoted[np.searchsorted(starts, quotes, side="right") - 1]]
    if not len(quotes):
        return commas
    is_quote = np.zeros(len(data), dtype=np.uint8)
    is_quote[quotes] = 1
    inside = np.cumsum(is_quote, dtype=np.uint8) % 2  # overflow keeps odd and even apart
    outside: Integers = commas[inside[commas] == 0]
    return outside


def lines_with_stray_carriage_return(data: Bytes, starts: Integers) -> Truths:
    """Return which lines hold a CR that is not part of their line end."""
    returns = np.flatnonzero(data == _CR)
    return lines_holding(returns[data[returns + 1] != _LF], starts)


def badly_encoded_lines(block: bytes, starts: Integers, ends: Integers) -> Truths:
    """Return which lines are not UTF-8."""
    badly_encoded = np.zeros(len(starts), dtype=np.bool_)
    if block.isascii() or _is_utf8(block):
        return badly_encoded
    beyond_ascii = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) >= 0x80)
    for line in np.flatnonzero(lines_holding(beyond_ascii, starts)):
        badly_encoded[line] = not _is_utf8(block[starts[line] : ends[line]])
    return badly_encoded


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def field_bounds(
    bounds: Integers, commas: Integers, first_commas: Integers, field: int, fields: int
) -> tuple[Integers, Integers]:
    """Return where one field starts and ends in lines that have the right number of fields.

    Args:
        bounds: start and end of each line, shape (lines, 2).
        commas: the separators of the whole block.
        first_commas: for each line, which of the separators is its first.
        field: which field, counted from 0.
        fields: how many fields each line has.
    """
    starts = bounds[:, 0] if field == 0 else commas[first_commas + field - 1] + 1
    ends = bounds[:, 1] if field == fields - 1 else commas[first_commas + field]
    return starts, ends


def months_written(data: Bytes, starts: Integers, ends: Integers) -> Integers:
    """Return the months since year 0 that fields of the form `YYYY-MM-01` name.

    NO_MONTH where a field, with or without quotes around it, is anything else.
    """
    quoted = data[starts] == _QUOTE
    dated = np.flatnonzero(ends - starts - 2 * quoted == len("YYYY-MM-01"))
    text = data[(starts + quoted)[dated, np.newaxis] + np.arange(len("YYYY-MM-01"))]
    digits = (text - _ZERO).astype(np.int64)
    year = digits[:, 0:4] @ [1000, 100, 10, 1]
    month = digits[:, 5:7] @ [10, 1]
    well_formed = (
        (text[:, [4, 7]] == _HYPHEN).all(axis=1)
        & (digits[:, [0, 1, 2, 3, 5, 6, 8, 9]] <= 9).all(axis=1)
        & (digits[:, 8:10] == [0, 1]).all(axis=1)
        & (year >= 1)
        & (month >= 1)
        & (month <= 12)
    )
    months = np.full(len(starts), NO_MONTH)
    months[dated] = np.where(well_formed, year * 12 + month - 1, NO_MONTH)
    return months
