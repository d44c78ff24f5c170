"""Staged rows are looked at file by file and batch by batch, and nothing is missed in between."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.datamart import staged_rows
from credit_risk_dagster.datamart.content_hash import content_hash
from credit_risk_dagster.datamart.staged_rows import rows_hash, structure_faults
from credit_risk_dagster.months import first_day
from credit_risk_dagster_tests.datamart.balances import DELIVERED, MONTH, NEXT, TABLE, rows


def staged(folder: Path, table: pa.Table, cuts: list[int]) -> list[Path]:
    """Rows in several files, cut where it is said."""
    bounds = sorted({0, *(cut for cut in cuts if cut < table.num_rows), table.num_rows})
    files = []
    for start, end in pairwise(bounds):
        files.append(folder / f"{start}.parquet")
        pq.write_table(table.slice(start, end - start), files[-1], row_group_size=3)
    return files


def keyed(names: list[str | None], month: str = MONTH) -> pa.Table:
    """Loans of these names, in key order."""
    columns = {
        "loan_id": sorted(names, key=lambda name: (name is None, name or "")),
        "snapshot_date": [first_day(month)] * len(names),
        "balance": [0.0] * len(names),
    }
    return pa.table(columns, schema=TABLE.schema)


@pytest.fixture(scope="module", autouse=True)
def _small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(staged_rows, "BATCH_ROWS", 4)
        yield


@settings(deadline=None)
@given(
    names=st.lists(st.sampled_from([*"abcdefghijklm", None]), max_size=12),
    cuts=st.lists(st.integers(1, 11), max_size=3),
)
def test_a_key_is_refused_exactly_when_it_is_repeated_or_missing(
    tmp_path_factory: pytest.TempPathFactory, names: list[str | None], cuts: list[int]
) -> None:
    files = staged(tmp_path_factory.getbasetemp(), keyed(names), cuts)
    faults = structure_faults(TABLE, MONTH, files)
    assert bool(faults) == (len(set(names)) < len(names) or None in names)
    assert all("the key loan_id is not " in fault for fault in faults)


def test_the_example_of_a_repeated_key_is_one(tmp_path: Path) -> None:
    files = staged(tmp_path, keyed([*"aabcdeef"]), [1])
    assert structure_faults(TABLE, MONTH, files) == [
        "the key loan_id is not unique: 1 repeated, for example {'loan_id': 'a'}."
    ]


@settings(deadline=None)
@given(other=st.integers(0, 9), cuts=st.lists(st.integers(1, 9), max_size=3))
def test_one_row_of_another_month_is_found_wherever_it_is(
    tmp_path_factory: pytest.TempPathFactory, other: int, cuts: list[int]
) -> None:
    good = rows(*[1.0] * 10)
    days = [first_day(NEXT if number == other else MONTH) for number in range(10)]
    mixed = good.set_column(1, "snapshot_date", pa.array(days))
    files = staged(tmp_path_factory.getbasetemp(), mixed, cuts)
    (fault,) = structure_faults(TABLE, MONTH, files)
    assert "rows of another snapshot_date" in fault
    assert structure_faults(TABLE, MONTH, staged(files[0].parent, good, cuts)) == []


def test_the_dates_that_a_lender_delivers_are_not_judged_as_months(tmp_path: Path) -> None:
    text = pa.table({"loan_id": ["a"], "balance": ["x"], "source_file": ["f"]})
    assert structure_faults(DELIVERED, MONTH, staged(tmp_path, text, [])) == []


@settings(deadline=None)
@given(
    balances=st.lists(st.none() | st.floats(), max_size=12),
    cuts=st.lists(st.integers(1, 11), max_size=3),
)
def test_rows_have_the_same_hash_however_they_are_cut_into_files(
    tmp_path_factory: pytest.TempPathFactory, balances: list[float | None], cuts: list[int]
) -> None:
    table = rows(*balances)
    files = staged(tmp_path_factory.getbasetemp(), table, cuts)
    assert rows_hash(TABLE, files) == content_hash(table)
