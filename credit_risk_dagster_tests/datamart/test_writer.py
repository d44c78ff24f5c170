"""Months are written whole or not at all; what says the same is left as it is."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from credit_risk_dagster.datamart.content_hash import content_hash
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.lineage import all_records, files_of
from credit_risk_dagster.datamart.place import REFUSED
from credit_risk_dagster.datamart.record import Input, MonthRecord, origin_of, recipe_of
from credit_risk_dagster.datamart.table import Table, schema_of
from credit_risk_dagster.datamart.writer import ROWS, Draft, Rule, StagedFiles
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.months import first_day
from credit_risk_dagster_tests.datamart.balances import (
    DELIVERED,
    INPUTS,
    MONTH,
    NEXT,
    QUARANTINED,
    TABLE,
    balances_of,
    delivered_rows,
    on_disk,
    orphaned,
    quarantined_of,
    refused,
    rows,
    stored,
    write,
)

MODELS = Table(
    layer="training",
    name="candidates",
    schema=schema_of(snapshot_date=pa.date32(), model_id=pa.string(), mlflow_run_id=pa.string()),
    key=("snapshot_date",),
    unhashed=("mlflow_run_id",),
    pointers=("mlflow_run_id",),
)


def model(run_id: str) -> pa.Table:
    columns = {"snapshot_date": [first_day(MONTH)], "model_id": ["m"], "mlflow_run_id": [run_id]}
    return pa.table(columns, schema=MODELS.schema)


def test_rows_are_stored_in_key_order(datamart: Datamart) -> None:
    shuffled = rows(1.0, 2.0, 3.0).take([2, 0, 1])
    record = datamart.open(TABLE, [MONTH]).write(Draft(MONTH, INPUTS), shuffled)
    assert datamart.read(TABLE, [MONTH]).equals(rows(1.0, 2.0, 3.0))
    assert (record.rows, record.table, record.month) == (3, "silver/balances", MONTH)


def test_a_record_tells_the_content_and_what_it_was_made_of(datamart: Datamart) -> None:
    record = write(
        datamart,
        1.0,
        beside=["L9"],
        definition="rounding",
        facts={"delivered": 2},
        provenance={"engine": "duckdb"},
    )
    assert record == datamart.required_record(TABLE, MONTH)
    assert record.content_hash == content_hash(rows(1.0))
    assert record.inputs == {"bronze/loans/2024-09-01": "abc"}
    assert record.input_versions == {"bronze/loans/2024-09-01": 3}
    assert record.definition == "rounding"
    assert record.origin == origin_of(INPUTS)
    assert record.recipe == recipe_of("rounding", INPUTS)
    assert record.columns == {
        "loan_id": "string",
        "snapshot_date": "date32[day]",
        "balance": "double",
    }
    quarantined = record.beside["quarantined"]
    assert (quarantined.rows, quarantined.content_hash) == (1, content_hash(refused("L9")))
    assert datamart.read_beside(TABLE, MONTH, "quarantined").equals(refused("L9"))
    assert record.facts == {"delivered": 2}
    assert record.provenance["engine"] == "duckdb"


def test_a_delivery_is_an_input_without_a_version(datamart: Datamart) -> None:
    record = write(datamart, 1.0, inputs={f"delivery/loans/{MONTH}": Input("abc", origin="abc")})
    assert record.inputs == {f"delivery/loans/{MONTH}": "abc"}
    assert record.input_versions == {}


def test_a_month_keeps_the_recipe_of_the_definitions_that_made_it(datamart: Datamart) -> None:
    assert write(datamart, 1.0, recipe="of last year").recipe == "of last year"


def test_a_month_that_says_the_same_leaves_every_file_as_it_was(datamart: Datamart) -> None:
    first = write(datamart, 1.0, 2.0, beside=["L9"], provenance={"from": "a"})
    before = stored(datamart)
    shuffled = rows(1.0, 2.0).take([1, 0])
    again = datamart.open(TABLE, [MONTH]).write(
        Draft(MONTH, INPUTS, provenance={"from": "b"}), shuffled, {"quarantined": refused("L9")}
    )
    assert again == first
    assert stored(datamart) == before


def test_an_empty_month_that_says_the_same_leaves_every_file_as_it_was(datamart: Datamart) -> None:
    first = write(datamart)
    before = stored(datamart)
    assert write(datamart) == first
    assert stored(datamart) == before


def test_where_a_row_came_from_is_not_part_of_what_it_says(datamart: Datamart) -> None:
    first, again = (
        datamart.open(DELIVERED, [MONTH]).write(
            Draft(MONTH, INPUTS), delivered_rows("1.0", source_file=name)
        )
        for name in ("a.csv", "b.csv")
    )
    assert again == first
    assert datamart.read(DELIVERED, [MONTH])["source_file"].to_pylist() == ["a.csv"]


def test_rows_that_point_elsewhere_are_written_again_though_they_say_the_same(
    datamart: Datamart,
) -> None:
    first, moved = (
        datamart.open(MODELS, [MONTH]).write(Draft(MONTH, INPUTS), model(run_id))
        for run_id in ("one", "two")
    )
    assert moved.says_the_same_as(first)
    assert datamart.read(MODELS, [MONTH])["mlflow_run_id"].to_pylist() == ["two"]
    before = stored(datamart)
    assert datamart.open(MODELS, [MONTH]).write(Draft(MONTH, INPUTS), model("two")) == moved
    assert stored(datamart) == before


CHANGES: dict[str, Callable[[Datamart], MonthRecord]] = {
    "rows": lambda datamart: write(datamart, 1.5),
    "inputs": lambda datamart: write(datamart, 1.0, inputs={"other/month": Input("def")}),
    "definition": lambda datamart: write(datamart, 1.0, definition="new"),
    "facts": lambda datamart: write(datamart, 1.0, facts={"delivered": 3}),
    "beside": lambda datamart: write(datamart, 1.0, beside=["L9"]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_month_that_says_something_else_takes_the_place_of_the_old_one_and_the_old_one_is_kept(
    datamart: Datamart, change: str
) -> None:
    first = write(datamart, 1.0)
    second = CHANGES[change](datamart)
    assert not second.says_the_same_as(first)
    assert (second.content_hash == first.content_hash) == (change != "rows")
    assert datamart.record(TABLE, MONTH) == second
    assert list(all_records(datamart, TABLE)) == [first, second]
    for record in (first, second):
        assert datamart.damaged_files(TABLE, record) == []


def test_a_table_beside_that_stays_the_same_is_not_written_again(datamart: Datamart) -> None:
    first = write(datamart, 1.0, beside=["L9"])
    second = write(datamart, 2.0, beside=["L9"])
    assert second.beside == first.beside
    assert datamart.log(QUARANTINED).newest() == first.beside["quarantined"].version


def test_several_months_are_one_commit(datamart: Datamart) -> None:
    writer = datamart.open(TABLE, [MONTH, NEXT])
    for month, balance in ((MONTH, 1.0), (NEXT, 2.0)):
        writer.stage_rows(Draft(month, {}), rows(balance, month=month))
        assert datamart.months(TABLE) == []
    committed = writer.commit()
    assert [(month, record.version) for month, record in committed.items()] == [
        (MONTH, 1),
        (NEXT, 1),
    ]
    assert balances_of(datamart) + balances_of(datamart, NEXT) == [1.0, 2.0]


def test_of_several_months_those_that_say_the_same_stay_and_the_refused_ones_are_left_out(
    datamart: Datamart,
) -> None:
    third = "2024-11-01"
    old = write(datamart, 1.0)
    writer = datamart.open(TABLE, [MONTH, NEXT, third])
    writer.stage_rows(Draft(MONTH, INPUTS), rows(1.0))
    with pytest.raises(PartitionError):
        writer.stage_rows(Draft(NEXT, {}), REPEATED)
    writer.stage_rows(Draft(third, {}), rows(3.0, month=third))
    committed = writer.commit()
    assert committed[MONTH] == old
    assert datamart.months(TABLE) == list(committed) == [MONTH, third]
    assert orphaned(datamart, [TABLE]) == []


def test_files_that_an_engine_wrote_are_a_month_in_their_order(datamart: Datamart) -> None:
    writer = datamart.open(TABLE, [MONTH])
    parts = rows(1.0, 2.0, 3.0)
    for part in (parts.slice(0, 2), parts.slice(2)):
        pq.write_table(part, writer.new_file(MONTH))
    pq.write_table(refused("L9"), writer.new_file(MONTH, "quarantined"))
    writer.stage(Draft(MONTH, INPUTS))
    record = writer.commit()[MONTH]
    assert [file.rows for file in record.files] == [2, 1]
    assert record.content_hash == content_hash(parts)
    assert datamart.read(TABLE, [MONTH]).equals(parts)
    assert quarantined_of(datamart) == ["L9"]


def test_what_an_engine_staged_in_a_folder_of_its_own_is_removed(datamart: Datamart) -> None:
    writer = datamart.open(TABLE, [MONTH])
    writer.staging.mkdir(parents=True)
    (writer.staging / "part-0.parquet").write_bytes(b"PAR1")
    assert orphaned(datamart, [TABLE]) == [writer.staging]
    writer.write(Draft(MONTH, INPUTS), rows(1.0))
    assert orphaned(datamart, [TABLE]) == []
    assert not writer.staging.exists()


def test_a_month_that_is_not_staged_after_all_leaves_no_files(datamart: Datamart) -> None:
    writer = datamart.open(TABLE, [MONTH, NEXT])
    pq.write_table(rows(9.0, month=NEXT), writer.new_file(NEXT))
    writer.write(Draft(MONTH, INPUTS), rows(1.0))
    assert datamart.months(TABLE) == [MONTH]
    assert orphaned(datamart, [TABLE]) == []


def too_few(record: MonthRecord, files: StagedFiles) -> str | None:
    found = sum(pq.read_metadata(path).num_rows for path in files[ROWS])
    return f"{found} rows are fewer than 3." if record.rows < 3 else None


REPEATED = pa.concat_tables([rows(1.0, 2.0), rows(7.0)])
REFUSALS: dict[str, tuple[pa.Table, list[Rule], str]] = {
    "repeated key": (
        REPEATED,
        [],
        "the key loan_id is not unique: 1 repeated, for example {'loan_id': 'L0'}.",
    ),
    "missing key": (
        rows(1.0, 2.0).set_column(0, "loan_id", pa.array(["L0", None])),
        [],
        "the key loan_id is not complete: loan_id is missing.",
    ),
    "missing column": (
        rows(1.0).drop_columns(["balance"]),
        [],
        "its columns are not as declared: balance is missing instead of double.",
    ),
    "missing key column": (
        rows(1.0).drop_columns(["loan_id"]),
        [],
        "its columns are not as declared: loan_id is missing instead of string.",
    ),
    "other type": (
        rows(1.0).set_column(2, "balance", pa.array([1], pa.int64())),
        [],
        "its columns are not as declared: balance is int64 instead of double.",
    ),
    "other month": (
        rows(1.0, month=NEXT),
        [],
        f"it holds rows of another snapshot_date: {NEXT} to {NEXT}.",
    ),
    "hard rule": (rows(1.0, 2.0), [too_few], "2 rows are fewer than 3."),
}


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_month_that_breaks_a_rule_is_refused_and_kept_aside(
    datamart: Datamart, fault: str
) -> None:
    refused_rows, rules, word = REFUSALS[fault]
    write(datamart, 5.0)
    before = stored(datamart)
    with pytest.raises(PartitionError) as said:
        datamart.open(TABLE, [MONTH]).write(
            Draft(MONTH, {}, rules=rules), refused_rows, {"quarantined": refused("L9")}
        )
    assert str(said.value) == (
        f"silver/balances/{MONTH} was refused: {word} Nothing was changed; the refused rows are "
        f"kept in tables/silver/balances/.refused/{MONTH} to look at."
    )
    aside = datamart.place(TABLE).path(f"{REFUSED}/{MONTH}")
    assert pq.read_table(aside / "rows.parquet").num_rows == refused_rows.num_rows
    assert pq.read_table(aside / "quarantined.parquet").equals(refused("L9"))
    kept = {path: place for path, place in stored(datamart).items() if REFUSED not in path.parts}
    assert kept == before
    assert balances_of(datamart) == [5.0]


def test_refused_rows_beside_the_others_have_the_declared_columns_too(datamart: Datamart) -> None:
    nameless = refused("L9").drop_columns(["loan_id"])
    with pytest.raises(PartitionError, match="loan_id is missing instead of string"):
        datamart.open(TABLE, [MONTH]).write(Draft(MONTH, {}), rows(1.0), {"quarantined": nameless})
    assert datamart.months(TABLE) == []


def test_every_broken_rule_is_named(datamart: Datamart) -> None:
    never: Rule = lambda record, files: f"{record.partition} is never right."  # noqa: E731
    with pytest.raises(PartitionError, match=r"2 rows are fewer than 3\. silver/balances/.* never"):
        write(datamart, 1.0, 2.0, rules=[too_few, never])
    assert datamart.record(TABLE, MONTH) is None


def test_the_rows_refused_last_are_the_ones_kept_aside(datamart: Datamart) -> None:
    for balances in ((1.0, 2.0), (8.0,)):
        with pytest.raises(PartitionError):
            write(datamart, *balances, rules=[too_few])
    aside = datamart.place(TABLE).path(f"{REFUSED}/{MONTH}/rows.parquet")
    assert pq.read_table(aside)["balance"].to_pylist() == [8.0]


def test_rows_that_share_part_of_a_key_are_different_rows(datamart: Datamart) -> None:
    table = replace(TABLE, key=("loan_id", "balance"))
    assert datamart.open(table, [MONTH]).write(Draft(MONTH, {}), REPEATED).rows == 3


KILLED_AT_EVERY_STEP = """
import os, shutil, signal, sys
from pathlib import Path

