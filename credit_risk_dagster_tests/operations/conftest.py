"""One installation for all tests of operations, and one backup of it."""

import shutil
from pathlib import Path

import pytest

from credit_risk_dagster.operations.backup_manifest import BackupManifest
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.operations.installed import (
    back_up,
    back_up_small,
    operated_installation,
)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation that no test changes."""
    return operated_installation(tmp_path_factory)


@pytest.fixture(scope="session")
def backup(
    installation: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, BackupManifest, str]:
    """A backup of it that no test changes: its folder, its manifest, the manifest's SHA-256."""
    folder = tmp_path_factory.mktemp("backups") / "first"
    return folder, *back_up(installation, folder)


@pytest.fixture(scope="session")
def small_home(installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one table, MLflow and settings."""
    home = tmp_path_factory.mktemp("small") / "home"
    for name in ("tables/gold/cohort", "mlflow"):
        shutil.copytree(installation.home / name, home / name)
    shutil.copyfile(installation.home / "settings.env", home / "settings.env")
    return home


@pytest.fixture
def small(installation: Settings, small_home: Path, tmp_path: Path) -> Settings:
    """A small installation, to be changed."""
    home = shutil.copytree(small_home, tmp_path / "small")
    return installation.model_copy(update={"home": home})


@pytest.fixture(scope="session")
def small_backup(
    installation: Settings, small_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, BackupManifest, str]:
    """A backup of the small installation."""
    folder = tmp_path_factory.mktemp("small_backups") / "first"
    return folder, *back_up_small(installation.model_copy(update={"home": small_home}), folder)


@pytest.fixture
def copied(small_backup: tuple[Path, BackupManifest, str], tmp_path: Path) -> Path:
    """A copy of that backup, to be damaged."""
    return Path(shutil.copytree(small_backup[0], tmp_path / "backup"))
