"""An object store for tables, models and reports: any that Arrow and Delta Lake both open.

What is in it never changes under its name.
"""

import hashlib
import os
import shutil
import uuid
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from pyarrow import fs

from credit_risk_dagster.datamart.disk import BLOCK_BYTES
from credit_risk_dagster.datamart.patience import patiently
from credit_risk_dagster.datamart.record import StoredFile

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
                shutil.copyfileobj(file, stream, BLOCK_BYTES)

        patiently(self.uri, upload)

    def download(self, name: str, path: Path) -> None:
        """Write an object as a local file, which appears whole."""
        system, root = self._opened
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{uuid.uuid4().hex}")

        def download() -> None:
            with system.open_input_stream(f"{root}/{name}") as stream, beside.open("wb") as file:
                shutil.copyfileobj(stream, file, BLOCK_BYTES)

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
            with system.open_input_stream(f"{root}/{name}") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()

        return patiently(self.uri, hashed)

    def is_whole(self, file: StoredFile) -> bool:
        """Return whether an object is what was recorded of it, byte for byte."""
        state = self.state(file.path)
        same_size = state is not None and state[0] == file.size
        return same_size and _known_sha256(self, file.path, state) == file.sha256


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
