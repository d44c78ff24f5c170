import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from credit_risk_dagster.datamart.content_hash import content_hash
from credit_risk_dagster.datamart.datamart import REFUSED, STAGING, Datamart, Rule
from credit_risk_dagster.datamart.manifest import Manifest
from credit_risk_dagster.datamart.table import Table, schema_of
from credit_risk_dagster.errors import PartitionError

MONTH, NEXT = "2024-09-01", "2024-10-01"
TABLE = Table(
    layer="silver",
    name="balances",
    schema=schema_of(loan_id=pa.string(), balance=pa.float64(), source_file=pa.string()),
    key=("loan_id",),
    unhashed=("source_file",),
    beside=(("quarantined", schema_of(loan_id=pa.string(), reasons=pa.string())),),
)
INPUTS = {"bronze/balances/2024-09-01": "abc"}


@pytest.fixture
def datamart(tmp_path: Path) -> Datamart:
    return Datamart(tmp_path / "home")


def rows(*balances: float, source_file: str = "a.csv") -> pa.Table:
    """Loans L0, L1 … with these balances."""
    return pa.table(
        {
            "loan_id": [f"L{number}" for number in range(len(balances))],
            "balance": pa.array(balances, pa.float64()),
            "source_file": [source_file] * len(balances),
        }
    )


def balances(datamart: Datamart, month: str = MONTH) -> list[float]:
    found: list[float] = datamart.read(TABLE, [month])["balance"].to_pylist()
    return found


def stored(datamart: Datamart) -> dict[str, tuple[int, int]]:
    """Every file of the datamart with its time of change and its place on the disk."""
    files = (path for path in datamart.folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in files}


def staged(datamart: Datamart) -> list[Path]:
    """What is staged, of any table."""
    return list(datamart.folder.glob(f"*/*/{STAGING}/*"))


def test_rows_are_read_back_in_key_order_with_the_declared_columns(datamart: Datamart) -> None:
    shuffled = rows(1.0, 2.0, 3.0).take([2, 0, 1])
    manifest = datamart.write(TABLE, MONTH, shuffled, inputs=INPUTS)
    assert datamart.read(TABLE, [MONTH]).equals(rows(1.0, 2.0, 3.0))
    assert datamart.read(TABLE, [MONTH]).schema == TABLE.schema
    assert (manifest.rows, manifest.table, manifest.month) == (3, "silver/balances", MONTH)


def test_several_months_are_read_in_the_order_asked(datamart: Datamart) -> None:
    datamart.write(TABLE, NEXT, rows(9.0), inputs={})
    datamart.write(TABLE, MONTH, rows(1.0), inputs={})
    assert datamart.read(TABLE, [NEXT, MONTH])["balance"].to_pylist() == [9.0, 1.0]
    assert datamart.months(TABLE) == [MONTH, NEXT]
    assert list(datamart.manifests(TABLE)) == [MONTH, NEXT]


def test_reading_no_month_gives_no_rows_of_the_declared_columns(datamart: Datamart) -> None:
    assert datamart.read(TABLE, []).equals(TABLE.schema.empty_table())


def test_opening_a_datamart_creates_nothing(datamart: Datamart) -> None:
    assert datamart.months(TABLE) == []
    assert datamart.manifest(TABLE, MONTH) is None
    assert not datamart.home.exists()


def test_a_manifest_records_the_content_and_what_it_was_made_of(datamart: Datamart) -> None:
    quarantined = pa.table({"loan_id": ["L9"], "reasons": ["balance 'x' is not a number"]})
    manifest = datamart.write(
        TABLE,
        MONTH,
        rows(1.0),
        inputs=INPUTS,
        beside={"quarantined": quarantined},
        facts={"delivered": 2},
        provenance={"engine": "duckdb"},
    )
    assert manifest == datamart.required_manifest(TABLE, MONTH)
    assert manifest.inputs == INPUTS
    assert manifest.content_hash == content_hash(rows(1.0).select(["loan_id", "balance"]))
    assert manifest.beside["quarantined"] == {
        "rows": 1,
        "content_hash": content_hash(quarantined),
    }
    assert manifest.columns == {
        "loan_id": "string",
        "balance": "double",
        "source_file": "string",
    }
    assert manifest.facts == {"delivered": 2}
    assert manifest.provenance["engine"] == "duckdb"
    assert datamart.read_beside(TABLE, MONTH, "quarantined").equals(quarantined)


