"""Restoring a backup: verified first, written beside, then moved in."""

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster._core.instance.config import DAGSTER_CONFIG_YAML_FILENAME
from packaging.version import Version

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations import databases
from credit_risk_dagster.operations.artifact_addresses import follow_artifacts
from credit_risk_dagster.operations.backup import ARTIFACTS, HOME
from credit_risk_dagster.operations.backup_manifest import (
    BackupManifest,
    installed_versions,
    read_backup_manifest,
    verify_backup,
)
from credit_risk_dagster.operations.leftovers import RESTORING
from credit_risk_dagster.operations.places import (
    MLFLOW,
    STORES_IN_ONE,
    MlflowServer,
    Places,
    places_outside,
)
from credit_risk_dagster.operations.trees import move_in, put_back
from credit_risk_dagster.settings import SETTINGS_FILE, Settings, load_settings

NOT_OURS = {"README.md", "lost+found", "dagster/dagster.yaml", "dagster/workspace.yaml"}
"""What a deployment may put into a home before anything of an installation is there."""

RAW_SETTING = re.compile(r"\s*(export\s+)?CREDIT_RISK_RAW\s*=", re.IGNORECASE)

MIGRATIONS = {
    "dagster": "`dagster instance migrate`",
    "mlflow": "`mlflow db upgrade` with the address of its database",
}


def restore_backup(
    folder: Path, home: Path, server: MlflowServer, sha256: str | None = None
) -> BackupManifest:
    """Restore an installation into an empty home, and into empty databases where it has some.

    Args:
        folder: the backup.
        home: the home of the restored installation; absent or empty.
        server: what is behind its MLflow server, if it has one.
        sha256: that of the backup's manifest, if it was kept apart from the backup.

    Returns:
        The manifest of the backup.

    Raises:
        PlatformError: if the backup is not what was written, or something is in the way; then
            nothing is changed but, at most, databases that the message names.
    """
    manifest = read_backup_manifest(folder, sha256)
    _refuse_newer(manifest)
    verify_backup(folder, manifest)
    settings = load_settings(folder / HOME).model_copy(update={"home": home})
    places = places_outside(settings, server, _dagster_config(folder, settings))
    _refuse_filled(manifest, home, places)
    with _staged(folder, manifest, HOME, home) as staged:
        if manifest.has_raw:
            _read_raw_from_home(staged / SETTINGS_FILE)
        if places.artifacts is None:
            _fill(folder, manifest, settings, places, staged)
            move_in(staged, home, last=SETTINGS_FILE)
            return manifest
        with _staged(folder, manifest, ARTIFACTS, places.artifacts) as artifacts:
            _fill(folder, manifest, settings, places, staged)
            move_in(artifacts, places.artifacts, last="")
            move_in(staged, home, last=SETTINGS_FILE)
    return manifest


def _dagster_config(folder: Path, settings: Settings) -> Path:
    """Return where the `dagster.yaml` is that will hold: the deployment's, else the backup's."""
    is_deployed = (settings.dagster_home / DAGSTER_CONFIG_YAML_FILENAME).exists()
    return settings.dagster_home if is_deployed else folder / HOME / settings.dagster_home.name


def migrations(manifest: BackupManifest) -> list[str]:
    """Return the commands that bring the databases of an older release up to date."""
    installed = installed_versions()
    return [
        command
        for name, command in MIGRATIONS.items()
        if Version(manifest.versions[name]) < Version(installed[name])
    ]


def _refuse_newer(manifest: BackupManifest) -> None:
    installed = installed_versions()
    for name in MIGRATIONS:
        written = manifest.versions[name]
        if Version(written) > Version(installed[name]):
            raise PlatformError(
                f"The backup was written with {name} {written}; installed is {installed[name]}, "
                "which may not read its database. Restore it with the release that wrote it."
            )