from deltalake import DeltaTable

from credit_risk_dagster.datamart import disk
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster_tests.datamart.test_writer import write_two_months

steps = 0

def until(last, function):
    def counted(*args, **kwargs):
        global steps
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1
        return function(*args, **kwargs)
    return counted

home, killed = Path(sys.argv[1]), True
last = 0
while killed:
    copy = home.with_name(f"killed {last:03}")
    shutil.copytree(home, copy)
    if os.fork() == 0:
        disk.sync_file = until(last, disk.sync_file)
        DeltaTable.create_write_transaction = until(last, DeltaTable.create_write_transaction)
        write_two_months(Datamart(copy))
        os._exit(0)
    killed = os.waitstatus_to_exitcode(os.wait()[1]) == -signal.SIGKILL
    last += 1
"""


def write_two_months(datamart: Datamart) -> None:
    """Write a month anew and one for the first time, in one commit, with other rows refused."""
    writer = datamart.open(TABLE, [MONTH, NEXT])
    for month in (MONTH, NEXT):
        new = rows(6.0, 7.0, month=month)
        writer.stage_rows(Draft(month, INPUTS), new, {"quarantined": refused("L8")})
    writer.commit()


def seen(datamart: Datamart) -> dict[str, tuple[list[float], list[str]]]:
    """What a reader sees of each month: the balances, and the loans that were refused."""
    return {
        month: (balances_of(datamart, month), quarantined_of(datamart, month))
        for month in datamart.months(TABLE)
    }


OLD = {MONTH: ([1.0], ["L9"])}
NEW = dict.fromkeys([MONTH, NEXT], ([6.0, 7.0], ["L8"]))


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[Datamart]:
    """Homes in which a run was killed, one a step later in each; in the last one it was not."""
    folder = tmp_path_factory.mktemp("kill -9")
    write(Datamart(folder / "before"), 1.0, beside=["L9"])
    script = [sys.executable, "-c", KILLED_AT_EVERY_STEP, str(folder / "before")]
    subprocess.run(script, check=True, cwd=Path(__file__).parents[2])
    shutil.rmtree(folder / "before")
    return [Datamart(home) for home in sorted(folder.iterdir())]


def test_a_run_that_is_killed_leaves_the_old_months_or_the_new_ones(killed: list[Datamart]) -> None:
    found = [seen(datamart) for datamart in killed]
    new = found.index(NEW)
    assert found == [OLD] * new + [NEW] * (len(found) - new)
    assert new > 8, "it was killed at several steps before the commit"
    assert len(found) - new > 3, "it was killed at several steps after it"


def test_other_readers_see_the_old_months_or_the_new_ones_too(killed: list[Datamart]) -> None:
    for datamart in killed:
        found = DeltaTable(datamart.place(TABLE).uri).to_pyarrow_table()
        months = seen(datamart)
        assert sorted(found["balance"].to_pylist()) == sorted(
            balance for balances, _ in months.values() for balance in balances
        )


def test_what_a_killed_run_left_is_what_no_commit_named_and_nothing_else(
    killed: list[Datamart], tmp_path: Path
) -> None:
    counts = []
    for number, left in enumerate(killed):
        datamart = Datamart(tmp_path / str(number))
        shutil.copytree(left.home, datamart.home)
        named = on_disk(
            datamart,
            (
                file
                for table in (TABLE, QUARANTINED)
                for record in all_records(datamart, table)
                for file in files_of(table, record)
            ),
        )
        data = set(datamart.folder.rglob("*.parquet"))
        found = orphaned(datamart, [TABLE])
        assert set(found) == data - named
        counts.append(len(found))

        for path in found:
            path.unlink()
        assert seen(datamart) in (OLD, NEW)
        write_two_months(datamart)
        assert seen(datamart) == NEW
        assert orphaned(datamart, [TABLE]) == []
    assert counts == sorted(counts, reverse=True)
    assert set(counts) == {4, 2, 0}, "the files of both tables, of the main table, of none"
