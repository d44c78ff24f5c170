"""A new definition computes again what follows from deliveries, and leaves what was decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pytest

from credit_risk_dagster.assets.monthly import KEPT, asset_key
from credit_risk_dagster.automation.due import next_due_month
from credit_risk_dagster.contract.reference import LOANS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.resources.tables import open_index
from credit_risk_dagster.resources.tracking import REGISTERED_MODEL, model_tracking
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.definitions import definition_of
from credit_risk_dagster.tables.gold import LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.training import CANDIDATE_TABLES, TRAINING_DECISION
from credit_risk_dagster_tests.checks.tampering import tamper, with_values
from credit_risk_dagster_tests.deliveries import change_rows, readable, set_values
from credit_risk_dagster_tests.installation import content
from credit_risk_dagster_tests.redefined import another_definition_of_default
from credit_risk_dagster_tests.scored import (
    CARRIED_OVER,
    FIRST,
    TRAINED,
    copy_of,
    scored_installation,
)
from credit_risk_dagster_tests.table_runs import failures, run_tables

pytestmark = pytest.mark.slow

MONTHS = month_range(FIRST, CARRIED_OVER)
DECISIONS = [table for table in ALL_TABLES if table.decides]


@dataclass(frozen=True)
class Redefined:
    """An installation before and after a definition changed and all its months were run again."""

    before: Settings
    after: Settings
    kept: Mapping[str, set[str]]
    """The months that the run reported as kept, by table."""


@pytest.fixture(scope="module")
def redefined(tmp_path_factory: pytest.TempPathFactory) -> Redefined:
    before = scored_installation(tmp_path_factory)
    after = copy_of(before, tmp_path_factory.mktemp("redefined"), last_month=CARRIED_OVER)
    with another_definition_of_default(), dg.DagsterInstance.ephemeral() as instance:
        result = run_tables(after, instance, FIRST, CARRIED_OVER)
    assert result.success
    return Redefined(before, after, {table.path: kept_by(result, table) for table in ALL_TABLES})


def kept_by(result: dg.ExecuteInProcessResult, table: Table) -> set[str]:
    """Return the months of a table that a run left as decided by the definitions of then."""
    events = result.get_asset_materialization_events()
    found = [event for event in events if event.asset_key == asset_key(table)]
    return {
        str(event.partition)
        for event in found
        if "kept" in event.materialization.metadata
        and event.materialization.metadata["kept"].value == KEPT
    }


def records(settings: Settings, table: Table) -> dict[str, MonthRecord]:
    return Datamart(settings.home).records(table)


def rows(settings: Settings, table: Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Datamart(settings.home).read(table, MONTHS).to_pylist()
    return found


def due(settings: Settings) -> str | None:
    """Return why a month is to be run, if one is."""
    deliveries = readable(settings)
    found = next_due_month(settings, open_index(settings), deliveries, CARRIED_OVER)
    return None if found is None else found.reason


def test_the_months_of_the_table_are_due_until_they_were_run_and_then_nothing_is(
    redefined: Redefined, tmp_path: Path
) -> None:
    settings = copy_of(redefined.before, tmp_path, last_month=CARRIED_OVER)
    assert due(settings) is None
    with another_definition_of_default():
        assert due(settings) == (
            "gold/labels/2023-01-01 was made by another definition than today's"
        )
        assert due(redefined.after) is None
    assert due(redefined.after) == (
        "gold/labels/2023-01-01 was made by another definition than today's"
    )


def test_what_follows_from_deliveries_is_computed_by_the_new_definition(
    redefined: Redefined,
) -> None:
    defaults = [
        pc.sum(Datamart(settings.home).read(LABELS, MONTHS).column("default")).as_py()
        for settings in (redefined.before, redefined.after)
    ]
    assert 0 < defaults[1] < defaults[0]
    with another_definition_of_default():
        version = definition_of(LABELS)
    assert {record.definition for record in records(redefined.after, LABELS).values()} == {version}
    assert redefined.kept[LABELS.path] == set()


@pytest.mark.parametrize("table", DECISIONS, ids=lambda table: table.path)
def test_no_decision_model_or_score_changes_and_each_says_by_which_definitions_it_was_made(
    redefined: Redefined, table: Table
) -> None:
    assert rows(redefined.after, table) == rows(redefined.before, table)
    then, now = records(redefined.before, table), records(redefined.after, table)
    for month in MONTHS:
        assert now[month].content_hash == then[month].content_hash
        assert now[month].beside.keys() == then[month].beside.keys()
        for made_by in ("definition", "recipe", "origin", "facts"):
            assert getattr(now[month], made_by) == getattr(then[month], made_by), made_by


@pytest.mark.parametrize(
    "table", [TRAINING_DECISION, *CANDIDATE_TABLES.values()], ids=lambda table: table.path
)
def test_a_decision_that_rests_on_the_new_definition_is_reported_as_kept(
    redefined: Redefined, table: Table
) -> None:
    assert TRAINED in redefined.kept[table.path]
    datamart = Datamart(redefined.after.home)
    inputs = datamart.required_record(table, TRAINED).inputs
    now = {
        record.partition: record.content_hash
        for one in ALL_TABLES
        for record in records(redefined.after, one).values()
    }
    assert inputs == {name: now[name] for name in inputs}, "it records what is there today"


def test_models_and_mlflow_are_as_they_were(redefined: Redefined) -> None:
    def tracked(settings: Settings) -> tuple[list[str], list[str], list[str]]:
        tracking = model_tracking(settings)
        client = tracking.client()
        versions = client.search_model_versions(f"name = '{REGISTERED_MODEL}'")
        return (
            sorted(run.info.run_id for run in client.search_runs([tracking.experiment_id()])),
            sorted(f"{version.version} {version.tags['model_id']}" for version in versions),
            sorted(path.name for path in (settings.home / "models").iterdir()),
        )

    assert tracked(redefined.after) == tracked(redefined.before)


def test_running_the_months_once_more_changes_nothing(redefined: Redefined) -> None:
    before = content(redefined.after)
    with another_definition_of_default(), dg.DagsterInstance.ephemeral() as instance:
        assert run_tables(redefined.after, instance, TRAINED, CARRIED_OVER).success
    assert content(redefined.after) == before


@pytest.mark.long
def test_a_corrected_delivery_is_decided_on_anew_by_todays_definitions(
    redefined: Redefined, tmp_path: Path
) -> None:
    """A model learns from it and scores again, beside the issued scores."""
    settings = copy_of(redefined.after, tmp_path)
    issued = Datamart(settings.home).read(PREDICTIONS, [TRAINED])
    then = {table.path: records(settings, table)[TRAINED] for table in DECISIONS}
    corrected = add_months(TRAINED, -1)
    change_rows(settings, LOANS, set_values("loan_amt", "9000", 1), corrected)
    with another_definition_of_default(), dg.DagsterInstance.ephemeral() as instance:
        result = run_tables(settings, instance, corrected, TRAINED)

    assert result.success
    for table in DECISIONS:
        now = records(settings, table)[TRAINED]
        assert now.origin != then[table.path].origin
        assert now.recipe != then[table.path].recipe
        assert TRAINED not in kept_by(result, table)
    scores = Datamart(settings.home).read(PREDICTIONS, [TRAINED])
    assert scores.slice(0, issued.num_rows).equals(issued)
    revised = scores.slice(issued.num_rows)
    assert set(revised.column("revision").to_pylist()) == {1}
    assert not set(revised.column("model_id").to_pylist()) & {
        *issued.column("model_id").to_pylist()
    }


def test_a_damaged_decision_is_not_decided_anew_by_todays_definitions(
    redefined: Redefined, tmp_path: Path
) -> None:
    settings = copy_of(redefined.after, tmp_path)
    tamper(settings, PRODUCTION_MODEL, TRAINED, with_values(reason="Because."))
    with another_definition_of_default(), dg.DagsterInstance.ephemeral() as instance:
        result = run_tables(settings, instance, TRAINED, TRAINED, PRODUCTION_MODEL)

    assert failures(result)["production__production_model"] == (
        "production/production_model/2024-01-01 was decided by the definitions of then, and is "
        "damaged. Restore tables/production/production_model from a backup: today's definitions "
        "would decide anew."
    )
