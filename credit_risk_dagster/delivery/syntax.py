"""The syntax of lines, decided for many of them at once on the bytes of a file.

Delimiter and quote are bytes of ASCII, a quote inside a quoted value is doubled, lines end with LF
or CRLF. Without a quote (None), no byte is one. The bytes given here always end with LF; a
position is an index into them.
"""

import numpy as np
import numpy.typing as npt

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.errors import PlatformError

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

NO_MONTH = -1

_LF, _CR = b"\n\r"


def signs_of(dialect: Dialect) -> tuple[int, int | None]:
    """Return the bytes of delimiter and quote; None for a dialect without quotes.

    Raises:
        PlatformError: if they are not two different characters of ASCII, or end a line.
    """
    signs = (dialect.delimiter, dialect.quote)
    one_byte = len(signs[0]) == 1 and len(signs[1]) <= 1 and "".join(signs).isascii()
    if not one_byte or signs[0] == signs[1] or any(sign in ("\n", "\r", "\0") for sign in signs):
        raise PlatformError(
            f"The contract has the delimiter {signs[0]!r} and the quote {signs[1]!r}, which cannot "
            "be read. Correct the dialect: two different characters of ASCII that end no line; an "
            "empty quote if there is none."
        )
    return ord(signs[0]), ord(signs[1]) if signs[1] else None


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


def badly_quoted_lines(
    data: Bytes, starts: Integers, ends: Integers, delimiter: int, quote: int | None
) -> Truths:
    """Return which lines break the rules of quoting.

    In a line, the 1st, 3rd, 5th … quote opens and the others close. One that opens stands at the
    start of a field, or behind one that closes (a doubled quote); one that closes stands at the
    end of a field, or before one that opens; and as many close as open.
    """
    quotes = _positions(data, quote)
    if not len(quotes):
        return np.zeros(len(starts), dtype=np.bool_)
    first_quotes = np.searchsorted(quotes, starts)
    line = np.searchsorted(starts, quotes, side="right") - 1
    opens = (np.arange(len(quotes)) - first_quotes[line]) % 2 == 0
    before, after = data[quotes - 1], data[quotes + 1]
    opens_well = (quotes == starts[line]) | (before == delimiter) | (before == quote)
    closes_well = (quotes + 1 == ends[line]) | (after == delimiter) | (after == quote)
    misplaced = quotes[np.where(opens, ~opens_well, ~closes_well)]
    unbalanced = np.diff(first_quotes, append=len(quotes)) % 2 == 1
    badly_quoted: Truths = lines_holding(misplaced, starts) | unbalanced
    return badly_quoted


def _positions(data: Bytes, quote: int | None) -> Integers:
    return np.flatnonzero(data == quote) if quote is not None else np.empty(0, dtype=np.int64)


def separators(
    data: Bytes, starts: Integers, badly_quoted: Truths, delimiter: int, quote: int | None
) -> Integers:
    """Return the delimiters that separate fields; in badly quoted lines, all of them."""
    delimiters: Integers = np.flatnonzero(data == delimiter)
    quotes = _positions(data, quote)
    quotes = quotes[~badly_quoted[np.searchsorted(starts, quotes, side="right") - 1]]
    if not len(quotes):
        return delimiters
    is_quote = np.zeros(len(data), dtype=np.uint8)
    is_quote[quotes] = 1
    inside = np.cumsum(is_quote, dtype=np.uint8) % 2  # overflow keeps odd and even apart
    outside: Integers = delimiters[inside[delimiters] == 0]
    return outside


def lines_with_stray_carriage_return(data: Bytes, starts: Integers) -> Truths:
    """Return which lines hold a CR that is not part of their line end."""
    returns = np.flatnonzero(data == _CR)
    return lines_holding(returns[data[returns + 1] != _LF], starts)


def field_bounds(
    bounds: Integers, delimiters: Integers, firsts: Integers, field: int, fields: int
) -> tuple[Integers, Integers]:
    """Return where one field starts and ends in lines that have the right number of fields.

    Args:
        bounds: start and end of each line, shape (lines, 2).
        delimiters: the separators of the whole block.
        firsts: for each line, which of the separators is its first.
        field: which field, counted from 0.
        fields: how many fields each line has.
    """
    starts = bounds[:, 0] if field == 0 else delimiters[firsts + field - 1] + 1
    ends = bounds[:, 1] if field == fields - 1 else delimiters[firsts + field]
    return starts, ends


def inside_quotes(
    data: Bytes, starts: Integers, ends: Integers, quote: int | None
) -> tuple[Integers, Integers]:
    """Return where fields start and end within the quotes around them, if there are any."""
    if quote is None:
        return starts, ends
    quoted = data[starts] == quote
    return starts + quoted, ends - quoted
