"""The header line of a delivered file: where each column of its source stands."""

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.lines import LINE_LIMIT
from credit_risk_dagster.errors import DeliveryError

_OTHER_FORMATS = {
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"PK\x03\x04": "a zip archive or an Excel file",
    b"PAR1": "a Parquet file",
    b"\xff\xfe": "encoded as UTF-16",
    b"\xfe\xff": "encoded as UTF-16",
}

_COLUMN_NAME = re.compile(r"([^\W\d][\w .-]*)?")

HIDDEN = "(not shown)"


@dataclass(frozen=True)
class Header:
    """All column names of a file in its order, and those that its source does not have.

    Names in `extra` are to be shown: `(not shown)` stands for what may be data.
    """

    names: tuple[str, ...]
    extra: tuple[str, ...]


@contextmanager
def open_delivery(file: DeliveredFile, source: Source) -> Iterator[IO[bytes]]:
    """Open a file for reading; whatever the system refuses becomes a `DeliveryError`."""
    try:
        with file.path.open("rb") as stream:
            yield stream
    except OSError as error:
        raise DeliveryError(
            f"{source.name}: {file.relative} cannot be read: {error.strerror}. Give the platform "
            "read access to it, or deliver it again."
        ) from error


def read_header(file: DeliveredFile, source: Source) -> Header:
    """Return the header of a file.

    Raises:
        DeliveryError: if the file is empty, unreadable or not CSV in UTF-8, or if its header lacks
            a column or names one twice.
    """
    with open_delivery(file, source) as stream:
        line = stream.readline(LINE_LIMIT)
    return _check(_names(line, file, source), file, source)


def _names(line: bytes, file: DeliveredFile, source: Source) -> tuple[str, ...]:
    if not line:
        raise DeliveryError(
            f"{source.name}: {file.relative} is empty (0 bytes). Deliver it again, complete."
        )
    for beginning, form in _OTHER_FORMATS.items():
        if line.startswith(beginning):
            raise DeliveryError(
                f"{source.name}: {file.relative} is {form}. Deliver it as plain CSV in UTF-8."
            )
    try:
        if len(line) >= LINE_LIMIT:
            raise ValueError("too long to be a header")
        text = line.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
        (fields,) = csv.reader([text], strict=True)
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise DeliveryError(
            f"{source.name}: the first line of {file.relative} is not a header in UTF-8, separated "
            "by commas. Deliver the file as plain CSV in UTF-8, under a header line."
        ) from error
    return tuple(field.strip() for field in fields)


def _check(names: tuple[str, ...], file: DeliveredFile, source: Source) -> Header:
    expected = ", ".join(source.headers)
    missing = [column for column in source.headers if column not in names]
    if len(missing) == len(source.headers):
        # The line may be data, so that showing it could show a person.
        raise DeliveryError(
            f"{source.name}: the first line of {file.relative} names none of its columns. Deliver "
            f"the file with a header line, separated by commas: {expected}"
        )
    shown = _without_data(names, source)
    if missing:
        raise DeliveryError(
            f"{source.name}: {file.relative} lacks {', '.join(missing)}; its header is "
            f"{', '.join(shown)}. Deliver it with all its columns, in any order: {expected}"
        )
    twice = sorted({one for name, one in zip(names, shown, strict=True) if names.count(name) > 1})
    if twice:
        raise DeliveryError(
            f"{source.name}: {file.relative} has more than one column named "
            f"{', '.join(map(repr, twice))}. Deliver it with each column once."
        )
    return Header(names, tuple(name for name in shown if name not in source.headers))


def _without_data(names: tuple[str, ...], source: Source) -> tuple[str, ...]:
    """Hide unknown names where one of them can be no column's: they may be a row, of a person.

    That is what a header line without its line end looks like.
    """
    unknown = [name for name in names if name not in source.headers]
    if all(_COLUMN_NAME.fullmatch(name) for name in unknown):
        return names
    return tuple(name if name in source.headers else HIDDEN for name in names)