def test_the_hashes_of_inputs_are_those_of_their_partitions(datamart: Datamart) -> None:
    first = datamart.write(TABLE, MONTH, rows(1.0), inputs={})
    second = datamart.write(TABLE, NEXT, rows(2.0), inputs={})
    assert datamart.hashes(TABLE, [MONTH, NEXT]) == {
        f"silver/balances/{MONTH}": first.content_hash,
        f"silver/balances/{NEXT}": second.content_hash,
    }


def test_a_partition_that_says_the_same_is_not_written_again(datamart: Datamart) -> None:
    first = datamart.write(TABLE, MONTH, rows(1.0, 2.0), inputs=INPUTS, provenance={"from": "a"})
    before = stored(datamart)
    again = datamart.write(
        TABLE, MONTH, rows(1.0, 2.0).take([1, 0]), inputs=INPUTS, provenance={"from": "b"}
    )
    assert again == first
    assert stored(datamart) == before


def test_where_a_row_came_from_is_not_part_of_what_it_says(datamart: Datamart) -> None:
    first = datamart.write(TABLE, MONTH, rows(1.0, source_file="a.csv"), inputs=INPUTS)
    before = stored(datamart)
    again = datamart.write(TABLE, MONTH, rows(1.0, source_file="b.csv"), inputs=INPUTS)
    assert again.content_hash == first.content_hash
    assert stored(datamart) == before


def test_rows_that_point_elsewhere_are_written_again_though_they_say_the_same(
    datamart: Datamart,
) -> None:
    table = replace(TABLE, pointers=("source_file",))
    first = datamart.write(table, MONTH, rows(1.0, source_file="a.skops"), inputs=INPUTS)
    moved = datamart.write(table, MONTH, rows(1.0, source_file="b.skops"), inputs=INPUTS)
    assert moved.says_the_same_as(first)
    assert datamart.read(table, [MONTH])["source_file"].to_pylist() == ["b.skops"]
    before = stored(datamart)
    datamart.write(table, MONTH, rows(1.0, source_file="b.skops"), inputs=INPUTS)
    assert stored(datamart) == before


def test_what_is_staged_lies_beside_the_partitions_of_its_table_and_nowhere_else(
    datamart: Datamart,
) -> None:
    with datamart.staging(TABLE) as folder:
        assert folder.is_relative_to(datamart.folder / TABLE.path)
        assert datamart.months(TABLE) == []
    assert staged(datamart) == []


