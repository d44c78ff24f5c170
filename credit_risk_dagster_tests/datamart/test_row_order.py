"""Rows come in one order, however few of them fit in memory."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.datamart import row_order, spool
from credit_risk_dagster.datamart.row_order import sorted_batches
from credit_risk_dagster.datamart.spool import Spool

COLUMNS = ["key", "value", "number"]
TEXT = st.text(st.sampled_from(["a", "B", "é", "\uffff", "😀", "\x01", " "]), max_size=2)


def ordered(folder: Path, rows: list[tuple[str, str, int]], at_a_time: int) -> list[pa.RecordBatch]:
    """Put rows into a spool, some at a time, and sort them."""
    table = pa.table(
        {name: [row[place] for row in rows] for place, name in enumerate(COLUMNS)},
        schema=pa.schema([("key", pa.string()), ("value", pa.string()), ("number", pa.int64())]),
    )
    with Spool(table.schema, folder) as waiting:
        for batch in table.to_batches(max_chunksize=at_a_time):
            waiting.add("", batch)
        return list(sorted_batches(waiting, "", COLUMNS))


def text_bytes(row: tuple[str, str, int]) -> tuple[bytes, bytes, int]:
    return row[0].encode(), row[1].encode(), row[2]


@settings(deadline=None)
@given(
    st.lists(st.tuples(TEXT, TEXT), max_size=60),
    st.integers(1, 20),
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(1, 64),
)
def test_the_order_is_that_of_the_bytes_whatever_fits_in_memory(
    texts: list[tuple[str, str]], at_a_time: int, buffered: int, in_memory: int, sampled: int
) -> None:
    rows = [(key, value, number) for number, (key, value) in enumerate(texts)]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "BUFFER_BYTES", buffered)
        patch.setattr(row_order, "SORTED_BYTES", in_memory)
        patch.setattr(row_order, "SAMPLED_ROWS", sampled)
        batches = ordered(Path(folder), rows, at_a_time)
    found = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    assert found == sorted(rows, key=text_bytes)


def test_no_more_rows_than_fit_in_memory_come_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_order, "SORTED_BYTES", 2_000)
    rows = [("the same key", "the same value", number) for number in range(5_000)]
    batches = ordered(tmp_path, rows, 70)
    assert max(batch.nbytes for batch in batches) <= 2_000
    assert sum(batch.num_rows for batch in batches) == len(rows)


def test_one_row_that_does_not_fit_comes_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_order, "SORTED_BYTES", 10)
    long = [("b" * 50, "", 1), ("a" * 50, "", 2)]
    assert [batch.num_rows for batch in ordered(tmp_path, long, 2)] == [1, 1]
