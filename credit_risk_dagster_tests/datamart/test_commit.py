"""A commit makes staged files a month: for one writer, whole, on the disk, for every reader."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, QueryBuilder

from credit_risk_dagster.datamart import commit
from credit_risk_dagster.datamart.commit import MonthTakenError, commit_months, see
from credit_risk_dagster.datamart.datamart import RETENTION_DAYS, Datamart
from credit_risk_dagster.datamart.disk import sha256_of
from credit_risk_dagster.datamart.lineage import all_records
from credit_risk_dagster.datamart.log import TableLog
from credit_risk_dagster.datamart.object_store import ObjectStore
from credit_risk_dagster.datamart.place import LOG, log_entry
from credit_risk_dagster.datamart.record import MonthRecord, StoredFile
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.months import add_months, first_day
from credit_risk_dagster_tests.datamart.balances import (
    DELIVERED,
    MONTH,
    NEXT,
    QUARANTINED,
    TABLE,
    balances_of,
    delivered_rows,
    quarantined_of,
    rows,
    write,
)
from credit_risk_dagster_tests.datamart.races import Outcome, race
from credit_risk_dagster_tests.object_store import S3Server

WRITERS = 8
OLD, NEW, SPREAD = (replace(TABLE, name=name) for name in ("old", "new", "spread"))
EIGHT_MONTHS = [add_months(MONTH, step) for step in range(WRITERS)]
RACES = {
    "a month that exists": (OLD, [MONTH] * WRITERS),
    "a month that was never written": (NEW, [MONTH] * WRITERS),
    "eight months": (SPREAD, EIGHT_MONTHS),
}


@pytest.fixture(scope="module", params=["disk", "object store"])
def raced(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Datamart, list[Outcome]]:
    """A home in which eight processes raced, and what became of each of them."""
    datamart = Datamart(tmp_path_factory.mktemp("raced") / "home of all")
    if request.param == "object store":
        server: S3Server = request.getfixturevalue("s3")
        datamart = replace(datamart, store=ObjectStore(server.uri("raced"), datamart.home))
    write(datamart, 70.0, table=OLD, beside=["Q70"])
    write(datamart, 80.0, table=OLD, month=NEXT, beside=["Q80"])
    return datamart, race(datamart, RACES, WRITERS)


@pytest.mark.parametrize("name", ["a month that exists", "a month that was never written"])
def test_one_of_eight_writers_of_a_month_wins_and_the_others_are_told(
    raced: tuple[Datamart, list[Outcome]], name: str
) -> None:
    datamart, outcomes = raced
    table, _ = RACES[name]
    (winner,) = [one for one in outcomes if one.race == name and one.version is not None]
    losers = [one for one in outcomes if one.race == name and one.version is None]
    assert {one.said for one in losers} <= {
        f"{path} of 2024-09 was written by another run since this one read what it is made of. "
        "Nothing was changed; run the month again."
        for path in (table.path, table.tables_beside["quarantined"].path)
    }
    assert len(losers) == WRITERS - 1
    assert balances_of(datamart, MONTH, table) == [float(winner.writer)] * 3
    assert quarantined_of(datamart, MONTH, table) == [f"Q{winner.writer}"]
    assert datamart.required_record(table, MONTH).version == winner.version


def test_a_race_for_one_month_leaves_another_one_as_it_was(
    raced: tuple[Datamart, list[Outcome]],
) -> None:
    datamart, _ = raced
    assert (balances_of(datamart, NEXT, OLD), quarantined_of(datamart, NEXT, OLD)) == (
        [80.0],
        ["Q80"],
    )


def test_eight_writers_of_eight_months_all_win(raced: tuple[Datamart, list[Outcome]]) -> None:
    datamart, outcomes = raced
    versions = {one.writer: one.version for one in outcomes if one.race == "eight months"}
    assert sorted(versions.values(), key=str) == list(range(1, WRITERS + 1))
    assert datamart.months(SPREAD) == EIGHT_MONTHS
    for writer, month in enumerate(EIGHT_MONTHS):
        assert balances_of(datamart, month, SPREAD) == [float(writer)] * 3
        assert quarantined_of(datamart, month, SPREAD) == [f"Q{writer}"]
    place = datamart.place(SPREAD)
    rows_of_all = DeltaTable(place.uri, storage_options=place.options).to_pyarrow_table()
    assert rows_of_all.num_rows == 3 * WRITERS


def test_a_month_that_was_written_since_its_writer_looked_is_left_to_the_other(
    datamart: Datamart,
) -> None:
    early = datamart.open(TABLE, [MONTH, NEXT])
    write(datamart, 1.0, beside=["L9"])
    for month in (MONTH, NEXT):
        early.stage_rows(Draft(month, {}), rows(2.0, month=month))
    with pytest.raises(MonthTakenError):
        early.commit()
    assert (datamart.months(TABLE), balances_of(datamart)) == ([MONTH], [1.0])
    assert quarantined_of(datamart) == ["L9"]


def test_months_that_others_have_written_meanwhile_are_no_conflict(datamart: Datamart) -> None:
    early = datamart.open(TABLE, [MONTH])
    write(datamart, 1.0, month=NEXT)
    early.write(Draft(MONTH, {}), rows(2.0))
    assert balances_of(datamart, MONTH) + balances_of(datamart, NEXT) == [2.0, 1.0]


COMMIT = "commit"


@pytest.fixture
def on_the_disk(monkeypatch: pytest.MonkeyPatch) -> list[int | str]:
    """What was synced, by its number on the disk, and when a commit was made, in order."""
    events: list[int | str] = []
    sync, transact = os.fsync, DeltaTable.create_write_transaction

    def watched_sync(descriptor: int) -> None:
        sync(descriptor)
        events.append(os.fstat(descriptor).st_ino)

    def watched_commit(table: DeltaTable, *args: Any, **kwargs: Any) -> None:
        transact(table, *args, **kwargs)
        events.append(COMMIT)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(DeltaTable, "create_write_transaction", watched_commit)
    return events


def numbers(*paths: Path) -> set[int | str]:
    return {path.stat().st_ino for path in paths}


def files_and_folders(datamart: Datamart, table: Table, stored: StoredFile) -> set[int | str]:
    """The numbers of a file and of the folders that name it."""
    path = datamart.place(table).path(stored.path)
    return numbers(path, path.parent, path.parent.parent)


def test_files_are_on_the_disk_before_the_commit_and_the_commit_before_anybody_is_told(
    datamart: Datamart, on_the_disk: list[int | str]
) -> None:
    write(datamart, 1.0, beside=["L9"])
    on_the_disk.clear()
    record = write(datamart, 2.0, beside=["L8"])

    first, second = (at for at, event in enumerate(on_the_disk) if event == COMMIT)
    before, between, after = (
        set(on_the_disk[:first]),
        set(on_the_disk[first:second]),
        set(on_the_disk[second:]),
    )
    (rejected,), (accepted,) = record.beside["quarantined"].files, record.files
    assert before >= files_and_folders(datamart, QUARANTINED, rejected)
    entry = datamart.place(QUARANTINED).path(log_entry(record.beside["quarantined"].version))
    assert between >= numbers(entry, entry.parent)
    assert between >= files_and_folders(datamart, TABLE, accepted)
    entry = datamart.place(TABLE).path(log_entry(record.version))
    assert after >= numbers(entry, entry.parent)


def test_a_new_table_and_the_folders_above_it_are_on_the_disk_before_its_first_month(
    datamart: Datamart, on_the_disk: list[int | str]
) -> None:
    record = write(datamart, 1.0)
    before = set(on_the_disk[: on_the_disk.index(COMMIT)])
    entry = datamart.place(TABLE).path(log_entry(0))
    above = [one for one in entry.parents if one.is_relative_to(datamart.home.parent)]
    assert before >= numbers(entry, *above)
    assert record.version == 1


def test_an_empty_month_is_not_one_that_was_never_written(datamart: Datamart) -> None:
    record = write(datamart)
    assert (record.rows, record.files, record.version) == (0, (), 1)
    assert datamart.months(TABLE) == [MONTH]
    assert datamart.read(TABLE, [MONTH]).equals(TABLE.schema.empty_table())
    assert datamart.record(TABLE, NEXT) is None
    table = DeltaTable(datamart.place(TABLE).uri)
    assert (table.transaction_version(MONTH), table.transaction_version(NEXT)) == (1, None)
    assert table.to_pyarrow_table().num_rows == 0


def test_a_month_that_becomes_empty_loses_its_rows(datamart: Datamart) -> None:
    write(datamart, 1.0)
    write(datamart, 2.0, month=NEXT)
    write(datamart)
    assert balances_of(datamart) == []
    assert DeltaTable(datamart.place(TABLE).uri).to_pyarrow_table()["balance"].to_pylist() == [2.0]


def read_by_delta(datamart: Datamart) -> pa.Table:
    return DeltaTable(datamart.place(TABLE).uri).to_pyarrow_table()


def read_by_duckdb(datamart: Datamart) -> pa.Table:
    dataset = DeltaTable(datamart.place(TABLE).uri).to_pyarrow_dataset()
    with duckdb.connect() as connection:
        connection.register("balances", dataset)
        return connection.execute("SELECT * FROM balances").to_arrow_table()


def read_by_datafusion(datamart: Datamart) -> pa.Table:
    builder = QueryBuilder().register("balances", DeltaTable(datamart.place(TABLE).uri))
    return pa.table(builder.execute("SELECT * FROM balances").read_all())


@pytest.mark.parametrize("reader", [read_by_delta, read_by_duckdb, read_by_datafusion])
def test_readers_that_know_nothing_of_the_platform_read_the_same_rows(
    datamart: Datamart, reader: Callable[[Datamart], pa.Table]
) -> None:
    write(datamart, 1.0)
    write(datamart, 2.0, 3.0, month=NEXT)
    write(datamart, 4.0, 5.0)

    ours = datamart.read(TABLE, [MONTH, NEXT])
    theirs = reader(datamart).select(TABLE.schema.names).cast(TABLE.schema)
    order = [("snapshot_date", "ascending"), ("loan_id", "ascending")]
    assert theirs.sort_by(order).equals(ours)
    assert ours["balance"].to_pylist() == [4.0, 5.0, 2.0, 3.0]


def test_other_readers_see_the_month_of_rows_that_do_not_name_it(datamart: Datamart) -> None:
    write(datamart, 1.0, beside=["L9"])
    datamart.open(DELIVERED, [NEXT]).write(Draft(NEXT, {}), delivered_rows("x"))
    found = DeltaTable(datamart.place(QUARANTINED).uri).to_pyarrow_table()
    assert found["snapshot_date"].to_pylist() == [first_day(MONTH)]
    found = DeltaTable(datamart.place(DELIVERED).uri).to_pyarrow_table()
    assert found["snapshot_month"].to_pylist() == [first_day(NEXT)]
    assert datamart.read(DELIVERED, [NEXT]).equals(delivered_rows("x"))


def test_a_stored_table_says_what_it_and_its_columns_mean(datamart: Datamart) -> None:
    write(datamart, 1.0)
    table = DeltaTable(datamart.place(TABLE).uri)
    assert table.metadata().name == "silver/balances"
    assert table.metadata().description == "What is still to be repaid of each loan."
    assert {field.name: field.metadata["comment"] for field in table.schema().fields} == {
        "loan_id": "Identifier of the loan, made of its customer and its start date.",
        "snapshot_date": "Snapshot month that the row belongs to, as its first day.",
        "balance": "Amount of the loan still to be repaid, in the lender's currency.",
    }
    beside = DeltaTable(datamart.place(QUARANTINED).uri)
    assert beside.metadata().description == "The quarantined of silver/balances."
    assert all(field.metadata["comment"] for field in beside.schema().fields)


def test_versions_are_kept_as_long_as_the_setting_says(tmp_path: Path) -> None:
    for days in (RETENTION_DAYS, 30):
        datamart = Datamart(tmp_path / str(days), retention_days=days)
        write(datamart, 1.0)
        properties = DeltaTable(datamart.place(TABLE).uri).metadata().configuration
        assert properties["delta.deletedFileRetentionDuration"] == f"interval {days} days"


def test_records_outlive_checkpoints(datamart: Datamart, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default a checkpoint removes the log entries that are older than thirty days."""
    often = commit.PROPERTIES | {"delta.checkpointInterval": "2"}
    monkeypatch.setattr(commit, "PROPERTIES", often)
    long_ago = time.time() - 60 * 86_400
    log_folder = datamart.place(TABLE).path(LOG)
    for number in range(6):
        write(datamart, float(number))
        for path in log_folder.iterdir():
            os.utime(path, (long_ago, long_ago))

    assert len(list(log_folder.glob("*.checkpoint.parquet"))) == 3
    again = Datamart(datamart.home)
    assert [record.version for record in all_records(again, TABLE)] == [1, 2, 3, 4, 5, 6]
    write(again, 7.0, month=NEXT)
    seen = again.open(TABLE, [MONTH])
    write(datamart, 8.0)
    with pytest.raises(MonthTakenError):
        seen.write(Draft(MONTH, {}), rows(9.0))


