"""The manifest of a backup: every file with its SHA-256, the versions and the time."""

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from platform import python_version

from credit_risk_dagster.datamart.disk import sha256_of
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations.trees import KeptFile

MANIFEST = "backup.json"
FORMAT = 1
SHOWN_FILES = 5
RECORDED_PACKAGES = ("credit-risk-dagster", "dagster", "mlflow")


@dataclass(frozen=True)
class BackupManifest:
    """What a backup holds.

    Attributes:
        format: the version of this layout.
        taken_at: when it was taken.
        home: where the installation was.
        artifact_location: where its MLflow kept artifacts.
        versions: the versions of what wrote it.
        databases: the dump of each database that is not in the home, by the stores in it.
        elsewhere: what belongs to the installation and is not in the backup.
        has_raw: whether the raw extracts are in it.
        counts: how many partitions, models and Dagster runs it holds.
        folders: the mode of every folder.
        files: size, SHA-256 and mode of every file.
    """

    format: int
    taken_at: str
    home: str
    artifact_location: str
    versions: dict[str, str]
    databases: dict[str, str]
    elsewhere: list[str]
    has_raw: bool
    counts: dict[str, int]
    folders: dict[str, int]
    files: dict[str, KeptFile]


def installed_versions() -> dict[str, str]:
    """Return the versions that a backup is written by, or restored with."""
    packages = {name: version(name) for name in RECORDED_PACKAGES}
    return {**packages, "python": python_version()}


def write_backup_manifest(folder: Path, manifest: BackupManifest) -> str:
    """Write the manifest, which makes a folder a backup; return its SHA-256."""
    path = folder / MANIFEST
    with path.open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file, indent=1, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return sha256_of(path)


def read_backup_manifest(folder: Path, sha256: str | None = None) -> BackupManifest:
    """Read the manifest of a backup.

    Args:
        folder: the backup.
        sha256: what `write_backup_manifest` returned, if it was kept apart from the backup.

    Raises:
        PlatformError: if the folder is no complete backup, or not the expected one.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise PlatformError(
            f"{folder} is not a complete backup: {MANIFEST}, which is written last, is missing. "
            "Restore another one."
        )
    if sha256 is not None and sha256_of(path) != sha256:
        raise PlatformError(
            f"{path} is not the manifest that was expected: its SHA-256 is {sha256_of(path)}. "
            "Do not restore this backup."
        )
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        found = recorded["format"]
        if found == FORMAT:
            files = {name: KeptFile(**kept) for name, kept in recorded.pop("files").items()}
            return BackupManifest(**recorded, files=files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlatformError(
            f"{path} cannot be read as the manifest of a backup ({error}). Restore another backup."
        ) from error
    raise PlatformError(
        f"{folder} is a backup of format {found}; this release reads format {FORMAT}. "
        "Restore it with the release that wrote it, then upgrade."
    )


def verify_backup(folder: Path, manifest: BackupManifest) -> None:
    """Check that a backup holds what its manifest names, byte for byte, and nothing else.

    Raises:
        PlatformError: naming the files that are missing, changed or foreign.
    """
    faults = list(_faults(folder, manifest))
    if faults:
        shown = "; ".join(faults[:SHOWN_FILES])
        more = f"; and {len(faults) - SHOWN_FILES} more" if len(faults) > SHOWN_FILES else ""
        raise PlatformError(
            f"The backup {folder} is not what was written: {shown}{more}. Nothing was restored; "
            "restore another backup."
        )


def _faults(folder: Path, manifest: BackupManifest) -> Iterator[str]:
    outside = [name for name in (*manifest.files, *manifest.folders) if not _is_inside(name)]
    yield from (f"{name} leads out of the backup" for name in outside)
    if outside:
        return
    for name, kept in sorted(manifest.files.items()):
        path = folder / name
        if path.is_symlink() or not path.is_file():
            yield f"{name} is missing"
        elif path.stat().st_size != kept.size or sha256_of(path) != kept.sha256:
            yield f"{name} was changed"
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        is_known = name in manifest.files or name == MANIFEST
        if not is_known and (path.is_symlink() or not path.is_dir()):
            yield f"{name} does not belong to it"


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts
