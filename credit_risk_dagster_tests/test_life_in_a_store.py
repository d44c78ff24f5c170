"""A small life of an installation whose tables, models, reports and artifacts are in a store.

A real S3 server over HTTP, which is away for half a minute meanwhile, and a real PostgreSQL.
"""

import threading
from pathlib import Path

import pytest

from credit_risk_dagster.command_line.proof import prove_score
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.resources.model_store import open_models
from credit_risk_dagster.resources.tables import open_datamart, open_store
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.installation import content, run
from credit_risk_dagster_tests.object_store import S3Server
from credit_risk_dagster_tests.postgres import PostgresServer
from credit_risk_dagster_tests.scored import (
    CARRIED_OVER,
    FIRST,
    PORTFOLIO,
    TRAINED,
    scored_installation,
)

SECOND = PORTFOLIO.month_keys[1]
SECONDS_AWAY = 30

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation on a disk, with the same deliveries and settings."""
    return scored_installation(tmp_path_factory)


@pytest.fixture(scope="module")
def there(
    here: Settings, tmp_path_factory: pytest.TempPathFactory, s3: S3Server, postgres: PostgresServer
) -> Settings:
    """An installation in a store, run while the store was away for half a minute."""
    settings = here.model_copy(
        update={
            "home": tmp_path_factory.mktemp("life") / "home",
            "raw": here.raw_folder,
            "tables": s3.uri("life"),
            "metrics_url": postgres.create_database("life"),
            "mlflow_tracking_uri": postgres.create_database("life_mlflow"),
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(settings.dagster_home))
        with open_instance(settings) as instance:
            run(settings, instance, FIRST, FIRST)
            away = [threading.Timer(2, s3.freeze), threading.Timer(2 + SECONDS_AWAY, s3.thaw)]
            for timer in away:
                timer.start()
            try:
                run(settings, instance, SECOND, CARRIED_OVER)
            finally:
                s3.thaw()
                for timer in away:
                    timer.join()
    return settings


def test_every_month_of_every_table_says_what_it_says_on_a_disk(
    here: Settings, there: Settings
) -> None:
    assert content(there) == content(here)


def test_the_log_of_the_run_says_that_the_store_was_away(there: Settings) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(there.dagster_home))
        with open_instance(there) as instance:
            said = [
                event.user_message
                for run in instance.get_runs()
                for event in instance.all_logs(run.run_id)
            ]
    assert any("does not answer" in line and "asked again in" in line for line in said)


def test_nothing_of_tables_models_and_artifacts_is_in_the_home(there: Settings) -> None:
    below = {path.name for path in there.home.iterdir()}
    assert below <= {"dagster", "scratch", "reports", "mlflow", ".lock"}
    assert not list((there.home / "mlflow").rglob("*")) if "mlflow" in below else True
    store = open_store(there)
    assert store is not None
    folders = {name.partition("/")[0] for name in store.names()}
    assert folders >= {"bronze", "silver", "gold", "inference", "models", "reports", "mlflow"}


def test_another_machine_proves_a_score_from_the_store(there: Settings, tmp_path: Path) -> None:
    other = there.model_copy(update={"home": tmp_path / "another home"})
    datamart, models = open_datamart(other), open_models(other)
    loan = datamart.read(PREDICTIONS, [TRAINED])["loan_id"][0].as_py()
    proof = prove_score(other, datamart, models, loan)
    assert all(claim.holds for claim in proof.claims), proof.claims


def test_another_machine_has_nothing_to_do(there: Settings, tmp_path: Path) -> None:
    other = there.model_copy(update={"home": tmp_path / "another home"})
    before = content(there)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(other.dagster_home))
        with open_instance(other) as instance:
            run(other, instance, TRAINED, CARRIED_OVER)
    versions = {table: open_datamart(other).log(PREDICTIONS).newest() for table in [PREDICTIONS]}
    assert content(there) == before
    assert versions == {PREDICTIONS: open_datamart(there).log(PREDICTIONS).newest()}
