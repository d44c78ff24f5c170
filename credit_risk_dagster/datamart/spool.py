"""Rows that wait for their turn on the disk, by name, however many there are."""

import io
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import pyarrow as pa

from credit_risk_dagster.errors import PlatformError

BUFFER_BYTES = 8 << 20
"""How much of all names together waits in memory before it goes to the disk."""


class Spool:
    """Rows of one schema under any number of names.

    They wait in a file that has no name in its folder: when the process ends, however it ends,
    nothing of it is left. As long as there are few rows, there is no file.
    """

    def __init__(self, schema: pa.Schema, folder: Path) -> None:
        """Begin without rows.

        Args:
            schema: that of all rows.
            folder: where the file is; made when there is one.
        """
        self.schema = schema
        self.folder = folder
        self._file: IO[bytes] = io.BytesIO()
        self._written: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._waiting: dict[str, list[pa.RecordBatch]] = defaultdict(list)
        self._waiting_bytes = 0
        self._rows: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def __enter__(self) -> Self:
        """Return the spool itself."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Forget all rows."""
        self._waiting.clear()
        with suppress(OSError):  # of a full disk, which was told before
            self._file.close()

    @property
    def names(self) -> list[str]:
        """The names that have rows."""
        return list(self._rows)

    def num_rows(self, name: str) -> int:
        """Return how many rows a name has."""
        return self._rows[name]

    def nbytes(self, name: str) -> int:
        """Return how many bytes the rows of a name are in memory."""
        return self._bytes[name]

    def add(self, name: str, rows: pa.RecordBatch) -> None:
        """Put rows behind those that the name has.

        Raises:
            PlatformError: if the folder cannot be written.
        """
        if not rows.num_rows:
            return
        self._rows[name] += rows.num_rows
        self._bytes[name] += rows.nbytes
        self._waiting[name].append(rows)
        self._waiting_bytes += rows.nbytes
        if self._waiting_bytes > BUFFER_BYTES:
            with _told(self.folder):
                self._write_waiting()

    def batches(self, name: str) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a name, in the order in which they came; any number of times.

        Raises:
            PlatformError: if the file cannot be read.
        """
        for offset, size in self._written.get(name, ()):
            yield self._read(offset, size)
        yield from self._waiting.get(name, ())

    def _write_waiting(self) -> None:
        if not self._written:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115 closed at exit
        offset = self._file.seek(0, 2)
        for name, batches in self._waiting.items():
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, self.schema) as stream:
                stream.write_batch(pa.concat_batches(batches))
            size = self._file.write(sink.getvalue())
            self._written[name].append((offset, size))
            offset += size
        self._waiting.clear()
        self._waiting_bytes = 0

    def _read(self, offset: int, size: int) -> pa.RecordBatch:
        with _told(self.folder):
            self._file.seek(offset)
            written = self._file.read(size)
        with pa.ipc.open_stream(written) as stream:
            return stream.read_next_batch()


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Say what to do about a disk that is full or closed."""
    try:
        yield
    except OSError as error:
        raise PlatformError(
            f"Rows cannot wait in {folder}: {error.strerror or error}. Give the platform write "
            "access to that folder and enough space, or another folder by CREDIT_RISK_SCRATCH."
        ) from error