CHANGES: dict[str, Callable[[Datamart], Manifest]] = {
    "rows": lambda datamart: datamart.write(TABLE, MONTH, rows(1.5), inputs=INPUTS),
    "inputs": lambda datamart: datamart.write(TABLE, MONTH, rows(1.0), inputs={"other": "def"}),
    "facts": lambda datamart: datamart.write(
        TABLE, MONTH, rows(1.0), inputs=INPUTS, facts={"delivered": 3}
    ),
    "beside": lambda datamart: datamart.write(
        TABLE,
        MONTH,
        rows(1.0),
        inputs=INPUTS,
        beside={"quarantined": pa.table({"loan_id": ["L9"], "reasons": ["no"]})},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_partition_that_says_something_else_takes_the_place_of_the_old_one(
    datamart: Datamart, change: str
) -> None:
    first = datamart.write(TABLE, MONTH, rows(1.0), inputs=INPUTS)
    second = CHANGES[change](datamart)
    assert not second.says_the_same_as(first)
    assert (second.content_hash == first.content_hash) == (change != "rows")
    assert datamart.manifest(TABLE, MONTH) == second
    assert [path.name for path in (datamart.folder / TABLE.path / MONTH).iterdir()] == [
        second.folder.partition("/")[2]
    ]


def test_a_staged_folder_without_rows_is_an_empty_partition(datamart: Datamart) -> None:
    with datamart.staging(TABLE) as folder:
        manifest = datamart.commit(TABLE, MONTH, folder / MONTH, inputs={})
    assert manifest.rows == 0
    assert manifest.beside["quarantined"]["rows"] == 0
    assert balances(datamart) == []
    assert datamart.read_beside(TABLE, MONTH, "quarantined").num_rows == 0


def test_a_missing_partition_says_what_to_do(datamart: Datamart) -> None:
    for look in (
        lambda: datamart.read(TABLE, [MONTH]),
        lambda: datamart.required_manifest(TABLE, MONTH),
        lambda: datamart.hashes(TABLE, [MONTH]),
        lambda: datamart.file(TABLE, MONTH),
    ):
        with pytest.raises(PartitionError) as refused:
            look()
        assert str(refused.value) == (
            f"silver/balances/{MONTH} is missing. Materialize silver/balances for {MONTH} first; "
            "months run in order."
        )


def too_small(manifest: Manifest, staged: Path) -> str | None:
    found = pq.read_metadata(staged / "rows.parquet").num_rows
    return f"{found} rows are fewer than 3." if manifest.rows < 3 else None


REPEATED = pa.concat_tables([rows(1.0, 2.0), rows(7.0)])
REFUSALS: dict[str, tuple[pa.Table, list[Rule], str]] = {
    "repeated key": (
        REPEATED,
        [],
        "the key loan_id is not unique: 1 repeated, for example {'loan_id': 'L0'}.",
    ),
    "missing column": (
        rows(1.0).drop_columns("balance"),
        [],
        "its columns are not as declared: balance is missing instead of double.",
    ),
    "missing key": (
        rows(1.0).drop_columns("loan_id"),
        [],
        "its columns are not as declared: loan_id is missing instead of string.",
    ),
    "other type": (
        rows(1.0).set_column(1, "balance", pa.array([1], pa.int64())),
        [],
        "its columns are not as declared: balance is int64 instead of double.",
    ),
    "hard rule": (rows(1.0, 2.0), [too_small], "2 rows are fewer than 3."),
}


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_partition_that_breaks_a_rule_is_refused_and_kept_aside(
    datamart: Datamart, fault: str
) -> None:
    refused_rows, rules, word = REFUSALS[fault]
    datamart.write(TABLE, MONTH, rows(5.0), inputs={})
    before = stored(datamart)
    with pytest.raises(PartitionError) as refused:
        datamart.write(TABLE, MONTH, refused_rows, inputs={}, rules=rules)
    assert str(refused.value) == (
        f"silver/balances/{MONTH} was refused: {word} Nothing was changed; the refused rows are "
        f"kept in tables/silver/balances/.refused/{MONTH} to look at."
    )
    aside = datamart.folder / TABLE.path / REFUSED / MONTH / "rows.parquet"
    assert pq.read_table(aside, partitioning=None).num_rows == refused_rows.num_rows
    kept = {path: place for path, place in stored(datamart).items() if REFUSED not in path}
    assert kept == before
    assert datamart.months(TABLE) == [MONTH]


def test_every_broken_rule_is_named(datamart: Datamart) -> None:
    never: Rule = lambda manifest, staged: f"{manifest.partition} is never right."  # noqa: E731
    with pytest.raises(PartitionError, match=r"2 rows are fewer than 3\. silver/balances/.* never"):
        datamart.write(TABLE, MONTH, rows(1.0, 2.0), inputs={}, rules=[too_small, never])
    assert datamart.manifest(TABLE, MONTH) is None


def test_the_rows_refused_last_are_the_ones_kept_aside(datamart: Datamart) -> None:
    for refused in (rows(1.0, 2.0), rows(8.0)):
        with pytest.raises(PartitionError):
            datamart.write(TABLE, MONTH, refused, inputs={}, rules=[too_small])
    aside = datamart.folder / TABLE.path / REFUSED / MONTH / "rows.parquet"
    assert pq.read_table(aside, partitioning=None)["balance"].to_pylist() == [8.0]


def test_a_key_that_is_repeated_where_batches_meet_is_found(datamart: Datamart) -> None:
    names = [f"{number:06d}" for number in range(65_536)]
    twice = pa.table({"loan_id": [*names, names[-1]], "balance": [0.0] * 65_537}).append_column(
        "source_file", pa.array(["a.csv"] * 65_537)
    )
    with pytest.raises(PartitionError, match=r"1 repeated, for example \{'loan_id': '065535'\}"):
        datamart.write(TABLE, MONTH, twice, inputs={})


def test_rows_that_share_part_of_a_key_are_different_rows(datamart: Datamart) -> None:
    table = replace(TABLE, key=("loan_id", "balance"))
    assert datamart.write(table, MONTH, REPEATED, inputs={}).rows == 3


KILLED_BEFORE_THE_RENAME = """
import os, sys
from pathlib import Path
from credit_risk_dagster.datamart import datamart
from credit_risk_dagster_tests.datamart.test_datamart import TABLE, rows

datamart.write_manifest = lambda path, manifest: os._exit(9)
for month in sys.argv[2:]:
    if os.fork() == 0:
        datamart.Datamart(Path(sys.argv[1])).write(TABLE, month, rows(6.0, 7.0), inputs={})
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 9
"""


def test_a_run_killed_before_the_rename_leaves_the_old_partition_and_nothing_new(
    datamart: Datamart,
) -> None:
    datamart.write(TABLE, MONTH, rows(1.0), inputs=INPUTS)
    script = [sys.executable, "-c", KILLED_BEFORE_THE_RENAME, str(datamart.home), MONTH, NEXT]
    subprocess.run(script, check=True, cwd=Path(__file__).parents[2])
    left = [path for path in datamart.folder.rglob("rows.parquet") if STAGING not in path.parts]
    assert len(left) == 3, "the run was killed after it had copied its rows"

    assert balances(datamart) == [1.0]
    assert datamart.months(TABLE) == [MONTH]
    with pytest.raises(PartitionError, match=f"silver/balances/{NEXT} is missing"):
        datamart.read(TABLE, [NEXT])

    assert len(staged(datamart)) == 2
    datamart.remove_staged()
    assert staged(datamart) == []
    datamart.write(TABLE, MONTH, rows(2.0), inputs=INPUTS)
    datamart.write(TABLE, NEXT, rows(3.0), inputs=INPUTS)
    assert balances(datamart) + balances(datamart, NEXT) == [2.0, 3.0]
    for month in (MONTH, NEXT):
        assert len(list((datamart.folder / TABLE.path / month).iterdir())) == 1


def test_a_write_that_fails_leaves_the_old_partition_and_no_staging(
    datamart: Datamart, monkeypatch: pytest.MonkeyPatch
) -> None:
    datamart.write(TABLE, MONTH, rows(1.0), inputs=INPUTS)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("credit_risk_dagster.datamart.datamart.write_manifest", fail)
    with pytest.raises(OSError, match="disk full"):
        datamart.write(TABLE, MONTH, rows(2.0), inputs=INPUTS)
    assert balances(datamart) == [1.0]
    assert staged(datamart) == []


def test_a_reader_sees_the_old_rows_or_the_new_ones_while_they_are_swapped(
    datamart: Datamart,
) -> None:
    datamart.write(TABLE, MONTH, rows(*[0.0] * 50), inputs={})
    done = Event()

    def read() -> list[set[float]]:
        seen = []
        while not done.is_set():
            seen.append(set(balances(datamart)))
        return seen

    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(read)
        for version in range(1, 150):
            datamart.write(TABLE, MONTH, rows(*[float(version)] * 50), inputs={})
        done.set()
        versions = [version for (version,) in reading.result()]
    assert versions == sorted(versions)
    assert len(set(versions)) > 5
