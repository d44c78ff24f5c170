"""The fingerprint of a month's rows: which rows there are, however they were written or ordered.

Each row has a hash, and rows are added up. So the sum depends neither on the order of rows and
columns nor on how a file is cut into blocks, a delivery into files, or a value into quotes.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.contract.source import Source

_LAYOUT = "credit-risk rows 1"
_HALF = 1 << 64

_SEPARATOR, _ESCAPE = "\x00", "\x01"
_ESCAPED = ((_ESCAPE, _ESCAPE + "\x02"), (_SEPARATOR, _ESCAPE + "\x03"))
"""What stands for bytes 0 and 1 in a value, so that no two rows have one text."""
_NULL = _ESCAPE + "\x04"

_SUMS = """
SELECT month, count(*), sum((hash >> 64)::UBIGINT), sum((hash & 18446744073709551615)::UBIGINT)
FROM (SELECT month, md5_number(row_text) AS hash FROM hashed) GROUP BY month
"""


@dataclass(frozen=True)
class RowSum:
    """Some rows, added up: their number, and the halves of their MD5s modulo 2^64."""

    rows: int = 0
    upper: int = 0
    lower: int = 0

    def __add__(self, other: "RowSum") -> "RowSum":
        """Return the sum of all rows of both."""
        return RowSum(
            self.rows + other.rows,
            (self.upper + other.upper) % _HALF,
            (self.lower + other.lower) % _HALF,
        )

    @property
    def digits(self) -> str:
        """The halves as 32 hexadecimal digits."""
        return f"{self.upper:016x}{self.lower:016x}"


def row_sum(rows: int, digits: str) -> RowSum:
    """Return the sum of some rows that was written down."""
    return RowSum(rows, int(digits[:16], 16), int(digits[16:], 16))


def fingerprint(source: Source, rows: RowSum) -> str:
    """Return what tells whether a month of a source holds other rows, or other columns."""
    lines = [_LAYOUT, *sorted(source.headers), f"{rows.rows} rows", rows.digits]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def calculator() -> duckdb.DuckDBPyConnection:
    """Return a connection, to be closed, to a database in memory on one thread."""
    return _database().cursor()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})  # takes as long as the reading of a small file


def sums_by_month(source: Source, rows: Mapping[str, pa.Table]) -> dict[str, RowSum]:
    """Return the sum of each month's rows.

    Args:
        source: whose rows they are; columns that are not its own do not count.
        rows: text columns by month, some megabytes of them.
    """
    if not rows:
        return {}
    months = list(rows)
    columns = sorted(source.headers)
    together = pa.concat_tables([table.select(columns) for table in rows.values()])
    numbers = np.repeat(np.arange(len(months)), [table.num_rows for table in rows.values()])
    texts = _row_texts(together.combine_chunks(), columns)
    with closing(calculator()) as connection:
        connection.register("hashed", pa.table({"month": numbers, "row_text": texts}))
        found = connection.execute(_SUMS).fetchall()
    return {months[number]: RowSum(*_halved(counted)) for number, *counted in found}


def added(sums: Iterable[Mapping[str, RowSum]]) -> dict[str, RowSum]:
    """Return the sums of all, by month."""
    total: dict[str, RowSum] = {}
    for one in sums:
        for month, rows in one.items():
            total[month] = total.get(month, RowSum()) + rows
    return total


def _halved(counted: Sequence[int]) -> tuple[int, int, int]:
    rows, upper, lower = counted
    return rows, upper % _HALF, lower % _HALF


def _row_texts(table: pa.Table, columns: Sequence[str]) -> pa.Array:
    values = [_unambiguous(pa.concat_arrays(table.column(column).chunks)) for column in columns]
    return pc.binary_join_element_wise(*values, _SEPARATOR)


def _unambiguous(column: pa.Array) -> pa.Array:
    data = column.buffers()[2]
    # Hardly any value has such a byte: to look at all bytes is faster than to search each value.
    if data is not None and (np.frombuffer(data, dtype=np.uint8) < len(_ESCAPED)).any():
        for character, escaped in _ESCAPED:
            column = pc.replace_substring(column, character, escaped)
    return pc.fill_null(column, _NULL) if column.null_count else column
