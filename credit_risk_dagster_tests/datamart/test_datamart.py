"""Months are read as they were written, now or as they were known then, or not at all."""

import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.log import TableLog
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster_tests.datamart.balances import (
    MONTH,
    NEXT,
    QUARANTINED,
    TABLE,
    balances_of,
    quarantined_of,
    rows,
    stored,
    write,
)

THIRD = "2024-11-01"


def test_several_months_are_read_in_the_order_asked(datamart: Datamart) -> None:
    write(datamart, 9.0, month=NEXT)
    write(datamart, 1.0, 2.0)
    assert datamart.read(TABLE, [NEXT, MONTH])["balance"].to_pylist() == [9.0, 1.0, 2.0]
    assert datamart.months(TABLE) == [MONTH, NEXT]
    assert list(datamart.records(TABLE)) == [MONTH, NEXT]


def test_reading_no_month_gives_no_rows_of_the_declared_columns(datamart: Datamart) -> None:
    assert datamart.read(TABLE, []).equals(TABLE.schema.empty_table())


def test_only_the_columns_that_are_asked_for_are_read(datamart: Datamart) -> None:
    write(datamart, 1.0, 2.0)
    assert datamart.read(TABLE, [MONTH], ["balance"]).equals(rows(1.0, 2.0).select(["balance"]))


def test_opening_a_datamart_creates_nothing(datamart: Datamart) -> None:
    assert datamart.months(TABLE) == []
    assert datamart.record(TABLE, MONTH) is None
    assert not datamart.home.exists()


def test_the_inputs_of_a_month_are_the_records_of_others_by_name(datamart: Datamart) -> None:
    first, second = write(datamart, 1.0), write(datamart, 2.0, month=NEXT)
    assert datamart.inputs(TABLE, [MONTH, NEXT]) == {
        f"silver/balances/{MONTH}": first.as_input(),
        f"silver/balances/{NEXT}": second.as_input(),
    }
    assert (first.as_input().version, second.as_input().version) == (1, 2)


def test_files_are_those_of_the_months_asked_for(datamart: Datamart) -> None:
    write(datamart, 1.0)
    write(datamart, 2.0, month=NEXT)
    write(datamart, 3.0, beside=["L9"])
    files = datamart.files(TABLE, [NEXT, MONTH])
    assert [path.parent.name for path in files] == [
        f"snapshot_date={month}" for month in (NEXT, MONTH)
    ]
    (beside,) = datamart.files_beside(TABLE, MONTH, "quarantined")
    assert beside.is_relative_to(datamart.place(QUARANTINED).folder)


def test_a_missing_month_says_what_to_do(datamart: Datamart) -> None:
    write(datamart, 1.0)
    for look in (
        lambda: datamart.read(TABLE, [MONTH, NEXT]),
        lambda: datamart.read_beside(TABLE, NEXT, "quarantined"),
        lambda: datamart.required_record(TABLE, NEXT),
        lambda: datamart.inputs(TABLE, [NEXT]),
        lambda: datamart.files(TABLE, [NEXT]),
    ):
        with pytest.raises(PartitionError) as said:
            look()
        assert str(said.value) == (
            f"silver/balances/{NEXT} is missing. Materialize silver/balances for {NEXT} first; "
            "months run in order."
        )


def test_the_home_of_an_earlier_release_is_neither_read_nor_written(datamart: Datamart) -> None:
    folder = datamart.place(TABLE).folder
    folder.mkdir(parents=True)
    (folder / f"{MONTH}.json").write_text("{}")
    before = stored(datamart)
    for use in (lambda: datamart.read(TABLE, [MONTH]), lambda: write(datamart, 1.0)):
        with pytest.raises(PartitionError, match=r"earlier release\. Run `credit-risk upgrade`"):
            use()
    assert stored(datamart) == before


Damage = Callable[[bytes, int], bytes | None]
"""What becomes of the bytes of a file, at a place in it; None: it is deleted."""

DAMAGES: dict[str, Damage] = {
    "truncated": lambda content, place: content[:place],
    "lengthened": lambda content, place: content + content[:place] + b"\0",
    "altered": lambda content, place: (
        content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
    ),
    "emptied": lambda content, place: b"",
    "deleted": lambda content, place: None,
}


def damage(path: Path, kind: str, share: float) -> None:
    """Damage a file at a share of its length."""
    content = path.read_bytes()
    damaged = DAMAGES[kind](content, int(share * len(content)))
    if damaged is None:
        path.unlink()
        return
    path.write_bytes(damaged)
    # A clock that ticks slowly would give two writes in one tick the same time.
    later = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later, later))


@pytest.fixture(scope="module")
def repaired(tmp_path_factory: pytest.TempPathFactory) -> Datamart:
    """A datamart that every example finds whole, and leaves whole if the platform is right."""
    return Datamart(tmp_path_factory.mktemp("datamart") / "home to be damaged")


