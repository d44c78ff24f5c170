"""The log of a table: where each month is, what was known when, and that no torn entry is read."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import example, given, settings
from hypothesis import strategies as st

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.disk import DiskPlace
from credit_risk_dagster.datamart.log import LogEntry, TableLog, milliseconds, read_entry
from credit_risk_dagster.datamart.place import log_entry, log_versions
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster_tests.datamart.balances import (
    MONTH,
    NEXT,
    TABLE,
    balances_of,
    rows,
    write,
)


@pytest.fixture
def log(datamart: Datamart) -> TableLog:
    """A log of three commits of ours: a month, another one, the first again."""
    write(datamart, 1.0)
    write(datamart, 2.0, month=NEXT)
    write(datamart, 3.0)
    return datamart.log(TABLE)


def test_a_table_that_was_never_written_has_no_months(datamart: Datamart) -> None:
    log = datamart.log(TABLE)
    assert (log.newest(), log.months(), log.record(MONTH)) == (-1, {}, None)
    assert log.version_as_of(2**62) == -1


def test_the_newest_commit_tells_where_every_month_is(log: TableLog) -> None:
    assert log.newest() == 3
    assert log.months() == {MONTH: 3, NEXT: 2}
    assert (log.version_of(MONTH), log.version_of("2024-11-01")) == (3, None)


def test_any_commit_tells_where_every_month_was_then(log: TableLog) -> None:
    known = [log.months(version) for version in range(4)]
    assert known == [{}, {MONTH: 1}, {MONTH: 1, NEXT: 2}, {MONTH: 3, NEXT: 2}]
    assert [log.record(NEXT, version) is None for version in range(4)] == [True, True, False, False]


def test_the_newest_version_by_a_moment_is_known_to_the_millisecond(log: TableLog) -> None:
    moments = [log.entry(version).committed_at for version in range(4)]
    assert log.version_as_of(moments[0] - 1) == -1
    assert log.version_as_of(moments[-1]) == 3
    assert [log.entry(log.version_as_of(moment)).committed_at for moment in moments] == moments
    assert abs(datetime.now(UTC).timestamp() * 1000 - moments[-1]) < 60_000


@given(st.integers(1_500_000_000_000, 4_000_000_000_000))
@example(2_147_518_758_990)
def test_a_moment_is_counted_to_its_last_millisecond(count: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=count)
    assert milliseconds(moment) == milliseconds(moment + timedelta(microseconds=999)) == count
    assert milliseconds(moment - timedelta(microseconds=1)) == count - 1


def test_an_entry_tells_which_files_and_transactions_it_is_about(log: TableLog) -> None:
    first, last = log.entry(1), log.entry(3)
    assert first.added == {file.path for file in first.records[MONTH].files}
    assert last.added == {file.path for file in last.records[MONTH].files}
    assert (set(first.removed), set(last.removed)) == (set(), first.added)
    assert (first.transactions, last.transactions) == ({MONTH: 1}, {MONTH: 3})


def test_what_other_processes_commit_is_seen_by_a_log_that_was_read_before(
    log: TableLog, datamart: Datamart
) -> None:
    assert log.newest() == 3
    write(Datamart(datamart.home), 4.0, month=NEXT)
    assert log.months() == {MONTH: 3, NEXT: 4}


def test_a_table_that_takes_the_place_of_another_one_is_read_anew(
    log: TableLog, datamart: Datamart
) -> None:
    assert balances_of(datamart) == [3.0]
    shutil.rmtree(datamart.place(TABLE).folder)
    assert (log.newest(), log.months()) == (-1, {})
    write(Datamart(datamart.home), 9.0)
    assert balances_of(datamart) == [9.0]
    assert log.months() == {MONTH: 1}


def test_a_commit_by_another_tool_hides_no_month(log: TableLog, datamart: Datamart) -> None:
    table = DeltaTable(datamart.place(TABLE).uri)
    table.alter.set_table_properties({"delta.logRetentionDuration": "interval 60 days"})
    assert (log.newest(), log.entry(4).months) == (4, None)
    assert log.months() == {MONTH: 3, NEXT: 2}
    write(datamart, 5.0, month=NEXT)
    assert log.months() == {MONTH: 3, NEXT: 5}


def test_files_that_another_tool_joins_are_still_those_that_were_written(
    datamart: Datamart,
) -> None:
    writer = datamart.open(TABLE, [MONTH])
    parts = rows(1.0, 2.0)
    for part in (parts.slice(0, 1), parts.slice(1)):
        pq.write_table(part, writer.new_file(MONTH))
    writer.stage(Draft(MONTH, {}))
    writer.commit()

    DeltaTable(datamart.place(TABLE).uri).optimize.compact()
    assert len(DeltaTable(datamart.place(TABLE).uri).get_add_actions()) == 1
    assert len(datamart.files(TABLE, [MONTH])) == 2
    assert balances_of(datamart) == [1.0, 2.0]
    write(datamart, 5.0)
    assert DeltaTable(datamart.place(TABLE).uri).to_pyarrow_table().equals(rows(5.0))


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=8), st.text(max_size=8))
@example("line\u2028feed", "next\x85line")
def test_records_hold_any_text(
    tmp_path_factory: pytest.TempPathFactory, fact: str, source: str
) -> None:
    datamart = Datamart(tmp_path_factory.getbasetemp() / "any text")
    record = write(datamart, 1.0, facts={"said": fact}, provenance={source: fact})
    assert Datamart(datamart.home).record(TABLE, MONTH) == record


Entry = tuple[bytes, LogEntry]


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> Entry:
    """An entry that takes one file away and adds another: its text, and what is read of it."""
    datamart = Datamart(tmp_path_factory.mktemp("log"))
    write(datamart, 1.0, beside=["L8"], facts={"reason": "März"})
    write(datamart, 2.0, 3.0, beside=["L9"], facts={"reason": "März"})
    path = datamart.place(TABLE).path(log_entry(2))
    return path.read_bytes(), read_entry(TABLE.path, datamart.place(TABLE), 2)


def read_again(folder: Path, text: bytes) -> LogEntry | None:
    """What is read of an entry of this text; None if it is refused."""
    place = DiskPlace(folder, folder)
    place.write(log_entry(2), text)
    try:
        return read_entry(TABLE.path, place, 2)
    except PartitionError:
        return None


@settings(deadline=None)
@given(st.data())
def test_an_entry_that_was_cut_off_is_refused(
    entry: Entry, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text, _ = entry
    lines = [place for place, byte in enumerate(text) if byte == ord("\n")]
    cut = data.draw(st.sampled_from([0, *lines[:-1]]) | st.integers(0, len(text.rstrip()) - 1))
    assert read_again(tmp_path_factory.getbasetemp(), text[:cut]) is None


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_an_entry_of_which_a_byte_was_altered_gives_the_records_as_written_or_is_refused(
    entry: Entry, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text, written = entry
    place, byte = data.draw(st.integers(0, len(text) - 1)), data.draw(st.integers(0, 255))
    altered = text[:place] + bytes([byte]) + text[place + 1 :]
    found = read_again(tmp_path_factory.getbasetemp(), altered)
    assert found is None or found.records == written.records


def test_an_entry_that_is_gone_is_refused(log: TableLog, datamart: Datamart) -> None:
    datamart.place(TABLE).path(log_entry(2)).unlink()
    with pytest.raises(PartitionError, match="version 2 cannot be read"):
        TableLog(TABLE.path, datamart.place(TABLE)).record(NEXT)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda text: b"",
    "torn": lambda text: text[: len(text) // 2],
    "cut off at the end of a line": lambda text: text.splitlines(keepends=True)[0],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_table_whose_newest_entry_is_damaged_is_neither_read_nor_written(
    datamart: Datamart, damage: str
) -> None:
    write(datamart, 1.0)
    write(datamart, 2.0)
    place = datamart.place(TABLE)
    path = place.path(log_entry(2))
    path.write_bytes(DAMAGE[damage](path.read_bytes()))

    again = Datamart(datamart.home)
    for use in (lambda: again.read(TABLE, [MONTH]), lambda: write(again, 3.0)):
        with pytest.raises(PartitionError, match=r"silver/balances is damaged.*doctor --repair"):
            use()
    assert log_versions(place) == [0, 1, 2]
