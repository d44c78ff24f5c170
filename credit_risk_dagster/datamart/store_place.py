"""Tables in an object store: their files pass through a folder of this machine.

A file is written here, checked, and uploaded; one that is read is downloaded once, compared with
its SHA-256, and kept under that, where all engines read it as any local file.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from credit_risk_dagster.datamart.disk import remove, sha256_of
from credit_risk_dagster.datamart.object_store import ObjectStore
from credit_risk_dagster.datamart.patience import patiently
from credit_risk_dagster.datamart.place import LOG, STAGING_PREFIX, Result, is_apart
from credit_risk_dagster.datamart.record import StoredFile
from credit_risk_dagster.errors import PartitionError

CACHE, WRITES = "cache", "writes"
"""Folders of scratch: downloaded files by their SHA-256, and files that are being written."""


@dataclass(frozen=True)
class Kept:
    """What a path of this machine is a copy of, or is going to be: a name in an object store.

    Attributes:
        store: the store.
        name: the name.
        file: what was recorded of it; None of a folder that is going to be there.
    """

    store: ObjectStore
    name: str
    file: StoredFile | None = None

    @property
    def address(self) -> str:
        """Its address, for whoever reads the store without this machine."""
        return f"{self.store.uri}/{self.name}"


_KEPT: dict[Path, Kept] = {}


def published(path: Path) -> str | None:
    """Return the address at which others read what a path stands for; None if it has none.

    What is only staged here is uploaded: nobody takes it for data before a commit names it.

    Raises:
        PartitionError: if the object is not the file that was recorded.
    """
    kept = stored_at(path)
    if kept is None:
        return None
    if kept.file is not None:
        if kept.store.state(kept.name) is None:
            kept.store.upload(path, kept.name)
        if not kept.store.is_whole(kept.file):
            raise PartitionError(
                f"{kept.address} is not the file that was written. Run `credit-risk doctor`, which "
                "names its month and what to do."
            )
    return kept.address


def stored_at(path: Path) -> Kept | None:
    """Return what of an object store a path stands for; None if it is of this machine alone.

    A path in a folder that is going to be in the store is as well.
    """
    for folder in (path, *path.parents):
        if folder in _KEPT:
            kept = _KEPT[folder]
            below = path.relative_to(folder).as_posix()
            return kept if folder == path else Kept(kept.store, f"{kept.name}/{below}")
    return None


@dataclass(frozen=True)
class StorePlace:
    """The prefix of one table in an object store; see `Place`."""

    store: ObjectStore
    table: str

    @property
    def uri(self) -> str:
        """What the table format's library opens."""
        return self.store.uri

    @property
    def options(self) -> dict[str, str]:
        """What that library needs to know of the store."""
        return self.store.options

    @property
    def address(self) -> str:
        """Where any other reader finds the table."""
        return self.store.uri

    def patiently(self, action: Callable[[], Result]) -> Result:
        """Return what an action of Delta Lake's library returns, once the store is there."""
        return patiently(self.store.uri, action)

    def shown(self, name: str = "") -> str:
        """Return how an object is named to a person."""
        return f"{self.store.uri}/{name}".rstrip("/")

    def exists(self, name: str) -> bool:
        """Return whether there is an object of a name."""
        return self.state(name) is not None

    def state(self, name: str) -> tuple[int, ...] | None:
        """Return what changes when an object is written again, its size first; None without it."""
        return self.store.state(name)

    def read(self, name: str) -> bytes:
        """Return an object's bytes."""
        return self.store.read(name)

    def write(self, name: str, content: bytes) -> None:
        """Write a small object; stores keep what they have acknowledged."""
        self.store.write(name, content)

    def sync(self, name: str) -> None:
        """Do nothing: stores keep what they have acknowledged."""

    def remove(self, name: str) -> None:
        """Remove an object, and all that is below it as a folder."""
        self.store.remove(name)

    def set_aside(self, name: str, aside: str) -> None:
        """Move an object to another name, over whatever is there."""
        self.store.write(aside, self.store.read(name))
        self.store.remove(name)

    def files(self) -> Iterator[str]:
        """Give every object of the table that is neither log, nor kept aside, nor being staged."""
        yield from (name for name in self.store.names() if not is_apart(name.partition("/")[0]))

    def staging(self) -> list[str]:
        """Return the folders that engines were given to stage in."""
        folders = {name.partition("/")[0] for name in self.store.names()}
        return sorted(name for name in folders if name.startswith(STAGING_PREFIX))

    def log_files(self) -> list[str]:
        """Return the names of all objects of the log."""
        return self.store.names(LOG)

    def make(self) -> None:
        """Do nothing: a store has no folders."""

    def new_staging(self) -> Path:
        """Return a folder of this machine, which is not there yet, to stage in."""
        name = f"{STAGING_PREFIX}{uuid.uuid4().hex}"
        _KEPT[self._writes / name] = Kept(self.store, name)
        return self._writes / name

    @property
    def _writes(self) -> Path:
        return self.store.scratch / WRITES / str(os.getpid()) / self.table

    def new_file(self, folder: str) -> Path:
        """Return where the next file of a folder is to be written, on this machine."""
        path = self._writes / folder / f"{uuid.uuid4().hex}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def name_of(self, path: Path) -> str:
        """Return the name that a file which is being written will have."""
        return path.relative_to(self._writes).as_posix()

    def keep(self, path: Path, file: StoredFile) -> None:
        """Upload a file; what was written here need not be downloaded to be read."""
        self.store.upload(path, file.path)
        cached = self._cached(file)
        cached.parent.mkdir(parents=True, exist_ok=True)
        beside = cached.with_name(f".{uuid.uuid4().hex}")
        os.link(path, beside)
        beside.replace(cached)

    def forget(self, path: Path, *, is_kept: bool) -> None:  # noqa: ARG002
        """Remove a file from where it was written: the store has it, or nobody wants it."""
        remove(path)

    def keep_aside(self, path: Path, aside: str) -> None:
        """Upload a file under another name, for a person to look at."""
        self.store.upload(path, aside)
        remove(path)

    def is_whole(self, file: StoredFile) -> bool:
        """Return whether an object is what was recorded of it, byte for byte."""
        return self.store.is_whole(file)

    def stored(self, file: StoredFile) -> Path:
        """Return where an object can be read on this machine."""
        path = self.fetch(file)
        if path is None:
            raise FileNotFoundError(f"{self.shown(file.path)} is not what was written")
        return path

    def fetch(self, file: StoredFile) -> Path | None:
        """Return where an object can be read on this machine; None if it is damaged."""
        staged = self._writes / file.path
        if _is_cached(staged, file.sha256):  # of a month that is not committed yet
            _KEPT[staged] = Kept(self.store, file.path, file)
            return staged
        cached = self._cached(file)
        _KEPT[cached] = Kept(self.store, file.path, file)
        if not _is_cached(cached, file.sha256):
            state = self.state(file.path)
            if state is None or state[0] != file.size:
                return None
            self.store.download(file.path, cached)
            if not _is_cached(cached, file.sha256):
                remove(cached)
                return None
        return cached

    def _cached(self, file: StoredFile) -> Path:
        return self.store.scratch / CACHE / file.sha256[:2] / f"{file.sha256}.parquet"


def _is_cached(path: Path, sha256: str) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    return _local_sha256(path, found.st_size, found.st_mtime_ns) == sha256


@lru_cache(maxsize=65_536)
def _local_sha256(path: Path, *_state: int) -> str:
    return sha256_of(path)