@settings(deadline=None, max_examples=40)
@given(
    kind=st.sampled_from(sorted(DAMAGES)),
    share=st.floats(0, 1, exclude_max=True),
    beside=st.booleans(),
)
@example(kind="altered", share=0.0, beside=False)
@example(kind="truncated", share=0.999, beside=True)
def test_a_damaged_file_is_named_refused_and_repaired_by_writing_the_month_again(
    repaired: Datamart, kind: str, share: float, beside: bool
) -> None:
    datamart = repaired
    record = write(datamart, 1.0, 2.0, beside=["L9"])
    other = write(datamart, 3.0, month=NEXT)
    files = record.beside["quarantined"].files if beside else record.files
    path = datamart.place(QUARANTINED if beside else TABLE).path(files[0].path)
    assert not datamart.damaged_files(TABLE, datamart.required_record(TABLE, MONTH))

    damage(path, kind, share)
    assert datamart.damaged_files(TABLE, record) == [path.relative_to(datamart.home).as_posix()]
    assert datamart.damaged_files(TABLE, datamart.required_record(TABLE, MONTH))
    assert datamart.damaged_files(TABLE, other) == []
    with pytest.raises(PartitionError) as said:
        quarantined_of(datamart) if beside else balances_of(datamart)
    assert str(said.value) == (
        f"silver/balances/{MONTH} is damaged: {path.relative_to(datamart.home)} is not the file "
        "that was written. Run 2024-09 again: `credit-risk run --months 2024-09`."
    )

    again = write(datamart, 1.0, 2.0, beside=["L9"])
    assert again.says_the_same_as(record)
    assert not datamart.damaged_files(TABLE, datamart.required_record(TABLE, MONTH))
    assert (balances_of(datamart), quarantined_of(datamart)) == ([1.0, 2.0], ["L9"])
    assert datamart.record(TABLE, NEXT) == other


def test_damaged_evidence_is_restored_and_never_computed_again(datamart: Datamart) -> None:
    evidence = replace(TABLE, is_evidence=True)
    record = write(datamart, 1.0, table=evidence)
    damage(datamart.place(evidence).path(record.files[0].path), "altered", 0.5)
    with pytest.raises(PartitionError, match="Restore tables/silver/balances from a backup") as no:
        balances_of(datamart, table=evidence)
    assert "credit-risk run" not in str(no.value)


def test_a_file_is_read_again_only_if_it_was_written_to(
    datamart: Datamart, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(datamart, 1.0)
    balances_of(datamart)
    monkeypatch.delattr("credit_risk_dagster.datamart.disk.sha256_of")
    assert balances_of(datamart) == [1.0]


def moments(log: TableLog) -> list[datetime]:
    """When each version was committed."""
    committed = [log.entry(version).committed_at for version in range(log.newest() + 1)]
    return [datetime.fromtimestamp(one / 1000, UTC) for one in committed]


def test_a_datamart_as_of_a_moment_is_what_was_known_then(datamart: Datamart) -> None:
    for balance, month in ((1.0, MONTH), (2.0, NEXT), (3.0, MONTH)):
        write(datamart, balance, month=month, beside=[f"Q{balance}"])
        time.sleep(0.005)
    known = [datamart.as_of(moment) for moment in moments(datamart.log(TABLE))[1:]]
    assert [one.months(TABLE) for one in known] == [[MONTH], [MONTH, NEXT], [MONTH, NEXT]]
    assert [balances_of(one) for one in known] == [[1.0], [1.0], [3.0]]
    assert [quarantined_of(one) for one in known] == [["Q1.0"], ["Q1.0"], ["Q3.0"]]
    assert known[0].record(TABLE, NEXT) is None
    with pytest.raises(PartitionError, match="is missing"):
        balances_of(known[0], NEXT)

    long_ago = datamart.as_of(datetime(2020, 1, 1, tzinfo=UTC))
    assert (long_ago.months(TABLE), long_ago.record(TABLE, MONTH)) == ([], None)
    today = datamart.as_of(datetime.now(UTC) + timedelta(days=1))
    assert today.records(TABLE) == datamart.records(TABLE)


def test_months_are_read_at_the_versions_that_are_pinned(datamart: Datamart) -> None:
    first = write(datamart, 1.0, beside=["Q1"])
    write(datamart, 2.0, month=NEXT)
    write(datamart, 3.0, beside=["Q3"])
    write(datamart, 4.0, month=NEXT)

    pinned = datamart.at({(TABLE.path, MONTH): first.version})
    assert (balances_of(pinned), quarantined_of(pinned)) == ([1.0], ["Q1"])
    assert balances_of(pinned, NEXT) == [4.0]
    assert pinned.months(TABLE) == [MONTH, NEXT]
    assert pinned.inputs(TABLE, [MONTH]) == {first.partition: first.as_input()}
    assert balances_of(datamart) == [3.0]


def test_a_damaged_old_version_is_refused_as_well(datamart: Datamart) -> None:
    first = write(datamart, 1.0)
    write(datamart, 2.0)
    path = datamart.place(TABLE).path(first.files[0].path)
    path.unlink()
    assert balances_of(datamart) == [2.0]
    with pytest.raises(PartitionError, match=re.escape(path.name)):
        balances_of(datamart.at({(TABLE.path, MONTH): first.version}))


def test_a_reader_sees_the_old_rows_or_the_new_ones_while_they_are_replaced(
    datamart: Datamart,
) -> None:
    write(datamart, *[0.0] * 50)
    done = Event()

    def read() -> list[set[float]]:
        reader, seen = Datamart(datamart.home), []
        while not done.is_set():
            seen.append(set(balances_of(reader)))
        return seen

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        try:
            for version in range(1, 100):
                write(datamart, *[float(version)] * 50)
        finally:
            done.set()
        versions = [version for (version,) in reading.result()]
    assert versions == sorted(versions)
    assert len(set(versions)) > 5