def _refuse_filled(manifest: BackupManifest, home: Path, places: Places) -> None:
    """Check that everything that is to be written has an empty place, and fits in."""
    _require_empty(home, "The home")
    if places.artifacts is not None:
        _require_empty(places.artifacts, "The folder of MLflow's artifacts")
    has_artifacts = ARTIFACTS in manifest.folders
    if set(places.databases) != set(manifest.databases) or has_artifacts != bool(places.artifacts):
        raise PlatformError(
            f"The backup keeps {_named(manifest.databases, has_artifacts)} outside of the home; "
            f"this installation would keep {_named(places.databases, bool(places.artifacts))} "
            "there. Set CREDIT_RISK_MLFLOW_TRACKING_URI, CREDIT_RISK_MLFLOW_ARTIFACTS, "
            "CREDIT_RISK_METRICS_URL and dagster.yaml as they were."
        )
    for stores, url in places.databases.items():
        databases.refuse_filled(stores, url)
    needed = sum(kept.size for kept in manifest.files.values())
    disk = next(path for path in (home.resolve(), *home.resolve().parents) if path.exists())
    free = shutil.disk_usage(disk).free
    if free < needed:
        raise PlatformError(
            f"The backup holds {needed:,} bytes, and the disk of {home} has {free:,} left. Make "
            "room, or give --home another disk."
        )


def _named(stores: Iterable[str], has_artifacts: bool) -> str:
    named = [f"the database of {name}" for name in sorted(stores)]
    return ", ".join(named + ["artifacts"] * has_artifacts) or "nothing"


def _require_empty(folder: Path, name: str) -> None:
    """Check that a folder holds no file; a deployment's own, and empty folders, do not count."""
    files = (path for path in folder.rglob("*") if not path.is_dir() or path.name == RESTORING)
    found = sorted({path.relative_to(folder).as_posix() for path in files} - NOT_OURS)
    if found:
        remedy = (
            f"An earlier restore did not end: empty {folder} and restore again."
            if found[0].startswith(RESTORING)
            else "Restore into an empty folder, then move it where it belongs."
        )
        raise PlatformError(f"{name} {folder} is not empty: it holds {found[0]}. {remedy}")


@contextmanager
def _staged(folder: Path, manifest: BackupManifest, tree: str, target: Path) -> Iterator[Path]:
    """Copy a tree of the backup into a folder of its target that no reader looks at."""
    was_there = target.exists()
    target.mkdir(parents=True, exist_ok=True)
    staging = target / RESTORING
    try:
        places = {name: mode for name, mode in manifest.folders.items() if _is_of(tree, name)}
        for name in sorted(places):
            (staging / Path(name).relative_to(tree)).mkdir()
        for name, kept in manifest.files.items():
            if _is_of(tree, name):
                put_back(folder / name, kept, staging / Path(name).relative_to(tree))
        for name in sorted(places.keys() - {tree}, reverse=True):
            (staging / Path(name).relative_to(tree)).chmod(places[name])
        yield staging
        target.chmod(places[tree])
    finally:
        shutil.rmtree(staging)
        if not was_there and not any(target.iterdir()):
            target.rmdir()


def _is_of(tree: str, name: str) -> bool:
    return name == tree or name.startswith(f"{tree}/")


def _fill(
    folder: Path, manifest: BackupManifest, settings: Settings, places: Places, staged: Path
) -> None:
    """Fill the databases, and let MLflow's name the artifacts where they are now."""
    filled: list[str] = []
    try:
        for stores, name in manifest.databases.items():
            databases.load(places.databases[stores], folder / name)
            filled.append(databases.shown(places.databases[stores]))
        tracking = _tracking_database(settings, places, staged)
        if tracking is not None:
            follow_artifacts(tracking, manifest.artifact_location, settings.artifact_location)
    except PlatformError as error:
        said = f" Filled already: {', '.join(filled)}; empty them first." if filled else ""
        raise PlatformError(f"{error}{said}") from error


def _tracking_database(settings: Settings, places: Places, staged: Path) -> str | None:
    """Return the database of MLflow as it is before the home is moved in; None if it has none."""
    for stores, url in places.databases.items():
        if MLFLOW in stores.split(STORES_IN_ONE):
            return url
    file = databases.sqlite_file(settings.tracking_uri)
    beside = staged / file.relative_to(settings.home.resolve()) if file else None
    return f"sqlite:///{beside.resolve()}" if beside and beside.exists() else None


def _read_raw_from_home(settings_file: Path) -> None:
    """Forget where extracts arrived before: they were restored to where they are by default."""
    if settings_file.exists():
        lines = settings_file.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not RAW_SETTING.match(line)]
        settings_file.write_text("".join(kept), encoding="utf-8")
