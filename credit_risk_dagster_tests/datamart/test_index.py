"""The index answers what the logs say, catches up with them, and can be made anew from them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.index import INPUTS, RECORDS, RecordIndex
from credit_risk_dagster.datamart.place import log_entry
from credit_risk_dagster.datamart.record import Input, MonthRecord
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster_tests.datamart.balances import (
    DELIVERED,
    MONTH,
    NEXT,
    QUARANTINED,
    TABLE,
    write,
)
from credit_risk_dagster_tests.datamart.scores import CHAIN, EVERY, SCORES, deliver, refine, score


@pytest.fixture
def index(datamart: Datamart) -> RecordIndex:
    return RecordIndex(f"sqlite:///{datamart.home / 'index.db'}", datamart, EVERY)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_index(request: pytest.FixtureRequest, datamart: Datamart) -> Iterator[RecordIndex]:
    if request.param == "sqlite":
        yield request.getfixturevalue("index")
        return
    server = request.getfixturevalue("postgres")
    url = server.create_database(f"index_{uuid4().hex[:12]}")
    index = RecordIndex(url, datamart, EVERY)
    yield index
    index.engine.dispose()


def in_the_logs(datamart: Datamart) -> dict[tuple[str, str], MonthRecord]:
    """The record of every month, read from the logs themselves."""
    return {
        (path, month): record
        for path, table in EVERY.items()
        for month, record in Datamart(datamart.home).records(table).items()
    }


def entries(datamart: Datamart) -> int:
    return len(list(datamart.folder.rglob("_delta_log/*.json")))


def test_an_index_catches_up_with_every_commit_once(
    any_index: RecordIndex, datamart: Datamart
) -> None:
    assert any_index.catch_up() == 0
    deliver(datamart, "1")
    refine(datamart, 1.0, beside=["Q1"])
    assert any_index.catch_up() == entries(datamart) == 6, "that tables were made is a commit too"
    assert any_index.records() == in_the_logs(datamart)
    assert any_index.catch_up() == 0

    refine(datamart, 2.0, beside=["Q1"])
    score(datamart, 0.1)
    assert any_index.records() == in_the_logs(datamart)
    assert any_index.months() == {table.path: [MONTH] for table in (*CHAIN, QUARANTINED)}
    assert any_index.rebuild() == entries(datamart)
    assert any_index.records() == in_the_logs(datamart)


def test_months_are_listed_by_table_oldest_first(index: RecordIndex, datamart: Datamart) -> None:
    write(datamart, 1.0, month=NEXT)
    write(datamart, 2.0)
    assert index.months() == {TABLE.path: [MONTH, NEXT], QUARANTINED.path: [MONTH, NEXT]}


def test_what_spans_all_months_is_a_query(index: RecordIndex, datamart: Datamart) -> None:
    write(datamart, 1.0, 2.0, definition="one")
    write(datamart, 1.0, month=NEXT, definition="other")
    index.catch_up()
    months = sa.select(RECORDS.c.snapshot_date, RECORDS.c.rows).where(
        RECORDS.c.table_path == TABLE.path, RECORDS.c.definition == "one"
    )
    assert index.rows(months) == [{"snapshot_date": MONTH, "rows": 2}]


def inputs_in(index: RecordIndex) -> set[tuple[str, ...]]:
    index.catch_up()
    rows = index.rows(sa.select(INPUTS).where(INPUTS.c.table_path == TABLE.path))
    return {
        (row["snapshot_date"], row["input_path"], row["input_month"], row["content_hash"])
        for row in rows
    }


def test_inputs_are_those_of_the_newest_version_of_each_month(
    index: RecordIndex, datamart: Datamart
) -> None:
    old = {f"bronze/loans/{MONTH}": Input("a", 1), f"delivery/loans/{MONTH}": Input("b")}
    write(datamart, 1.0, inputs=old)
    write(datamart, 1.0, month=NEXT, inputs={f"bronze/loans/{NEXT}": Input("c", 2)})
    assert inputs_in(index) == {
        (MONTH, "bronze/loans", MONTH, "a"),
        (MONTH, "delivery/loans", MONTH, "b"),
        (NEXT, "bronze/loans", NEXT, "c"),
    }
    write(datamart, 1.0, inputs={f"bronze/loans/{NEXT}": Input("d", 3)})
    assert inputs_in(index) == {
        (MONTH, "bronze/loans", NEXT, "d"),
        (NEXT, "bronze/loans", NEXT, "c"),
    }
    write(datamart, 1.0, inputs={})
    assert inputs_in(index) == {(NEXT, "bronze/loans", NEXT, "c")}


@pytest.mark.parametrize("commits", [1, 2, 3])
def test_a_table_that_another_one_has_replaced_is_taken_over_anew(
    index: RecordIndex, datamart: Datamart, tmp_path: Path, commits: int
) -> None:
    """Whether it has fewer commits than the one before, as many, or more."""
    for balance, month in ((1.0, MONTH), (2.0, NEXT)):
        write(datamart, balance, month=month)
    assert index.months()[TABLE.path] == [MONTH, NEXT]
    other = Datamart(tmp_path / "other")
    for number in range(commits):
        write(other, 7.0 + number, month="2023-01-01")
    shutil.rmtree(datamart.folder / "silver")
    shutil.copytree(other.folder / "silver", datamart.folder / "silver")

    assert index.months()[TABLE.path] == ["2023-01-01"]
    assert index.records() == in_the_logs(datamart)
    assert list(index.copied(TABLE.path)) == list(range(commits + 1))


def test_a_table_that_was_deleted_is_forgotten(index: RecordIndex, datamart: Datamart) -> None:
    deliver(datamart, "1")
    write(datamart, 1.0)
    assert TABLE.path in index.months()
    shutil.rmtree(datamart.folder / "silver")
    assert index.months() == {DELIVERED.path: [MONTH]}
    assert inputs_in(index) == set()


def test_every_log_entry_is_copied_as_it_is_written(index: RecordIndex, datamart: Datamart) -> None:
    write(datamart, 1.0, facts={"reason": "März\u2028"})
    write(datamart, 2.0)
    index.catch_up()
    place = datamart.place(TABLE)
    assert [index.copy(TABLE.path, version) for version in range(3)] == [
        place.path(log_entry(version)).read_bytes().decode() for version in range(3)
    ]
    assert (index.copy(TABLE.path, 3), index.copy(SCORES.path, 0)) == (None, None)


def test_an_index_that_was_lost_is_made_anew_from_the_logs(
    index: RecordIndex, datamart: Datamart
) -> None:
    write(datamart, 1.0)
    index.catch_up()
    index.engine.dispose()
    (datamart.home / "index.db").unlink()
    fresh = RecordIndex(str(index.url), Datamart(datamart.home), EVERY)
    assert fresh.records() == in_the_logs(datamart)


def test_a_database_that_does_not_answer_is_told_in_the_platforms_words(
    datamart: Datamart,
) -> None:
    write(datamart, 1.0)
    index = RecordIndex("postgresql+psycopg2://user@127.0.0.1:1/index", datamart, EVERY)
    with pytest.raises(PlatformError, match=r"127\.0\.0\.1:1/index failed"):
        index.catch_up()
