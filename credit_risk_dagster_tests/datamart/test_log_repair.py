"""Damaged logs are found and repaired, whichever entry of whichever table it is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.index import RecordIndex
from credit_risk_dagster.datamart.lineage import with_tables_beside
from credit_risk_dagster.datamart.log_repair import log_faults, repair_log
from credit_risk_dagster.datamart.place import log_entry
from credit_risk_dagster.datamart.table import Table, schema_of
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.months import first_day

MONTHS = ("2024-01-01", "2024-02-01", "2024-03-01")
TABLE = Table(
    layer="silver",
    name="loans",
    schema=schema_of(loan_id=pa.string(), snapshot_date=pa.date32(), balance=pa.float64()),
    key=("loan_id",),
    beside=(("quarantined", schema_of(loan_id=pa.string(), reasons=pa.string())),),
)
EVERY = with_tables_beside([TABLE])

Damage = Callable[[Path], None]


def rows(month: str, *balances: float) -> pa.Table:
    return pa.table(
        {
            "loan_id": [f"L{number}" for number in range(len(balances))],
            "snapshot_date": [first_day(month)] * len(balances),
            "balance": balances,
        },
        schema=TABLE.schema,
    )


def write(datamart: Datamart, month: str, *balances: float) -> None:
    quarantined = pa.table({"loan_id": ["Q"], "reasons": ["no balance"]})
    writer = datamart.open(TABLE, [month])
    writer.write(Draft(month, inputs={}), rows(month, *balances), {"quarantined": quarantined})


def three_months(home: Path) -> tuple[Datamart, RecordIndex]:
    datamart = Datamart(home)
    for number, month in enumerate(MONTHS):
        write(datamart, month, float(number), 7.0)
    return datamart, RecordIndex(f"sqlite:///{home / 'index.db'}", datamart, EVERY)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def alter(path: Path) -> None:
    path.write_text(path.read_text().replace('\\"rows\\": 2', '\\"rows\\": 3', 1) + " ")


def delete(path: Path) -> None:
    path.unlink()


DAMAGES = (empty, tear, alter, delete)


def balances(home: Path) -> list[list[float]]:
    datamart = Datamart(home)
    return [datamart.read(TABLE, [month])["balance"].to_pylist() for month in MONTHS]


@given(
    damages=st.lists(
        st.tuples(st.sampled_from(sorted(EVERY)), st.integers(0, 3), st.sampled_from(DAMAGES)),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_entry_of_any_log_is_put_back_from_the_index(
    tmp_path_factory: pytest.TempPathFactory, damages: list[tuple[str, int, Damage]]
) -> None:
    home = tmp_path_factory.mktemp("home")
    datamart, index = three_months(home)
    index.catch_up()
    written = {path: path.read_bytes() for path in home.rglob("_delta_log/*.json")}
    for path, version, damage in damages:
        entry = datamart.place(EVERY[path]).path(log_entry(version))
        if entry.exists():
            damage(entry)

    faults = [fault for table in EVERY.values() for fault in log_faults(datamart, table, index)]
    assert {(fault.table.path, fault.version) for fault in faults} == {
        (path, version) for path, version, _ in damages
    }
    for fault in faults:
        assert fault.can_be_repaired
        repair_log(datamart, fault)
    assert {path: path.read_bytes() for path in home.rglob("_delta_log/*.json")} == written
    assert balances(home) == [[0.0, 7.0], [1.0, 7.0], [2.0, 7.0]]


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_index_does_not_take_a_damaged_log_for_another_table(
    tmp_path: Path, damage: Damage
) -> None:
    datamart, index = three_months(tmp_path)
    index.catch_up()
    damage(datamart.place(TABLE).path(log_entry(3)))

    later = RecordIndex(str(index.url), Datamart(tmp_path), EVERY)
    with pytest.raises(PartitionError, match="doctor --repair"):
        later.catch_up()
    for fault in log_faults(Datamart(tmp_path), TABLE, later):
        repair_log(Datamart(tmp_path), fault)
    assert RecordIndex(str(index.url), Datamart(tmp_path), EVERY).catch_up() == 0
    assert balances(tmp_path) == [[0.0, 7.0], [1.0, 7.0], [2.0, 7.0]]


@pytest.mark.parametrize("damage", [empty, tear])
def test_the_newest_entry_that_a_power_cut_left_is_set_aside_and_its_month_is_written_again(
    tmp_path: Path, damage: Damage
) -> None:
    datamart, _ = three_months(tmp_path)
    damage(datamart.place(TABLE).path(log_entry(3)))
    with pytest.raises(PartitionError, match="doctor --repair"):
        Datamart(tmp_path).read(TABLE, [MONTHS[0]])

    (fault,) = log_faults(Datamart(tmp_path), TABLE, None)
    said = repair_log(Datamart(tmp_path), fault)
    assert "set aside" in said
    datamart = Datamart(tmp_path)
    assert datamart.months(TABLE) == list(MONTHS[:2])
    write(datamart, MONTHS[2], 2.0, 7.0)
    assert balances(tmp_path) == [[0.0, 7.0], [1.0, 7.0], [2.0, 7.0]]


def test_an_older_entry_without_a_copy_needs_a_backup(tmp_path: Path) -> None:
    datamart, _ = three_months(tmp_path)
    tear(datamart.place(TABLE).path(log_entry(2)))
    (fault,) = log_faults(datamart, TABLE, None)
    assert not fault.can_be_repaired
    with pytest.raises(PartitionError, match="Restore tables/silver/loans from a backup"):
        repair_log(datamart, fault)


@pytest.mark.parametrize("damage", [empty, tear])
@pytest.mark.parametrize("which", ["_last_checkpoint", "00000000000000000002.checkpoint.parquet"])
def test_a_damaged_checkpoint_is_removed_since_the_whole_log_is_there(
    tmp_path: Path, damage: Damage, which: str
) -> None:
    from deltalake import DeltaTable

    datamart, index = three_months(tmp_path)
    place = datamart.place(TABLE)
    DeltaTable(place.uri, version=2).create_checkpoint()
    assert log_faults(datamart, TABLE, index) == []
    damage(place.path(f"_delta_log/{which}"))

    for fault in log_faults(datamart, TABLE, index):
        assert fault.version is None
        repair_log(datamart, fault)
    assert log_faults(datamart, TABLE, index) == []
    assert DeltaTable(place.uri).version() == 3
    assert DeltaTable(place.uri).to_pyarrow_table().num_rows == 6


def test_whole_logs_have_no_faults(tmp_path: Path) -> None:
    datamart, index = three_months(tmp_path)
    index.catch_up()
    assert [log_faults(datamart, table, index) for table in EVERY.values()] == [[], []]
    never = replace(TABLE, name="attributes")
    assert log_faults(datamart, never, index) == []


def test_a_lost_log_is_not_replaced_by_an_empty_table(tmp_path: Path) -> None:
    datamart, index = three_months(tmp_path)
    index.catch_up()
    for entry in datamart.place(TABLE).path("_delta_log").iterdir():
        entry.unlink()

    with pytest.raises(PartitionError, match="has files and no log"):
        write(Datamart(tmp_path), "2024-04-01", 1.0)
    for fault in log_faults(Datamart(tmp_path), TABLE, index):
        repair_log(Datamart(tmp_path), fault)
    assert balances(tmp_path) == [[0.0, 7.0], [1.0, 7.0], [2.0, 7.0]]


def test_without_copies_a_lost_log_is_said_to_need_a_backup(tmp_path: Path) -> None:
    datamart, _ = three_months(tmp_path)
    for entry in datamart.place(TABLE).path("_delta_log").iterdir():
        entry.unlink()
    (fault,) = log_faults(Datamart(tmp_path), TABLE, None)
    assert not fault.can_be_repaired


def test_a_process_that_has_seen_the_damage_sees_the_repair(tmp_path: Path) -> None:
    """Else the sensors of a running code location would stay blocked until it is restarted."""
    datamart, _ = three_months(tmp_path)
    datamart.place(TABLE).path(log_entry(3)).write_bytes(b"")
    seen = Datamart(tmp_path)
    with pytest.raises(PartitionError):
        seen.months(TABLE)

    (fault,) = log_faults(Datamart(tmp_path), TABLE, None)
    repair_log(Datamart(tmp_path), fault)
    assert seen.months(TABLE) == list(MONTHS[:2])


def test_a_process_that_lags_does_not_put_an_older_month_into_the_index(tmp_path: Path) -> None:
    datamart, index = three_months(tmp_path)
    write(datamart, MONTHS[0], 9.0)
    index.catch_up()
    lagging = RecordIndex(str(index.url), Datamart(tmp_path), EVERY)
    lagging._take(TABLE, 1)  # the month's first commit, which the other process has taken over
    assert index.records()[TABLE.path, MONTHS[0]].rows == 1
    assert index.records()[TABLE.path, MONTHS[0]].version == 4
