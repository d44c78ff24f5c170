"""How a lender writes text, numbers and dates into files."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """The habits of one source's files; a Parquet file needs of them only those of its texts.

    Attributes:
        delimiter: what separates the fields of a line, one character of ASCII.
        quote: what encloses a field that holds a delimiter or a line end; empty: nothing does.
        encoding: the encoding of the text, by a name that Python knows and in which line end,
            delimiter and quote are the bytes of ASCII (UTF-8, cp1252, ISO 8859 and their like).
            A byte order mark is dropped.
        decimal: the decimal sign of numbers.
        thousands: what groups the digits of numbers, if anything does.
        dates: how a day is written, of YYYY, MM and DD and what stands between them. A month may
            leave out the day.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    decimal: str = "."
    thousands: str = ""
    dates: str = "YYYY-MM-DD"


PLAIN = Dialect()
"""Commas, quotes, decimal points, ISO dates, UTF-8."""
