"""Rows in order, however many there are, a few megabytes of them in memory at a time."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.datamart.spool import Spool

SORTED_BYTES = 16 << 20
"""How much is sorted in memory at once."""

SAMPLED_ROWS = 64
"""Rows looked at for each range, to find where it is to end."""

MOST_RANGES = 256


def sorted_batches(spool: Spool, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a name in the order of some columns, text by the order of its bytes.

    What is too large to be sorted at once is cut into ranges, each of them sorted by itself.

    Args:
        spool: where the rows wait; the ranges wait in the same folder.
        name: their name.
        columns: the columns that order them; in at least one of them, each row differs.
    """
    if spool.nbytes(name) <= SORTED_BYTES or spool.num_rows(name) == 1:
        if spool.num_rows(name):
            yield _sorted(pa.concat_batches(list(spool.batches(name))), columns)
        return
    bounds = _bounds(spool, name, columns)
    with Spool(spool.schema, spool.folder) as ranges:
        for rows in spool.batches(name):
            for number, part in enumerate(_cut(rows, bounds, columns)):
                ranges.add(str(number), part)
        for number in range(bounds.num_rows + 1):
            yield from sorted_batches(ranges, str(number), columns)


def _sorted(rows: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
    return rows.take(_order(rows, columns))


def _order(rows: pa.RecordBatch, columns: Sequence[str]) -> pa.Array:
    return pc.sort_indices(rows, [(column, "ascending") for column in columns])


def _bounds(spool: Spool, name: str, columns: Sequence[str]) -> pa.RecordBatch:
    """Return the last rows of ranges that are about half as large as what is sorted at once."""
    ranges = min(2 * spool.nbytes(name) // SORTED_BYTES + 1, MOST_RANGES)
    every = max(1, spool.num_rows(name) // (ranges * SAMPLED_ROWS))
    sampled, seen = [], 0
    for rows in spool.batches(name):
        sampled.append(rows.take(pa.array(np.arange(-seen % every, rows.num_rows, every))))
        seen += rows.num_rows
    sample = pa.concat_batches(sampled).select(list(columns))
    ends = np.arange(1, ranges) * sample.num_rows // ranges
    return sample.take(_order(sample, columns).take(pa.array(np.unique(ends))))


def _cut(
    rows: pa.RecordBatch, bounds: pa.RecordBatch, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Yield the part of each range, up to and with its bound; the last range has none."""
    both = pa.concat_batches([rows.select(list(columns)), bounds])
    order = _order(both, columns).to_numpy()
    is_row = order < rows.num_rows
    ordered = rows.take(pa.array(order[is_row]))
    ends = np.cumsum(is_row)[~is_row]
    start = 0
    for end in [*ends.tolist(), rows.num_rows]:
        yield ordered.slice(start, end - start)
        start = end