def staged_file(datamart: Datamart, part: pa.Table, folder: str = "") -> StoredFile:
    """A file in the folder of the month, as it would be recorded."""
    name = f"{folder or f'snapshot_date={MONTH}'}/0123.parquet"
    path = datamart.place(TABLE).path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(part, path)
    return StoredFile(name, path.stat().st_size, part.num_rows, sha256_of(path))


def missing(datamart: Datamart) -> StoredFile:
    stored = staged_file(datamart, rows(1.0))
    datamart.place(TABLE).path(stored.path).unlink()
    return stored


NOT_STAGED = "is not the file that was staged."
OTHER_TYPE = rows(1.0).set_column(2, "balance", pa.array(["x"]))
FORGED: dict[str, tuple[Callable[[Datamart], StoredFile], str]] = {
    "a file that is not there": (missing, NOT_STAGED),
    "a file of another size": (
        lambda datamart: replace(staged_file(datamart, rows(1.0)), size=1),
        NOT_STAGED,
    ),
    "another number of rows": (
        lambda datamart: replace(staged_file(datamart, rows(1.0)), rows=2),
        "has 1 rows instead of 2.",
    ),
    "another type": (
        lambda datamart: staged_file(datamart, OTHER_TYPE),
        "has not the declared columns: balance",
    ),
    "a missing column": (
        lambda datamart: staged_file(datamart, rows(1.0).drop_columns(["loan_id"])),
        "has not the declared columns: loan_id",
    ),
    "the folder of another month": (
        lambda datamart: staged_file(datamart, rows(1.0), f"snapshot_date={NEXT}"),
        f"does not lie in the folder of {MONTH}.",
    ),
    "no folder of a month": (
        lambda datamart: staged_file(datamart, rows(1.0), "elsewhere"),
        f"does not lie in the folder of {MONTH}.",
    ),
    "a folder outside of the table": (
        lambda datamart: staged_file(datamart, rows(1.0), f"../snapshot_date={MONTH}"),
        f"does not lie in the folder of {MONTH}.",
    ),
}


