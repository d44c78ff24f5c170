"""Tables on a local disk: how files become durable, and how they are known again."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from credit_risk_dagster.datamart.place import LOG, STAGING_PREFIX, Result, is_apart
from credit_risk_dagster.datamart.record import StoredFile

BLOCK_BYTES = 1 << 20

OWNER_READS, OWNER_ENTERS = 0o600, 0o700


@dataclass(frozen=True)
class DiskPlace:
    """The folder of one table on a local disk; see `Place`.

    Attributes:
        folder: the folder.
        home: what names that are shown to a person begin below.
        is_private: whether the owner alone may read what is written.
    """

    folder: Path
    home: Path
    is_private: bool = False

    def path(self, name: str) -> Path:
        """Return the path of a file of the table."""
        return self.folder / name

    @property
    def uri(self) -> str:
        """What the table format's library opens."""
        return str(self.folder)

    @property
    def options(self) -> None:
        """What that library needs to know of the store: nothing."""

    @property
    def address(self) -> str:
        """Where any other reader finds the table."""
        return str(self.folder.resolve())

    def patiently(self, action: Callable[[], Result]) -> Result:
        """Return what an action returns: a disk is there, or fails for good."""
        return action()

    def shown(self, name: str = "") -> str:
        """Return how a file is named to a person."""
        return self.path(name).relative_to(self.home).as_posix()

    def exists(self, name: str) -> bool:
        """Return whether there is a file of a name."""
        return self.path(name).exists()

    def state(self, name: str) -> tuple[int, ...] | None:
        """Return what changes when a file is written again, its size first; None without it."""
        return file_state(self.path(name))

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        return self.path(name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, so that it survives a power cut."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.sync(name)

    def sync(self, name: str) -> None:
        """Make a file of the table and the folders that name it survive a power cut."""
        path = self.path(name)
        if self.is_private:
            path.chmod(OWNER_READS)
        sync_file(path)
        folder = path.parent
        while folder != self.folder.parent:
            sync_file(folder)
            folder = folder.parent

    def remove(self, name: str) -> None:
        """Remove a file or a folder, if it is there."""
        remove(self.path(name))

    def set_aside(self, name: str, aside: str) -> None:
        """Move a file to another name, over whatever is there."""
        self.keep_aside(self.path(name), aside)
        sync_file(self.path(name).parent)

    def files(self) -> Iterator[str]:
        """Give every file of the table that is neither log, nor kept aside, nor being staged."""
        for folder, below, names in os.walk(self.folder):
            here = Path(folder)
            if here == self.folder:
                below[:] = [name for name in below if not is_apart(name)]
            yield from (self.name_of(here / name) for name in sorted(names))

    def staging(self) -> list[str]:
        """Return the folders that engines were given to stage in."""
        return sorted(path.name for path in self.folder.glob(f"{STAGING_PREFIX}*"))

    def log_files(self) -> list[str]:
        """Return the names of all files of the log."""
        try:
            return [f"{LOG}/{path.name}" for path in self.path(LOG).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def make(self) -> None:
        """Make the folder, and have the disk know that it is there."""
        missing = [one for one in (self.folder, *self.folder.parents) if not one.exists()]
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.is_private:
            self.folder.parent.chmod(OWNER_ENTERS)
            self.folder.chmod(OWNER_ENTERS)
        for one in missing:
            sync_file(one.parent)

    def new_staging(self) -> Path:
        """Return a folder, which is not there yet, to stage in."""
        return self.path(f"{STAGING_PREFIX}{uuid.uuid4().hex}")

    def new_file(self, folder: str) -> Path:
        """Return where the next file of a folder is to be written: where it will stay."""
        path = self.path(f"{folder}/{uuid.uuid4().hex}.parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def name_of(self, path: Path) -> str:
        """Return the name of a file of the table."""
        return path.relative_to(self.folder).as_posix()

    def keep(self, path: Path, file: StoredFile) -> None:  # noqa: ARG002
        """Make a file survive a power cut; it is where it will stay."""
        self.sync(self.name_of(path))

    def forget(self, path: Path, *, is_kept: bool) -> None:
        """Remove a file, unless a commit names it."""
        if not is_kept:
            remove(path)

    def keep_aside(self, path: Path, aside: str) -> None:
        """Keep a file of the table under another name."""
        target = self.path(aside)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)

    def is_whole(self, file: StoredFile) -> bool:
        """Return whether a stored file is what was recorded of it, byte for byte."""
        return is_unchanged(self.path(file.path), file.size, file.sha256)

    def stored(self, file: StoredFile) -> Path:
        """Return where a stored file is, whatever has become of it."""
        return self.path(file.path)

    def fetch(self, file: StoredFile) -> Path | None:
        """Return where a stored file is; None if it is not what was recorded."""
        return self.path(file.path) if self.is_whole(file) else None


def sync_file(path: Path) -> None:
    """Have the disk write a file, or the entries of a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_state(path: Path) -> tuple[int, ...] | None:
    """Return what changes when a file is written again, its size first; None without it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)


def is_unchanged(path: Path, size: int, sha256: str) -> bool:
    """Return whether a file is what was recorded of it, byte for byte.

    A file that was looked at before is read again only if the disk says that it was written to.
    """
    state = file_state(path)
    return state is not None and state[0] == size and _known_sha256(path, state) == sha256


@lru_cache(maxsize=65_536)
def _known_sha256(path: Path, state: tuple[int, ...]) -> str:  # noqa: ARG001
    return sha256_of(path)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
