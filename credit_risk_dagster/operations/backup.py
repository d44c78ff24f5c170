"""Taking a backup: everything of an installation, as of one moment between two runs.

A backup is refused while a run is at work, and thrown away if one began before it was complete. A
run writes tables, models, MLflow and Dagster's events one after the other; no copy of them, taken
while it does, would say the same thing everywhere.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from credit_risk_dagster.automation.at_work import UNFINISHED
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations import databases
from credit_risk_dagster.operations.backup_manifest import (
    FORMAT,
    BackupManifest,
    installed_versions,
    write_backup_manifest,
)
from credit_risk_dagster.operations.leftovers import leftovers
from credit_risk_dagster.operations.places import MlflowServer, Places, places_outside
from credit_risk_dagster.operations.trees import (
    PRIVATE_FOLDER,
    KeptFile,
    described,
    folders_and_files,
    is_sqlite,
    keep_file,
    mode_of,
)
from credit_risk_dagster.resources.model_store import open_models
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES

HOME, ARTIFACTS, DATABASES = "home", "artifacts", "databases"
"""The folders of a backup."""

RAW = "raw"
AT_WORK = [*UNFINISHED, dg.DagsterRunStatus.CANCELING]


def take_backup(
    settings: Settings,
    instance: dg.DagsterInstance,
    folder: Path,
    server: MlflowServer,
    with_raw: bool = False,
) -> tuple[BackupManifest, str]:
    """Back up an installation.

    Databases come first: a run that MLflow's database knows has its artifacts, which are never
    changed, in what is copied after it. `folder` must be absent or empty.

    Returns:
        The manifest, and its SHA-256.

    Raises:
        PlatformError: if a run is at work or begins, or something cannot be backed up.
    """
    newest = _newest_run(instance)
    places = places_outside(settings, server)
    _require_installation(settings)
    taken_at = datetime.now(UTC).isoformat(timespec="seconds")
    with _filled(settings, folder):
        dumps = _dump(places.databases, folder)
        folders, files = _keep_all(settings, places, folder, with_raw)
        _require_unchanged(instance, newest)
        files |= {name: described(folder / name) for name in dumps.values()}
        manifest = BackupManifest(
            format=FORMAT,
            taken_at=taken_at,
            home=str(settings.home.resolve()),
            artifact_location=settings.artifact_location,
            versions=installed_versions(),
            databases=dumps,
            elsewhere=list(places.elsewhere),
            has_raw=with_raw,
            counts=_counts(settings, instance),
            folders=folders,
            files=files,
        )
        os.sync()
        return manifest, write_backup_manifest(folder, manifest)


def _newest_run(instance: dg.DagsterInstance) -> str | None:
    """Return the newest run; refuse while one is waiting or at work."""
    at_work = instance.get_runs(dg.RunsFilter(statuses=AT_WORK), limit=1)
    if at_work:
        run = at_work[0]
        raise PlatformError(
            f"Run {run.run_id} is {run.status.value.lower()}; a backup is taken when no run is. "
            "Wait until it has ended. If its process is dead, terminate it in Dagit first."
        )
    newest = instance.get_runs(limit=1)
    return newest[0].run_id if newest else None


def _require_unchanged(instance: dg.DagsterInstance, newest: str | None) -> None:
    if _newest_run(instance) != newest:
        raise PlatformError(
            "A run began while the backup was taken, which was thrown away. Take it again when no "
            "run is at work."
        )


def _require_installation(settings: Settings) -> None:
    if settings.tables is None and not (settings.home / "tables").is_dir():
        raise PlatformError(
            f"{settings.home} holds no installation: it has no tables. Give --home the home of one."
        )


@contextmanager
def _filled(settings: Settings, folder: Path) -> Iterator[None]:
    """Make the folder of a backup, and empty it again if the backup is not completed."""
    target = folder.resolve()
    for name, place in (("home", settings.home), ("raw folder", settings.raw_folder)):
        if target.is_relative_to(place.resolve()):
            raise PlatformError(
                f"{folder} is in the {name} {place}, and would be lost with it. Give the backup "
                "another folder, on another disk if you can."
            )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PlatformError(f"{folder} is not empty. Give each backup a folder of its own.")
    was_there = folder.exists()
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not was_there:
            folder.rmdir()
        raise


def _dump(addresses: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Dump each database; return the file of each, by the stores in it."""
    (folder / DATABASES).mkdir(mode=PRIVATE_FOLDER)
    dumps = {stores: f"{DATABASES}/{stores}.dump" for stores in addresses}
    for stores, name in dumps.items():
        databases.dump(addresses[stores], folder / name)
    return dumps


def _keep_all(
    settings: Settings, places: Places, folder: Path, with_raw: bool
) -> tuple[dict[str, int], dict[str, KeptFile]]:
    """Copy home and artifacts, and the raw extracts if they are wanted."""
    left_out = [settings.home / RAW, settings.raw_folder, settings.scratch_folder]
    left_out += leftovers(settings)
    folders, files = _keep_tree(settings.home, folder, HOME, left_out)
    trees = {ARTIFACTS: places.artifacts} if places.artifacts else {}
    if with_raw:
        trees[f"{HOME}/{RAW}"] = settings.raw_folder
    for name, tree in trees.items():
        more_folders, more_files = _keep_tree(tree, folder, name, [])
        folders, files = folders | more_folders, files | more_files
    return folders, files


def _keep_tree(
    tree: Path, folder: Path, name: str, left_out: list[Path]
) -> tuple[dict[str, int], dict[str, KeptFile]]:
    """Copy a tree, databases first; return the modes of its folders, and its files."""
    found_folders, found_files = folders_and_files(tree, left_out)

    def named(path: Path) -> str:
        return (Path(name) / path.relative_to(tree)).as_posix()

    for place in found_folders:
        (folder / named(place)).mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    ordered = sorted(found_files, key=lambda path: not is_sqlite(path))
    files = {named(path): keep_file(path, folder / named(path)) for path in ordered}
    return {named(place): mode_of(place) for place in found_folders}, files


def _counts(settings: Settings, instance: dg.DagsterInstance) -> dict[str, int]:
    datamart = open_datamart(settings)
    return {
        "partitions": sum(len(datamart.months(table)) for table in ALL_TABLES),
        "models": len(open_models(settings).kept()),
        "dagster_runs": instance.get_runs_count(),
    }