@pytest.mark.parametrize("fault", FORGED)
def test_a_file_that_is_not_what_the_record_says_is_refused(datamart: Datamart, fault: str) -> None:
    forge, word = FORGED[fault]
    old = write(datamart, 5.0)
    seen = see(TABLE, datamart.place(TABLE), [MONTH], RETENTION_DAYS)
    forged = forge(datamart)
    staged = {forged.path: datamart.place(TABLE).path(forged.path)}
    with pytest.raises(PartitionError) as said:
        commit_months(seen, {MONTH: replace(old, files=(forged,))}, staged)
    assert str(said.value).startswith(f"silver/balances/{MONTH} was refused: ")
    assert word in str(said.value)
    assert_unchanged(datamart, old)


def assert_unchanged(datamart: Datamart, old: MonthRecord) -> None:
    log = TableLog(TABLE.path, datamart.place(TABLE))
    assert (log.newest(), log.record(MONTH)) == (old.version, old)
    assert balances_of(datamart) == [5.0]


@pytest.mark.parametrize("month", ["2024-09", "2024-09-15", "2024-13-01", "September", ""])
def test_a_month_that_is_not_the_first_of_one_is_refused(datamart: Datamart, month: str) -> None:
    """Delta would take it, and could not open the table again."""
    old = write(datamart, 5.0)
    seen = see(TABLE, datamart.place(TABLE), [month], RETENTION_DAYS)
    record = replace(old, month=month, files=())
    with pytest.raises(PartitionError, match="its month is not YYYY-MM-01"):
        commit_months(seen, {month: record}, {})
    assert_unchanged(datamart, old)


