"""A backup holds everything of an installation, as of one moment, and only its owner reads it."""

import sqlite3
from pathlib import Path

import dagster as dg
import pytest

from credit_risk_dagster.datamart.disk import sha256_of
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations import backup as backing_up
from credit_risk_dagster.operations.backup import take_backup
from credit_risk_dagster.operations.backup_manifest import MANIFEST, BackupManifest
from credit_risk_dagster.operations.trees import mode_of
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.operations.installed import NO_SERVER, address, back_up_small
from credit_risk_dagster_tests.scored import PERSON


def files_of(folder: Path) -> set[str]:
    """Return the files of a folder, but for what an open SQLite database keeps beside its own."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix()
        for path in files
        if path.suffix not in (".db-wal", ".db-shm")
    }


def started_run(run_id: str) -> dg.DagsterRun:
    return dg.DagsterRun("monthly", run_id=run_id, status=dg.DagsterRunStatus.STARTED)


def test_the_manifest_names_every_file_of_the_home_with_its_sha256(
    installation: Settings, backup: tuple[Path, BackupManifest, str]
) -> None:
    folder, manifest, sha256 = backup
    kept = files_of(folder / "home")

    assert files_of(folder) == set(manifest.files) | {MANIFEST}
    assert all(sha256_of(folder / name) == file.sha256 for name, file in manifest.files.items())
    assert sha256_of(folder / MANIFEST) == sha256
    assert kept == files_of(installation.home)
    assert {name.partition("/")[0] for name in kept} >= {
        "dagster",
        "mlflow",
        "models",
        "monitoring",
        "reports",
        "settings.env",
        "tables",
    }


def test_the_manifest_says_what_it_holds_and_what_wrote_it(
    backup: tuple[Path, BackupManifest, str],
) -> None:
    manifest = backup[1]

    assert manifest.counts["models"] == 3
    assert manifest.counts["dagster_runs"] == 1
    assert manifest.counts["partitions"] > 200
    assert manifest.versions["dagster"] == dg.__version__
    assert not manifest.has_raw


def test_raw_extracts_are_backed_up_only_when_they_are_asked_for(
    small: Settings, backup: tuple[Path, BackupManifest, str], tmp_path: Path
) -> None:
    without, _ = back_up_small(small, tmp_path / "without")
    with_raw, _ = back_up_small(small, tmp_path / "with", with_raw=True)

    assert not [name for name in {**without.files, **backup[1].files} if name.endswith(".csv")]
    added = set(with_raw.files) - set(without.files)
    assert added == {f"home/raw/{path.name}" for path in small.raw_folder.iterdir()}
    attributes = tmp_path / "with" / "home" / "raw" / "features_attributes.csv"
    assert PERSON["SSN"] in attributes.read_text(encoding="utf-8")


def test_nobody_but_its_owner_can_read_a_backup(backup: tuple[Path, BackupManifest, str]) -> None:
    folder = backup[0]
    modes = {mode_of(path) for path in folder.rglob("*") if path.is_file()}

    assert modes == {0o600}
    assert mode_of(folder) == mode_of(folder / "home" / "tables") == 0o700


def test_what_killed_runs_left_behind_is_not_backed_up(small: Settings, tmp_path: Path) -> None:
    before = files_of(small.home)
    half_written = [
        small.home / "tables" / "gold" / "cohort" / ".staging" / "1f" / "rows.parquet",
        small.home / "tables" / "gold" / "cohort" / "2024-01-01" / "1f" / "rows.parquet",
        small.home / "models" / f".{'0' * 32}" / "model.skops",
        small.home / "tables" / "gold" / "cohort" / ".2024-01-01.json.77",
    ]
    for path in half_written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    back_up_small(small, tmp_path / "backup")

    assert files_of(tmp_path / "backup" / "home") == before


def test_a_backup_is_refused_while_a_run_is_at_work(installation: Settings, tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_run(started_run("11111111-1111-1111-1111-111111111111"))
        with pytest.raises(PlatformError, match=r"Run 11111111.* is started; a backup is taken"):
            take_backup(installation, instance, tmp_path / "backup", NO_SERVER)

    assert not (tmp_path / "backup").exists()


def test_a_backup_during_which_a_run_began_is_thrown_away(
    small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_all = backing_up._keep_all
    with dg.DagsterInstance.ephemeral() as instance:

        def keep_all_while_a_run_comes_and_goes(*arguments: object) -> object:
            ended = started_run("22222222-2222-2222-2222-222222222222")
            instance.add_run(ended.with_status(dg.DagsterRunStatus.SUCCESS))
            return keep_all(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(backing_up, "_keep_all", keep_all_while_a_run_comes_and_goes)
        with pytest.raises(PlatformError, match="A run began while the backup was taken"):
            take_backup(small, instance, tmp_path / "backup", NO_SERVER)

    assert not (tmp_path / "backup").exists()


def test_a_damaged_database_stops_the_backup_and_is_named(small: Settings, tmp_path: Path) -> None:
    database = small.home / "mlflow" / "mlflow.db"
    content = bytearray(database.read_bytes())
    content[8192:16384] = b"\xff" * 8192
    database.write_bytes(content)

    with pytest.raises(PlatformError, match=r"mlflow\.db cannot be backed up"):
        back_up_small(small, tmp_path / "backup")

    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("place", ["home", "raw_folder"])
def test_a_backup_is_not_written_into_what_it_backs_up(small: Settings, place: str) -> None:
    with pytest.raises(PlatformError, match="would be lost with it"):
        back_up_small(small, getattr(small, place) / "backup")


def test_a_backup_does_not_mix_with_another(
    small: Settings, backup: tuple[Path, BackupManifest, str]
) -> None:
    with pytest.raises(PlatformError, match="Give each backup a folder of its own"):
        back_up_small(small, backup[0])


def test_a_home_without_an_installation_is_refused(small: Settings, tmp_path: Path) -> None:
    settings = small.model_copy(update={"home": tmp_path / "empty"})

    with pytest.raises(PlatformError, match="holds no installation"):
        back_up_small(settings, tmp_path / "backup")


def test_a_store_that_is_not_known_here_is_refused_and_named(
    small: Settings, tmp_path: Path
) -> None:
    settings = small.model_copy(update={"mlflow_tracking_uri": address("mysql", 3306)})

    with pytest.raises(PlatformError, match=r"mlflow is kept in mysql://risk:\*\*\*@127\.0\.0\.1"):
        back_up_small(settings, tmp_path / "backup")


def test_what_is_behind_an_mlflow_server_must_be_named(small: Settings, tmp_path: Path) -> None:
    settings = small.model_copy(update={"mlflow_tracking_uri": "http://mlflow:5000"})

    with pytest.raises(PlatformError, match="--mlflow-database"):
        back_up_small(settings, tmp_path / "backup")


def test_artifacts_in_an_object_store_are_said_to_be_missing(
    small: Settings, tmp_path: Path
) -> None:
    settings = small.model_copy(update={"mlflow_artifacts": "s3://bucket/artifacts"})

    manifest, _ = back_up_small(settings, tmp_path / "backup")

    assert manifest.elsewhere == ["MLflow's artifacts in s3://bucket/artifacts"]


def test_every_database_of_a_backup_is_whole(backup: tuple[Path, BackupManifest, str]) -> None:
    databases = list(backup[0].rglob("*.db"))

    assert len(databases) >= 5
    for path in databases:
        verdict = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
        assert verdict.execute("PRAGMA integrity_check").fetchone() == ("ok",)
