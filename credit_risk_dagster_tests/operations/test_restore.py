"""A backup becomes the installation that it was, elsewhere; a doubtful one becomes nothing."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import mlflow.artifacts
import pytest

from credit_risk_dagster.command_line.proof import prove_score
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations import restore as restoring
from credit_risk_dagster.operations.backup_manifest import BackupManifest
from credit_risk_dagster.operations.restore import restore_backup
from credit_risk_dagster.operations.trees import KeptFile, mode_of
from credit_risk_dagster.resources.metrics_store import ALERTS, MetricsStore
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.resources.tracking import REGISTERED_MODEL, model_tracking
from credit_risk_dagster.settings import Settings, load_settings
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.installation import content
from credit_risk_dagster_tests.operations.installed import (
    NO_SERVER,
    back_up_small,
    candidate_figures,
    dagster_runs,
    registered_models,
)
from credit_risk_dagster_tests.scored import CARRIED_OVER

Backup = tuple[Path, BackupManifest, str]


@pytest.fixture(scope="module")
def restored(backup: Backup, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder, _, sha256 = backup
    home = tmp_path_factory.mktemp("elsewhere") / "home"
    restore_backup(folder, home, NO_SERVER, sha256)
    return load_settings(home)


def alerts_of(settings: Settings) -> list[dict[str, Any]]:
    return MetricsStore(settings.metrics_store_url).rows(ALERTS.select())


def refused(folder: Path, home: Path, sha256: str | None = None) -> str:
    """Return why a restore was refused; it must have left nothing."""
    with pytest.raises(PlatformError) as refusal:
        restore_backup(folder, home, NO_SERVER, sha256)
    assert not home.exists()
    return str(refusal.value)


def test_every_partition_has_the_content_that_it_had(
    installation: Settings, restored: Settings
) -> None:
    assert content(restored) == content(installation)
    assert restored.model_copy(update={"home": installation.home}) == installation


def test_mlflow_has_the_versions_runs_and_figures_that_it_had(
    installation: Settings, restored: Settings
) -> None:
    assert registered_models(restored) == registered_models(installation)
    assert len(registered_models(restored)) == 1
    assert candidate_figures(restored) == candidate_figures(installation)


def test_mlflow_finds_its_artifacts_where_they_are_now(
    installation: Settings, restored: Settings
) -> None:
    client = model_tracking(restored).client()
    version = client.get_model_version_by_alias(REGISTERED_MODEL, "production")
    folder = Path(mlflow.artifacts.download_artifacts(version.source))

    assert folder.is_relative_to(restored.home.resolve())
    assert (folder / "model.skops").is_file()
    text = (restored.home / "mlflow" / "mlflow.db").read_bytes()
    assert str(installation.home).encode() not in text


def test_dagster_has_the_runs_and_events_that_it_had(
    installation: Settings, restored: Settings
) -> None:
    runs = dagster_runs(restored)

    assert runs == dagster_runs(installation)
    assert [status for status, events in runs.values() if events > 5] == ["SUCCESS"]


def test_metrics_reports_and_settings_are_what_they_were(
    installation: Settings, restored: Settings
) -> None:
    alerts = [
        MetricsStore(one.metrics_store_url).rows(ALERTS.select())
        for one in (restored, installation)
    ]
    report = f"reports/monitoring/{CARRIED_OVER}.html"

    assert alerts[0] == alerts[1] != []
    for name in (report, "settings.env", "dagster/dagster.yaml"):
        assert (restored.home / name).read_bytes() == (installation.home / name).read_bytes()


def test_a_restored_score_is_proved_again(restored: Settings) -> None:
    datamart = Datamart(restored.home)
    loan_id = datamart.read(PREDICTIONS, [CARRIED_OVER]).column("loan_id")[0].as_py()

    proof = prove_score(restored, datamart, ModelStore(restored.home / "models"), loan_id)

    assert proof.model is not None
    assert all(claim.holds for claim in proof.claims)


def test_files_and_folders_keep_their_modes(small: Settings, tmp_path: Path) -> None:
    (small.home / "settings.env").chmod(0o640)
    (small.home / "tables" / "gold").chmod(0o700)
    back_up_small(small, tmp_path / "backup")

    restore_backup(tmp_path / "backup", tmp_path / "home", NO_SERVER)

    assert mode_of(tmp_path / "home" / "settings.env") == 0o640
    assert mode_of(tmp_path / "home" / "tables" / "gold") == 0o700


def test_raw_extracts_are_restored_to_where_the_installation_looks_for_them(
    small: Settings, tmp_path: Path
) -> None:
    back_up_small(small, tmp_path / "backup", with_raw=True)

    restore_backup(tmp_path / "backup", tmp_path / "home", NO_SERVER)

    raw = load_settings(tmp_path / "home").raw_folder
    assert raw == tmp_path / "home" / "raw"
    for path in small.raw_folder.iterdir():
        assert (raw / path.name).read_bytes() == path.read_bytes()


def test_a_home_that_holds_anything_is_not_touched(backup: Backup, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "tables").mkdir(parents=True)
    (home / "tables" / "mine.json").touch()

    with pytest.raises(PlatformError, match=r"is not empty: it holds tables/mine\.json"):
        restore_backup(backup[0], home, NO_SERVER)

    assert [path.name for path in home.iterdir()] == ["tables"]


def test_what_a_deployment_puts_into_the_home_stays(backup: Backup, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "dagster").mkdir(parents=True)
    (home / "reports").mkdir()
    (home / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (home / "README.md").write_text("Ours.")

    restore_backup(backup[0], home, NO_SERVER)

    assert (home / "dagster" / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
    assert (home / "README.md").read_text() == "Ours."
    assert (home / "reports" / "monitoring" / f"{CARRIED_OVER}.html").exists()
    assert len(dagster_runs(load_settings(home))) == 1


def test_a_restore_that_fails_on_the_way_leaves_nothing(
    small_backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_back = restoring.put_back

    def disk_full(source: Path, kept: KeptFile, target: Path) -> None:
        if target.name == "mlflow.db":
            raise OSError(28, "No space left on device")
        put_back(source, kept, target)

    monkeypatch.setattr(restoring, "put_back", disk_full)
    with pytest.raises(OSError, match="No space left"):
        restore_backup(small_backup[0], tmp_path / "home", NO_SERVER)

    assert not (tmp_path / "home").exists()


def test_a_restore_that_was_killed_is_told_from_an_installation(
    backup: Backup, tmp_path: Path
) -> None:
    (tmp_path / "home" / ".restoring" / "tables").mkdir(parents=True)

    with pytest.raises(PlatformError, match="An earlier restore did not end"):
        restore_backup(backup[0], tmp_path / "home", NO_SERVER)


def test_a_store_that_was_kept_elsewhere_is_not_lost_silently(
    backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDIT_RISK_METRICS_URL", f"sqlite:///{tmp_path / 'outside.db'}")

    said = refused(backup[0], tmp_path / "home")

    assert "The backup keeps nothing outside of the home" in said
    assert "would keep the database of metrics" in said


def test_stores_outside_of_the_home_are_restored_where_the_settings_say(
    small: Settings, installation: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = tmp_path / "artifacts"
    shutil.copytree(small.home / "mlflow" / "artifacts", artifacts)
    shutil.copyfile(installation.home / "monitoring" / "metrics.db", tmp_path / "metrics.db")
    settings = small.model_copy(
        update={
            "metrics_url": f"sqlite:///{tmp_path / 'metrics.db'}",
            "mlflow_artifacts": artifacts.as_uri(),
        }
    )
    manifest, _ = back_up_small(settings, tmp_path / "backup")
    monkeypatch.setenv("CREDIT_RISK_METRICS_URL", f"sqlite:///{tmp_path / 'again.db'}")
    monkeypatch.setenv("CREDIT_RISK_MLFLOW_ARTIFACTS", str(tmp_path / "again"))

    restore_backup(tmp_path / "backup", tmp_path / "home", NO_SERVER)

    assert manifest.databases == {"metrics": "databases/metrics.dump"}
    again = load_settings(tmp_path / "home")
    assert alerts_of(again) == alerts_of(installation)
    assert {path.name for path in (tmp_path / "again").iterdir()} == {
        path.name for path in artifacts.iterdir()
    }


def test_a_database_is_closed_when_it_is_restored(restored: Settings) -> None:
    with sqlite3.connect(restored.home / "dagster" / "history" / "runs.db") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() in {("wal",), ("delete",)}
    assert not (restored.home / ".restoring").exists()
