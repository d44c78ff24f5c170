"""MLflow's alias and runs follow what the months record, also when a month is corrected."""

from pathlib import Path

import dagster as dg
import pytest
from mlflow.entities.model_registry import ModelVersion

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.resources.tracking import (
    PRODUCTION_ALIAS,
    REGISTERED_MODEL,
    ModelTracking,
    model_tracking,
)
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster_tests.scored import CARRIED_OVER, TRAINED, copy_of, scored_installation
from credit_risk_dagster_tests.table_runs import run_tables

pytestmark = pytest.mark.slow


@pytest.fixture
def scored(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return copy_of(scored_installation(tmp_path_factory), tmp_path)


@pytest.fixture
def tracking(scored: Settings) -> ModelTracking:
    return model_tracking(scored)


def alias(tracking: ModelTracking) -> str | None:
    found = tracking.client().get_registered_model(REGISTERED_MODEL).aliases.get(PRODUCTION_ALIAS)
    return None if found is None else str(found)


def recorded(settings: Settings, month: str) -> str | None:
    rows = Datamart(settings.home).read(PRODUCTION_MODEL, [month]).to_pylist()
    version: str | None = rows[0]["mlflow_version"]
    return version


def another_version(tracking: ModelTracking) -> ModelVersion:
    """A model that a run before the correction had promoted."""
    client = tracking.client()
    (first,) = client.search_model_versions(f"name = '{REGISTERED_MODEL}'")
    return client.create_model_version(
        REGISTERED_MODEL, source=first.source, run_id=first.run_id, tags={"model_id": "another"}
    )


def run_production(settings: Settings, month: str) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_tables(settings, instance, month, month, PRODUCTION_MODEL).success


def test_the_alias_is_on_the_model_that_the_newest_month_records(
    scored: Settings, tracking: ModelTracking
) -> None:
    tracking.put_into_production(str(another_version(tracking).version))
    assert alias(tracking) != recorded(scored, CARRIED_OVER)

    run_production(scored, TRAINED)
    assert alias(tracking) != recorded(scored, CARRIED_OVER), "it is not the newest month"
    run_production(scored, CARRIED_OVER)
    assert alias(tracking) == recorded(scored, CARRIED_OVER) == "1"


def test_a_month_that_is_left_without_a_model_takes_the_alias_away(
    scored: Settings, tracking: ModelTracking
) -> None:
    assert alias(tracking) == "1"
    strict = scored.model_copy(
        update={"policy": scored.policy.model_copy(update={"minimum_auc": 1.0})}
    )
    run_production(strict, TRAINED)
    run_production(strict, CARRIED_OVER)
    assert recorded(strict, CARRIED_OVER) is None
    assert alias(tracking) is None


def test_an_alias_that_is_in_its_place_is_not_written_again(
    tracking: ModelTracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(type(tracking.client()), "set_registered_model_alias")
    tracking.put_into_production("1")
    assert alias(tracking) == "1"


def test_a_run_is_taken_again_only_for_the_model_that_it_holds(tracking: ModelTracking) -> None:
    client = tracking.client()
    (version,) = client.search_model_versions(f"name = '{REGISTERED_MODEL}'")
    tags = client.get_run(version.run_id).data.tags

    assert tracking.finished_run(tags["training_key"], tags["model_id"]) == version.run_id
    assert tracking.finished_run(tags["training_key"], "2024-01-xgboost-000000000000") is None