def test_one_file_that_is_refused_refuses_all_months_of_its_commit(datamart: Datamart) -> None:
    old = write(datamart, 5.0)
    writer = datamart.open(TABLE, [MONTH, NEXT])
    for month in (MONTH, NEXT):
        writer.stage_rows(Draft(month, {}), rows(6.0, month=month))
    (staged,) = datamart.place(TABLE).path(f"snapshot_date={NEXT}").iterdir()
    staged.write_bytes(staged.read_bytes() + b"more")
    with pytest.raises(PartitionError, match=NOT_STAGED):
        writer.commit()
    assert_unchanged(datamart, old)


def test_rows_of_another_month_are_refused(datamart: Datamart) -> None:
    mixed = pa.concat_tables([rows(1.0), rows(1.0, 2.0, month=NEXT).slice(1)])
    for part, span in (
        (rows(1.0, month=NEXT), f"{NEXT} to {NEXT}"),
        (mixed, f"{MONTH} to {NEXT}"),
        (rows(1.0).set_column(1, "snapshot_date", pa.nulls(1, pa.date32())), "None to None"),
    ):
        with pytest.raises(PartitionError, match=f"rows of another snapshot_date: {span}"):
            datamart.open(TABLE, [MONTH]).write(Draft(MONTH, {}), part)
    assert datamart.months(TABLE) == []


def test_a_log_that_cannot_be_written_leaves_the_month_as_it_was(
    datamart: Datamart, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = write(datamart, 5.0)

    def full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", full)
    with pytest.raises(OSError, match="disk full"):
        write(datamart, 6.0)
    assert_unchanged(datamart, old)
    monkeypatch.undo()
    write(datamart, 6.0)
    assert balances_of(datamart) == [6.0]


def test_a_home_can_be_moved(datamart: Datamart, tmp_path: Path) -> None:
    write(datamart, 1.0, beside=["L9"])
    datamart.home.rename(tmp_path / "moved here")
    moved = Datamart(tmp_path / "moved here")
    assert (balances_of(moved), quarantined_of(moved)) == ([1.0], ["L9"])
    write(moved, 2.0, beside=["L8"])
    assert read_by_delta(moved).equals(rows(2.0))
