"""Databases of a real PostgreSQL are backed up and restored with its own tools."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations import postgresql
from credit_risk_dagster.operations.backup_manifest import BackupManifest
from credit_risk_dagster.operations.databases import connected
from credit_risk_dagster.operations.places import MlflowServer
from credit_risk_dagster.operations.restore import restore_backup
from credit_risk_dagster.resources.metrics_store import ALERTS, MetricsStore
from credit_risk_dagster.resources.tracking import REGISTERED_MODEL, model_tracking
from credit_risk_dagster.settings import Settings, load_settings
from credit_risk_dagster.tables.training import TRAINING_DECISION
from credit_risk_dagster_tests.operations.installed import (
    NO_SERVER,
    back_up,
    candidate_figures,
    dagster_runs,
    open_alert,
    opened,
    registered_models,
)
from credit_risk_dagster_tests.operations.served import (
    DAGSTER_YAML,
    STORES,
    register_model,
    rows_of,
    use_databases,
)
from credit_risk_dagster_tests.ports import free_port
from credit_risk_dagster_tests.postgres import PostgresServer, running_postgres
from credit_risk_dagster_tests.scored import CARRIED_OVER
from credit_risk_dagster_tests.table_runs import run_tables

Backup = tuple[Path, BackupManifest]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        if not (running.programs / "pg_dump").exists():
            pytest.skip("no pg_dump here: this PostgreSQL comes without its client programs")
        yield running


@pytest.fixture(scope="module")
def environment(server: PostgresServer) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PATH", f"{server.programs}{os.pathsep}{os.environ['PATH']}")
        yield environment


@pytest.fixture(scope="module")
def served(
    installation: Settings,
    server: PostgresServer,
    environment: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    """An installation whose three stores are databases of a server, each with its own role."""
    home = tmp_path_factory.mktemp("served") / "home"
    databases = shutil.ignore_patterns("*.db*", "history", "schedules")
    shutil.copytree(installation.home, home, ignore=databases)
    (home / "dagster" / "dagster.yaml").write_text(DAGSTER_YAML)
    use_databases(server, environment, "")
    settings = load_settings(home)
    register_model(settings)
    open_alert(settings)
    with opened(settings) as instance:
        assert run_tables(settings, instance, CARRIED_OVER, CARRIED_OVER, TRAINING_DECISION).success
    return settings


@pytest.fixture(scope="module")
def backup(served: Settings, tmp_path_factory: pytest.TempPathFactory) -> Backup:
    folder = tmp_path_factory.mktemp("backups") / "served"
    return folder, back_up(served, folder)[0]


@pytest.fixture(scope="module")
def restored(
    backup: Backup,
    server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Settings]:
    home = tmp_path_factory.mktemp("elsewhere") / "home"
    with pytest.MonkeyPatch.context() as elsewhere:
        use_databases(server, elsewhere, "_restored")
        restore_backup(backup[0], home, NO_SERVER)
        yield load_settings(home)


def test_each_database_is_dumped_and_no_password_is_written(
    backup: Backup, server: PostgresServer
) -> None:
    folder, record = backup

    assert record.databases == {
        name: f"databases/{name}.dump" for name in ("mlflow", "metrics", "dagster")
    }
    assert {kept.mode for name, kept in record.files.items() if "databases/" in name} == {0o600}
    for path in folder.rglob("*"):
        assert path.is_dir() or server.password.encode() not in path.read_bytes()


def test_every_row_of_every_database_is_restored_under_another_role(
    served: Settings, restored: Settings, server: PostgresServer
) -> None:
    for name in ("monitoring", "dagster"):
        rows = rows_of(server.url(name))
        assert rows_of(server.url(f"{name}_restored")) == rows
        assert any(rows.values())


def test_mlflow_and_dagster_know_what_they_knew(
    served: Settings, restored: Settings, monkeypatch: pytest.MonkeyPatch, server: PostgresServer
) -> None:
    runs = dagster_runs(restored)
    assert [status for status, events in runs.values() if events > 5] == ["SUCCESS"]
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", server.url("dagster"))
    assert dagster_runs(served) == runs
    assert registered_models(restored) == registered_models(served) != []
    assert candidate_figures(restored) == candidate_figures(served)


def test_mlflow_finds_its_artifacts_where_they_are_now(restored: Settings) -> None:
    client = model_tracking(restored).client()
    version = client.get_model_version_by_alias(REGISTERED_MODEL, "production")

    assert version.source.startswith(restored.home.resolve().as_uri())
    assert (Path(version.source.removeprefix("file://")) / "model.skops").read_text() == "a model"


def test_alerts_are_what_they_were(served: Settings, restored: Settings) -> None:
    rows = MetricsStore(restored.metrics_store_url).rows(ALERTS.select())

    assert len(rows) == 1
    assert rows == MetricsStore(served.metrics_store_url).rows(ALERTS.select())


def test_what_an_mlflow_server_keeps_is_backed_up_and_restored_behind_it(
    served: Settings, server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the services: clients know the server alone, its database and folder are named."""
    kept = tmp_path / "served"
    shutil.copytree(served.home / "mlflow" / "artifacts", kept / "artifacts")
    monkeypatch.setenv("CREDIT_RISK_MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("CREDIT_RISK_MLFLOW_ARTIFACTS", "mlflow-artifacts:/credit_risk")
    monkeypatch.setenv("CREDIT_RISK_METRICS_URL", server.url("monitoring"))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", server.url("dagster"))
    record, _ = back_up(
        load_settings(served.home),
        tmp_path / "backup",
        MlflowServer(server.url("mlflow"), kept),
    )
    for name in ("monitoring", "dagster"):
        monkeypatch.setenv(STORES[name], server.create_database(f"{name}_behind"))
    database = server.create_database("mlflow_behind")
    elsewhere = tmp_path / "elsewhere"

    restore_backup(tmp_path / "backup", tmp_path / "home", MlflowServer(database, elsewhere))

    assert set(record.databases) == {"mlflow", "metrics", "dagster"}
    assert rows_of(database) == rows_of(server.url("mlflow"))
    files = [path.relative_to(kept) for path in kept.rglob("*") if path.is_file()]
    assert len(files) > 1
    for file in files:
        assert (elsewhere / file).read_bytes() == (kept / file).read_bytes()


def test_a_database_that_holds_anything_is_not_touched(
    backup: Backup, restored: Settings, tmp_path: Path, server: PostgresServer
) -> None:
    before = rows_of(server.url("dagster_restored"))

    with pytest.raises(PlatformError, match=r"database of mlflow, .*is not empty") as refusal:
        restore_backup(backup[0], tmp_path / "home", NO_SERVER)

    assert server.password not in str(refusal.value)
    assert rows_of(server.url("dagster_restored")) == before
    assert not (tmp_path / "home").exists()


def test_a_database_that_was_used_meanwhile_gets_nothing_and_the_filled_ones_are_named(
    backup: Backup, server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that was not stopped makes its tables after it was seen that there are none."""
    use_databases(server, monkeypatch, "_used")
    load = postgresql.load

    def load_while_a_service_starts(url: sa.URL, release: int, file: Path) -> None:
        if url.database == "mlflow_used":
            with connected(server.url("mlflow_used", "mlflow_used")) as connection:
                connection.execute(sa.text("CREATE TABLE runs (run_uuid text)"))
        load(url, release, file)

    monkeypatch.setattr(postgresql, "load", load_while_a_service_starts)
    with pytest.raises(PlatformError, match=r"pg_restore of .*mlflow_used failed") as refusal:
        restore_backup(backup[0], tmp_path / "home", NO_SERVER)

    assert 'relation "runs" already exists' in str(refusal.value)
    assert "Filled already: " in str(refusal.value)
    assert "/dagster_used, " in str(refusal.value)
    assert rows_of(server.url("mlflow_used")) == {"runs": []}
    assert not (tmp_path / "home").exists()


def test_a_backup_with_databases_is_not_restored_where_there_are_none(
    backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDIT_RISK_METRICS_URL")

    with pytest.raises(PlatformError, match="Set CREDIT_RISK_MLFLOW_TRACKING_URI") as refusal:
        restore_backup(backup[0], tmp_path / "home", NO_SERVER)

    assert "keeps the database of dagster, the database of metrics" in str(refusal.value)


def test_a_server_that_is_down_stops_the_backup_with_its_name_and_without_its_password(
    served: Settings, server: PostgresServer, tmp_path: Path
) -> None:
    wrong = server.url("monitoring").replace(f":{server.port}/", ":1/")
    settings = served.model_copy(update={"metrics_url": wrong})

    with pytest.raises(PlatformError, match=r"The database postgresql.*127\.0\.0\.1:1/") as refusal:
        back_up(settings, tmp_path / "backup")

    assert server.password not in str(refusal.value)
    assert not (tmp_path / "backup").exists()
