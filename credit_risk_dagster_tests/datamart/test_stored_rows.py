"""Stored rows are read in batches of one size, whatever files they are spread over."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.datamart import stored_rows
from credit_risk_dagster.datamart.stored_rows import copy_rows, file_batches, read_files

SCHEMA = pa.schema([("loan_id", pa.string()), ("balance", pa.float64())])
SIZES = st.lists(st.integers(0, 9), max_size=5)


def files_of(folder: Path, sizes: list[int]) -> list[Path]:
    """Write files of so many rows each, numbered on from one to the next."""
    paths, start = [], 0
    for number, size in enumerate(sizes):
        paths.append(folder / f"{number}.parquet")
        numbers = range(start, start + size)
        rows = {"loan_id": [f"L{one:03d}" for one in numbers], "balance": [*map(float, numbers)]}
        pq.write_table(pa.table(rows, schema=SCHEMA), paths[-1])
        start += size
    return paths


@settings(deadline=None, max_examples=50)
@given(sizes=SIZES)
def test_batches_are_full_but_the_last_and_hold_every_row_in_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    files = files_of(tmp_path_factory.mktemp("files"), sizes)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stored_rows, "BATCH_ROWS", 4)
        batches = list(file_batches(files, SCHEMA))
    assert all(batch.num_rows == 4 for batch in batches[:-1])
    assert all(0 < batch.num_rows <= 4 for batch in batches)
    assert pa.concat_tables([SCHEMA.empty_table(), *batches]).equals(read_files(files, SCHEMA))


def test_only_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    files = files_of(tmp_path, [3, 2])
    (batch,) = file_batches(files, pa.schema([SCHEMA.field("balance")]))
    assert batch.to_pydict() == {"balance": [0.0, 1.0, 2.0, 3.0, 4.0]}


def test_a_copy_has_the_rows_of_all_files_and_a_column_that_began_later(tmp_path: Path) -> None:
    files = files_of(tmp_path, [3, 2])
    copy_rows(files, SCHEMA.append(pa.field("band", pa.string())), tmp_path / "copy.parquet")
    copied = pq.read_table(tmp_path / "copy.parquet")
    assert copied.select(SCHEMA.names).equals(read_files(files, SCHEMA))
    assert copied["band"].null_count == 5
