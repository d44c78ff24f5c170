"""The same months give the same content, models and scores, however they are run."""

from pathlib import Path

import dagster as dg
import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.resources.tracking import (
    MONITORING_EXPERIMENT,
    REGISTERED_MODEL,
    model_tracking,
)
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.training import TRAINING_DECISION
from credit_risk_dagster_tests.installation import content, keep_months, run
from credit_risk_dagster_tests.scored import (
    FIRST,
    PORTFOLIO,
    TRAINED,
    WAITING,
    copy_of,
    scored_installation,
)

LAST = WAITING


@pytest.fixture(scope="module")
def ranged(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """All months up to the first training's next in one run, then the month that trains again."""
    settings = copy_of(scored_installation(tmp_path_factory), tmp_path_factory.mktemp("ranged"))
    with dg.DagsterInstance.ephemeral() as instance:
        run(training_again(settings), instance, LAST, LAST)
    return settings


def training_again(settings: Settings) -> Settings:
    """Return the settings with which the last month trains again."""
    policy = settings.policy.model_copy(update={"retrain_after_months": 2})
    return settings.model_copy(update={"policy": policy})


def empty(like: Settings, folder: Path) -> Settings:
    """Return an installation on the same deliveries in which nothing was run."""
    return like.model_copy(update={"home": folder / "home"})


def tracked(settings: Settings) -> tuple[list[str], list[str]]:
    """Return the ids of all MLflow runs and the registered versions with their models."""
    tracking = model_tracking(settings)
    client = tracking.client()
    runs = client.search_runs([tracking.experiment_id()])
    versions = client.search_model_versions(f"name = '{REGISTERED_MODEL}'")
    return (
        sorted(found.info.run_id for found in runs),
        sorted(f"{found.version} {found.tags['model_id']}" for found in versions),
    )


def stored_files(settings: Settings) -> dict[Path, int]:
    """Return every file of every table, rows and log, with the time of its last change."""
    files = (path for path in Path(settings.home, "tables").rglob("*") if path.is_file())
    return {path: path.stat().st_mtime_ns for path in files}


@pytest.mark.slow
def test_months_run_one_by_one_give_what_a_range_in_one_run_gives(
    ranged: Settings, tmp_path: Path
) -> None:
    """From the last month of too little history on: train, carry over, train again."""
    settings = empty(ranged, tmp_path)
    *earlier, before, trained, carried, again = PORTFOLIO.month_keys
    keep_months(ranged, settings, earlier)
    with dg.DagsterInstance.ephemeral() as instance:
        for month in (before, trained, carried):
            run(settings, instance, month, month)
        run(training_again(settings), instance, again, again)

    assert content(settings) == content(ranged)
    assert tracked(settings)[1] == tracked(ranged)[1]


@pytest.mark.slow
def test_running_again_adds_nothing_anywhere(ranged: Settings) -> None:
    before, tracked_before = content(ranged), tracked(ranged)
    files = stored_files(ranged)
    models = sorted(path.name for path in Path(ranged.home, "models").iterdir())

    with dg.DagsterInstance.ephemeral() as instance:
        run(ranged, instance, TRAINED, TRAINED)
        run(training_again(ranged), instance, LAST, LAST)

    assert content(ranged) == before
    assert tracked(ranged) == tracked_before
    assert stored_files(ranged) == files
    assert sorted(path.name for path in Path(ranged.home, "models").iterdir()) == models


def test_every_month_says_what_was_decided_and_why(ranged: Settings) -> None:
    datamart = Datamart(ranged.home)
    decisions = datamart.read(TRAINING_DECISION, PORTFOLIO.month_keys).to_pylist()

    assert [row["action"] for row in decisions] == (
        ["too_little_history"] * 12 + ["initial_training", "not_due", "retraining"]
    )
    assert all(row["reason"] for row in decisions)


def test_a_month_without_a_model_issues_no_scores_and_says_why(ranged: Settings) -> None:
    record = Datamart(ranged.home).required_record(PREDICTIONS, FIRST)

    assert record.rows == 0
    assert record.facts["status"] == "no_model"
    assert "6 consecutive cohorts" in record.facts["reason"]


def test_every_score_is_by_the_model_in_production_in_its_month(ranged: Settings) -> None:
    datamart = Datamart(ranged.home)
    for month in PORTFOLIO.month_keys[12:]:
        production = datamart.read(PRODUCTION_MODEL, [month]).to_pylist()[0]["model_id"]
        scores = datamart.read(PREDICTIONS, [month]).to_pandas()
        assert production is not None
        assert set(scores["model_id"]) == {production}
        assert len(scores) == scores["loan_id"].nunique() > 50


def test_the_first_month_alone_is_that_of_the_range_and_opens_the_mlflow_run_of_monitoring_only(
    ranged: Settings, tmp_path: Path
) -> None:
    settings = empty(ranged, tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        run(settings, instance, FIRST, FIRST)

    here, there = content(settings), content(ranged)
    assert here == {name: there[name] for name in here}
    assert len(here) == len(ALL_TABLES)
    client = model_tracking(settings).client()
    names = [found.name for found in client.search_experiments() if found.name != "Default"]
    assert names == [MONITORING_EXPERIMENT]


def test_mlflow_knows_the_production_version_and_every_candidate(ranged: Settings) -> None:
    tracking = model_tracking(ranged)
    client = tracking.client()
    production = client.get_model_version_by_alias(REGISTERED_MODEL, "production")
    record = Datamart(ranged.home).read(PRODUCTION_MODEL, [LAST]).to_pylist()[0]
    runs = client.search_runs([tracking.experiment_id()], "tags.training_key != ''")

    assert production.tags["model_id"] == record["model_id"]
    assert str(production.version) == record["mlflow_version"]
    assert {found.info.status for found in runs} == {"FINISHED"}
    assert sorted(found.data.tags["month"] for found in runs) == [
        *[TRAINED] * 3,
        *[LAST] * 3,
    ]
    assert all("oot_auc" in found.data.metrics for found in runs)


def test_the_registered_model_scores_as_the_platform_does(ranged: Settings) -> None:
    import mlflow.artifacts
    import skops.io

    from credit_risk_dagster.models.scoring import score
    from credit_risk_dagster.models.storage import trusted_types
    from credit_risk_dagster.tables.gold import FEATURES_TABLE

    tracking = model_tracking(ranged)
    version = tracking.client().get_model_version_by_alias(REGISTERED_MODEL, "production")
    folder = Path(mlflow.artifacts.download_artifacts(version.source))
    pipeline = skops.io.load(folder / "model.skops", trusted=list(trusted_types()))
    datamart = Datamart(ranged.home)
    features = datamart.read(FEATURES_TABLE, [LAST]).to_pandas()

    issued = datamart.read(PREDICTIONS, [LAST]).to_pandas()["probability"]
    assert score(pipeline, features).tolist() == issued.tolist()
    assert not list(folder.rglob("*.pkl"))
