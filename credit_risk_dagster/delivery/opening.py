"""Opening what was delivered: its own bytes, and its text, decompressed as it is read."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from os import fstat

import pyarrow as pa

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.formats import (
    ACCEPTED,
    Content,
    DamagedError,
    Format,
    is_compressed,
    other_content,
    other_name,
)
from credit_risk_dagster.errors import DeliveryError

_LOOKED_AT = 512
_READ_AHEAD = 1 << 16


@contextmanager
def open_delivery(
    file: DeliveredFile, source: Source
) -> Iterator[tuple[io.BufferedReader, Format]]:
    """Open a file for reading, and say in which format it is.

    Text is decompressed as it is read; a Parquet file is given as it lies there.

    Raises:
        DeliveryError: if the file is of a format that is not read, damaged, or refused by the
            system, or if it changes while it is open.
    """
    what = f"{source.name}: {file.relative}"
    try:
        with file.path.open("rb") as stream:
            try:
                form = _format(stream, file, source)
                content = _decompressed(stream, form)
                if form.content is Content.TEXT:
                    _check_text(content, file, source)
                yield content, form
            except (DeliveryError, DamagedError, OSError, pa.ArrowException):
                _check_unchanged(stream, file, source)
                raise
            _check_unchanged(stream, file, source)
    except OSError as error:
        if error.errno is None:  # of the library that decompresses
            raise DeliveryError(_damaged(what, error)) from error
        raise DeliveryError(
            f"{what} cannot be read: {error.strerror}. Give the platform read access to it, or "
            "deliver it again."
        ) from error
    except (DamagedError, pa.ArrowException) as error:
        raise DeliveryError(_damaged(what, error)) from error


def _damaged(what: str, error: Exception) -> str:
    return f"{what} is damaged or cut off ({error}). Deliver it again, complete."


def _format(stream: io.BufferedReader, file: DeliveredFile, source: Source) -> Format:
    beginning = stream.read(_LOOKED_AT)
    stream.seek(0)
    if not beginning:
        raise _empty(file, source)
    form = file.format
    if form is None:
        kind = other_name(file.path.name) or other_content(beginning)
        raise _refusal(file, source, kind or "of a kind that is not read")
    found = other_content(beginning)
    if form.content is Content.PARQUET and found != Content.PARQUET:
        raise _refusal(file, source, found or "no Parquet file, though its name says so")
    if form.compression and not is_compressed(beginning, form.compression):
        kind = found or f"not compressed with {form.compression}, though its name says so"
        raise _refusal(file, source, kind)
    return form


def _decompressed(stream: io.BufferedReader, form: Format) -> io.BufferedReader:
    if form.compression is None:
        return stream
    compressed = pa.PythonFile(stream, mode="r")
    return io.BufferedReader(pa.CompressedInputStream(compressed, form.compression), _READ_AHEAD)


def _check_text(text: io.BufferedReader, file: DeliveredFile, source: Source) -> None:
    beginning = text.peek(_LOOKED_AT)
    if not beginning:
        raise _empty(file, source)
    found = other_content(beginning)
    if found is not None:
        raise _refusal(file, source, found)


def _empty(file: DeliveredFile, source: Source) -> DeliveryError:
    return DeliveryError(
        f"{source.name}: {file.relative} is empty (0 bytes). Deliver it again, complete."
    )


def _refusal(file: DeliveredFile, source: Source, form: str) -> DeliveryError:
    return DeliveryError(
        f"{source.name}: {file.relative} is {form}. Deliver it as {ACCEPTED}, named so."
    )


def _check_unchanged(stream: io.BufferedReader, file: DeliveredFile, source: Source) -> None:
    status = fstat(stream.fileno())
    if (status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)) != (file.size, file.modified):
        raise DeliveryError(
            f"{source.name}: {file.relative} changed while it was being read. Run again when its "
            "copy is complete; deliver under a name ending in .part and rename it last."
        )
