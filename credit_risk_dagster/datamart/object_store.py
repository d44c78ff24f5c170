"""Tables, models and reports in an object store: any that Arrow and Delta Lake open by its address.

What is in the store never changes under its name. A file is written on this machine, checked, and
uploaded; one that is read is downloaded once, compared with its SHA-256, and kept in a folder of
this machine under that, where all engines read it as any local file.
"""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from pyarrow import fs

from credit_risk_dagster.datamart.disk import BLOCK_BYTES, remove, sha256_of
from credit_risk_dagster.datamart.patience import patiently
from credit_risk_dagster.datamart.place import LOG, STAGING_PREFIX, Result, is_apart
from credit_risk_dagster.datamart.record import StoredFile
from credit_risk_dagster.errors import PartitionError

CACHE, WRITES = "cache", "writes"
"""Folders of scratch: downloaded files by their SHA-256, and files that are being written."""

COMMIT_OPTIONS = {"aws_conditional_put": "etag", "max_retries": "0"}
"""A commit is one conditional write: of two writers of a version one wins. Patience is ours."""


@dataclass(frozen=True)
class ObjectStore:
    """A prefix of an object store, and the folder of this machine that files pass through.

    Attributes:
        uri: its address, for example `s3://bucket/prefix`.
        scratch: the folder of this machine.
    """

    uri: str
    scratch: Path

    @property
    def _opened(self) -> tuple[fs.FileSystem, str]:
        return _file_system(self.uri)

    @property
    def options(self) -> dict[str, str]:
        """What Delta Lake's library needs to know beside the environment."""
        scheme = self.uri.partition("://")[0]
        plain = {"aws_allow_http": "true"} if s3_endpoint().startswith("http://") else {}
        return {**COMMIT_OPTIONS, **plain} if scheme == "s3" else {"max_retries": "0"}

    def below(self, name: str) -> "ObjectStore":
        """Return a prefix of this prefix."""
        return ObjectStore(f"{self.uri.rstrip('/')}/{name}", self.scratch)

    def info(self, name: str) -> fs.FileInfo:
        """Return what is under a name."""
        system, root = self._opened
        return patiently(self.uri, lambda: system.get_file_info(f"{root}/{name}"))

    def state(self, name: str) -> tuple[int, ...] | None:
        """Return size and time of change of an object; None without it."""
        info = self.info(name)
        return (info.size, info.mtime_ns) if info.type == fs.FileType.File else None

    def names(self, folder: str = "") -> list[str]:
        """Return the names of all objects below a folder."""
        system, root = self._opened
        where = f"{root}/{folder}".rstrip("/")
        selector = fs.FileSelector(where, recursive=True, allow_not_found=True)
        found = patiently(self.uri, lambda: system.get_file_info(selector))
        paths = [info.path for info in found if info.type == fs.FileType.File]
        return sorted(path.removeprefix(f"{root}/") for path in paths)

    def read(self, name: str) -> bytes:
        """Return the bytes of a small object.

        Raises:
            FileNotFoundError: if there is none.
        """
        system, root = self._opened

        def read() -> bytes:
            with system.open_input_stream(f"{root}/{name}") as stream:
                return bytes(stream.read())

        return patiently(self.uri, read)

    def write(self, name: str, content: bytes) -> None:
        """Write a small object."""
        system, root = self._opened

        def write() -> None:
            with system.open_output_stream(f"{root}/{name}") as stream:
                stream.write(content)

        patiently(self.uri, write)

    def upload(self, path: Path, name: str) -> None:
        """Write a local file as an object."""
        system, root = self._opened

        def upload() -> None:
            with path.open("rb") as file, system.open_output_stream(f"{root}/{name}") as stream:
                while block := file.read(BLOCK_BYTES):
                    stream.write(block)

        patiently(self.uri, upload)

    def download(self, name: str, path: Path) -> None:
        """Write an object as a local file, which appears whole."""
        system, root = self._opened
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{uuid.uuid4().hex}")

        def download() -> None:
            with system.open_input_stream(f"{root}/{name}") as stream, beside.open("wb") as file:
                while block := stream.read(BLOCK_BYTES):
                    file.write(block)

        try:
            patiently(self.uri, download)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove an object, and all that is below it as a folder."""
        system, root = self._opened
        kind = self.info(name).type
        if kind == fs.FileType.Directory:
            patiently(self.uri, partial(system.delete_dir, f"{root}/{name}"))
        elif kind == fs.FileType.File:
            patiently(self.uri, partial(system.delete_file, f"{root}/{name}"))

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of an object as it is in the store."""
        system, root = self._opened

        def hashed() -> str:
            digest = hashlib.sha256()
            with system.open_input_stream(f"{root}/{name}") as stream:
                while block := stream.read(BLOCK_BYTES):
                    digest.update(block)
            return digest.hexdigest()

        return patiently(self.uri, hashed)


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
        if not is_whole(kept.store, kept.file):
            raise PartitionError(
                f"{kept.address} is not the file that was written. Run `credit-risk doctor`, which "
                "names its month and what to do."
            )
    return kept.address


def is_whole(store: ObjectStore, file: StoredFile) -> bool:
    """Return whether an object is what was recorded of it, byte for byte."""
    state = store.state(file.path)
    same_size = state is not None and state[0] == file.size
    return same_size and _known_sha256(store, file.path, state) == file.sha256


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
        return is_whole(self.store, file)

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


@lru_cache(maxsize=65_536)
def _known_sha256(store: ObjectStore, name: str, _state: tuple[int, ...] | None) -> str:
    return store.sha256(name)


@lru_cache
def _file_system(uri: str) -> tuple[fs.FileSystem, str]:
    """Open the file system of an address; for S3, at the endpoint that the environment names."""
    scheme, _, path = uri.partition("://")
    if scheme != "s3":
        system, root = fs.FileSystem.from_uri(uri)
        return system, root.rstrip("/")
    endpoint = s3_endpoint()
    protocol, _, host = endpoint.rpartition("://")
    return (
        fs.S3FileSystem(
            endpoint_override=host or None,
            scheme=protocol or "https",
            region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
            allow_delayed_open=True,
        ),
        path.rstrip("/"),
    )


def s3_endpoint() -> str:
    """Return the endpoint of an S3-compatible server, as all clients of S3 look for it."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
