"""States of months rest on the months before them, and are renewed by whatever changes these."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.assets.panel import write_states
from credit_risk_dagster.automation.due import next_due_month
from credit_risk_dagster.contract.reference import CLICKSTREAM
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.duckdb_engine import DuckDBEngine
from credit_risk_dagster.datamart.lineage import inputs_of, versions_behind
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.months import first_day
from credit_risk_dagster.resources.tables import open_index
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import STORED
from credit_risk_dagster.tables.definitions import definition_of
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.panel import DORMANT
from credit_risk_dagster_tests.automation.test_due import DELIVERED, fill
from credit_risk_dagster_tests.reference_tables import (
    CLICKSTREAM_SO_FAR,
    SILVER_CLICKSTREAM,
    SILVER_LOANS,
)
from credit_risk_dagster_tests.table_runs import run_tables
from credit_risk_dagster_tests.tables.panels import states
from credit_risk_dagster_tests.tables.refined import filled
from credit_risk_dagster_tests.tables.test_panel import DAYS, MONTHS, PANELS, as_readings

Panel = dict[tuple[str, Any], tuple[int | None, int | None]]

SILENT: Panel = {("A", DAYS[0]): (4, 1)} | {("B", day): (1, 1) for day in DAYS}
"""A gives a reading in the first month alone, and is dormant from the third on; B always does."""


def installation(home: Path, kept_for: int = 2) -> Settings:
    return Settings(
        home=home, first_month=MONTHS[0], last_month=MONTHS[-1], panel_state_months=kept_for
    )


def write(at: Settings, table: Table, rows: Sequence[Mapping[str, Any]], month: str) -> None:
    """Write those rows that are of a month."""
    of_month = [row for row in rows if row["snapshot_date"] == first_day(month)]
    draft = Draft(month, {}, definition_of(table), facts={"delivered": 0})
    Datamart(at.home).open(table, [month]).write(draft, filled(table, of_month))


def give(at: Settings, panel: Panel, months: Sequence[str] = MONTHS) -> None:
    for month in months:
        write(at, SILVER_CLICKSTREAM, as_readings(panel), month)


def make(at: Settings, *months: str) -> None:
    written = write_states(CLICKSTREAM, list(months), Datamart(at.home), at, DuckDBEngine())
    assert [month for month, _ in written] == list(months)


def records(at: Settings) -> dict[str, MonthRecord]:
    return Datamart(at.home).records(CLICKSTREAM_SO_FAR)


def require_same(one: Settings, other: Settings) -> None:
    there = records(other)
    for month, record in records(one).items():
        assert record.says_the_same_as(there[month]), month
        assert record.as_input().content_hash == there[month].as_input().content_hash


@pytest.mark.slow
@settings(deadline=None, max_examples=6)
@given(panel=PANELS, correction=PANELS, kept_for=st.integers(1, 3), split=st.integers(1, 7))
@pytest.mark.long
def test_a_range_single_months_and_months_that_were_corrected_are_the_same(
    panel: Panel, correction: Panel, kept_for: int, split: int
) -> None:
    """And are what the pure step makes where it may look into all dormant rows."""
    with TemporaryDirectory() as folder:
        at_once, corrected = (
            installation(Path(folder, name), kept_for) for name in ("at once", "corrected")
        )
        give(at_once, correction)
        make(at_once, *MONTHS)
        give(corrected, panel)
        make(corrected, *MONTHS[:split])
        for month in MONTHS[split:]:
            make(corrected, month)
        give(corrected, correction)
        for month in MONTHS:
            make(corrected, month)

        require_same(corrected, at_once)
        datamart = Datamart(at_once.home)
        for month, state in states(as_readings(correction), MONTHS, kept_for).items():
            found = datamart.read(CLICKSTREAM_SO_FAR, [month])
            assert found.equals(state.rows.sort_by("customer_id"))
            dormant = datamart.read_beside(CLICKSTREAM_SO_FAR, month, DORMANT)
            assert dormant.equals(state.dormant.sort_by("customer_id"))


def test_a_state_names_the_version_of_the_one_before_though_both_are_one_commit(
    tmp_path: Path,
) -> None:
    at = installation(tmp_path)
    give(at, SILENT)
    make(at, *MONTHS)
    datamart, made = Datamart(at.home), records(at)
    assert {record.version for record in made.values()} == {1}
    for before, month in pairwise(MONTHS):
        assert set(made[month].inputs) == {
            f"silver/clickstream_so_far/{before}",
            f"silver/clickstream/{month}",
        }
        assert made[before] in inputs_of(datamart, STORED, made[month])
    behind = versions_behind(datamart, STORED, made[MONTHS[-1]])
    assert {month for path, month in behind if path == SILVER_CLICKSTREAM.path} == set(MONTHS)


def test_a_range_that_goes_on_from_months_that_are_there_names_their_versions(
    tmp_path: Path,
) -> None:
    at = installation(tmp_path)
    give(at, SILENT)
    make(at, *MONTHS[:3])
    make(at, *MONTHS[1:5])
    made = records(at)
    assert [made[month].version for month in MONTHS[:5]] == [1, 1, 1, 2, 2]
    names = [f"silver/clickstream_so_far/{month}" for month in MONTHS[2:4]]
    assert made[MONTHS[3]].input_versions[names[0]] == 1
    assert made[MONTHS[4]].input_versions[names[1]] == 2


def dormant_files(at: Settings) -> list[Path]:
    return Datamart(at.home).files_beside(CLICKSTREAM_SO_FAR, MONTHS[2], DORMANT)


def test_dormant_rows_are_read_only_for_a_customer_who_returns(tmp_path: Path) -> None:
    at = installation(tmp_path)
    give(at, SILENT | {("new", DAYS[5]): (1, 1), ("A", DAYS[6]): (6, 1)})
    make(at, *MONTHS[:5])
    (file,) = dormant_files(at)
    kept = file.read_bytes()
    file.unlink()
    make(at, MONTHS[5])
    with pytest.raises(PartitionError, match=f"silver/clickstream_so_far/{MONTHS[2]} is damaged"):
        make(at, MONTHS[6])
    file.write_bytes(kept)
    make(at, MONTHS[6])
    rows = Datamart(at.home).read(CLICKSTREAM_SO_FAR, [MONTHS[6]]).to_pylist()
    assert {row["customer_id"]: row["fe_1_sum"] for row in rows} == {"A": 10, "B": 7, "new": 1}


def test_a_dormant_customer_is_not_looked_up_past_a_month_that_was_corrected_alone(
    tmp_path: Path,
) -> None:
    """A late reading woke A in the month in which it had left; the months after are of before."""
    at = installation(tmp_path)
    give(at, SILENT | {("A", DAYS[6]): (6, 1)})
    make(at, *MONTHS[:6])
    give(at, {**SILENT, ("A", DAYS[2]): (7, 1)}, [MONTHS[2]])
    make(at, MONTHS[2])
    with pytest.raises(PartitionError, match=f"clickstream_so_far/{MONTHS[3]} was made of .*order"):
        make(at, MONTHS[6])
    make(at, *MONTHS[3:7])
    rows = Datamart(at.home).read(CLICKSTREAM_SO_FAR, [MONTHS[6]]).to_pylist()
    assert {row["customer_id"]: row["fe_1_sum"] for row in rows}["A"] == 4 + 7 + 6


def test_a_month_whose_state_before_is_missing_says_which_to_run_first(tmp_path: Path) -> None:
    at = installation(tmp_path)
    give(at, SILENT)
    with pytest.raises(PartitionError, match=f"clickstream_so_far/{MONTHS[1]} is missing"):
        make(at, MONTHS[2])


APPLIED = {"A": DAYS[5], "B": DAYS[4]}
"""When the customers apply: A when it has been dormant for three months."""


@pytest.fixture
def applied(tmp_path: Path) -> Settings:
    """An installation in which both customers have applied, and nothing is due."""
    at = installation(tmp_path / "home")
    fill(at, MONTHS)
    give(at, SILENT)
    loans = [
        {
            "loan_id": f"{customer}_{day}",
            "customer_id": customer,
            "snapshot_date": day,
            "month_on_book": 0,
        }
        for customer, day in APPLIED.items()
    ]
    for month in MONTHS:
        write(at, SILVER_LOANS, loans, month)
    with dg.DagsterInstance.ephemeral() as instance:
        run = run_tables(at, instance, MONTHS[0], MONTHS[-1], CLICKSTREAM_SO_FAR, FEATURES_TABLE)
        assert run.success
    return at


def features(at: Settings) -> dict[str, dict[str, Any]]:
    rows = Datamart(at.home).read(FEATURES_TABLE, MONTHS).to_pylist()
    return {row["customer_id"]: row for row in rows}


def due(at: Settings) -> tuple[str, str] | None:
    found = next_due_month(at, open_index(at), DELIVERED, MONTHS[-1])
    return (found.month, found.reason) if found is not None else None


@pytest.mark.slow
def test_a_correction_of_an_old_month_renews_the_states_after_it_and_what_it_changes(
    applied: Settings,
) -> None:
    """A is dormant when the correction comes: no row of the newest states tells of it."""
    at = applied
    assert (features(at)["A"]["fe_1_mean"], features(at)["A"]["clickstream_months"]) == (4.0, 1)
    assert features(at)["A"]["latest_input_date"] == APPLIED["A"]
    assert due(at) is None
    datamart, before = Datamart(at.home), records(at)
    untouched = {table.path: datamart.months(table) for table in STORED.values()}
    hashes = {month: one.content_hash for month, one in datamart.records(FEATURES_TABLE).items()}

    give(at, SILENT | {("A", DAYS[0]): (8, 1)}, MONTHS[:1])
    asked = []
    with dg.DagsterInstance.ephemeral() as instance:
        while (found := due(at)) is not None:
            asked.append(found)
            tables = (CLICKSTREAM_SO_FAR, FEATURES_TABLE)
            assert run_tables(at, instance, found[0], found[0], *tables).success

    assert [month for month, _ in asked] == MONTHS
    assert asked[0][1] == (
        f"silver/clickstream/{MONTHS[0]} has changed since "
        f"silver/clickstream_so_far/{MONTHS[0]} was made of it"
    )
    after = records(at)
    changed = [month for month in MONTHS if after[month].content_hash != before[month].content_hash]
    assert changed == MONTHS[:2], "afterwards it is dormant"
    assert features(at)["A"]["fe_1_mean"] == 8.0
    now = {month: one.content_hash for month, one in datamart.records(FEATURES_TABLE).items()}
    assert {month for month in MONTHS if now[month] != hashes[month]} == {str(APPLIED["A"])}
    assert {table.path: datamart.months(table) for table in STORED.values()} == untouched


@pytest.mark.slow
def test_what_did_not_change_is_not_due(applied: Settings) -> None:
    give(applied, SILENT)
    assert due(applied) is None
