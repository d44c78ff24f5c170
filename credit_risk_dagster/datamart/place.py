"""The one place that touches stored files: where they are, how they become durable, what they are.

A store other than the local disk changes this module and nothing else.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

BLOCK_BYTES = 1 << 20
REFUSED = ".refused"
"""Folder of a table in which refused rows are kept aside for a person to look at."""

STAGING_PREFIX = ".staging-"
"""Folders of a table into which an engine writes before it knows the names of its files."""

LOG = "_delta_log"


@dataclass(frozen=True)
class Place:
    """The folder of one table."""

    folder: Path

    def path(self, name: str) -> Path:
        """Return the path of a file of the table."""
        return self.folder / name

    @property
    def uri(self) -> str:
        """What the table format's library opens."""
        return str(self.folder)

    def make(self) -> None:
        """Make the folder, and have the disk know that it is there."""
        missing = [one for one in (self.folder, *self.folder.parents) if not one.exists()]
        self.folder.mkdir(parents=True, exist_ok=True)
        for one in missing:
            sync_file(one.parent)

    def log_entry(self, version: int) -> Path:
        """Return where the log entry of a version is, if there is one."""
        return self.folder / LOG / f"{version:020d}.json"

    def log_versions(self) -> list[int]:
        """Return the versions that have a log entry, oldest first."""
        try:
            names = [path.name for path in (self.folder / LOG).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
        return sorted(int(stem) for stem in stems if len(stem) == 20 and stem.isdigit())

    def made(self) -> tuple[int, ...]:
        """Return what tells this table from another one that was in the same folder before."""
        try:
            found = self.log_entry(0).stat()
        except OSError:
            return ()
        return (found.st_ino, found.st_mtime_ns)

    def sync(self, path: Path) -> None:
        """Make a file of the table and the folders that name it survive a power cut."""
        sync_file(path)
        folder = path.parent
        while folder != self.folder.parent:
            sync_file(folder)
            folder = folder.parent

    def has_no_more_than_a_folder(self) -> bool:
        """Return whether neither a log nor any file of the table is there."""
        return not self.log_versions() and next(self.files(), None) is None

    def staging(self) -> list[Path]:
        """Return the folders that engines were given to stage in."""
        return sorted(self.folder.glob(f"{STAGING_PREFIX}*"))

    def files(self) -> Iterator[Path]:
        """Give every file of the table that is neither log, nor kept aside, nor being staged."""
        for folder, below, names in os.walk(self.folder):
            here = Path(folder)
            if here == self.folder:
                below[:] = [name for name in below if not _is_apart(name)]
            yield from (here / name for name in sorted(names))


def _is_apart(name: str) -> bool:
    return name in (LOG, REFUSED) or name.startswith(STAGING_PREFIX)


def sync_file(path: Path) -> None:
    """Have the disk write a file, or the entries of a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def is_unchanged(path: Path, size: int, sha256: str) -> bool:
    """Return whether a file is what was recorded of it, byte for byte.

    A file that was looked at before is read again only if the disk says that it was written to.
    """
    try:
        found = path.stat()
    except OSError:
        return False
    state = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
    return found.st_size == size and _known_sha256(path, state) == sha256


@lru_cache(maxsize=65_536)
def _known_sha256(path: Path, state: tuple[int, ...]) -> str:  # noqa: ARG001
    return sha256_of(path)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
