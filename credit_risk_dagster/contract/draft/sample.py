"""The texts of a few files that a lender sends, and how they are written. Nothing is executed."""

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_dagster.errors import PlatformError

ROWS = 200_000
"""Rows that are looked at, of each group of files."""

BYTES = 256 * 2**20
"""What is read of a file, once it is decompressed."""

DELIMITERS = (",", ";", "\t", "|")
SUFFIXES = re.compile(r"(\.(csv|txt|tsv|dat|parquet))(\.(gz|zst))?\Z", re.IGNORECASE)
DATE = re.compile(r"[-_. ]*(?<![0-9])(19|20)\d\d[-_.]?(0[1-9]|1[0-2])([-_.]?[0-3]\d)?(?![0-9])")


@dataclass(frozen=True)
class Sample:
    """What was read of the files of one source.

    Attributes:
        stem: what their names have in common.
        encoding: how their text is encoded; UTF-8 of Parquet files.
        delimiter: what separates their fields; a comma of Parquet files.
        rows: how many rows were read.
        columns: of each header, how often which text occurs, white space around it dropped.
    """

    stem: str
    encoding: str
    delimiter: str
    rows: int
    columns: dict[str, Counter[str]]


def samples(folder: Path) -> list[Sample]:
    """Return a sample of each source whose files lie in a folder, by their stems.

    Raises:
        PlatformError: if there are none, or if one cannot be read.
    """
    if not folder.is_dir():
        raise PlatformError(f"{folder} is not a folder: name the one that the sample files are in.")
    groups: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and SUFFIXES.search(path.name) and not path.name.startswith("."):
            groups.setdefault(_stem(path, folder), []).append(path)
    if not groups:
        raise PlatformError(
            f"{folder} holds no file that ends in .csv, .txt, .tsv or .parquet, compressed or not."
        )
    return [_sample(stem, paths) for stem, paths in groups.items()]


def _stem(path: Path, folder: Path) -> str:
    """Return the name without format and date, or that of a folder where nothing is left of it."""
    for name in (SUFFIXES.sub("", path.name), *reversed(path.relative_to(folder).parts[:-1])):
        stem = DATE.sub("", name).strip("-_. ")
        if stem:
            return stem
    return path.name


def _sample(stem: str, paths: Sequence[Path]) -> Sample:
    encoding, delimiter, rows = "utf-8", ",", 0
    columns: dict[str, Counter[str]] = {}
    for path in paths:
        if rows >= ROWS:
            break
        try:
            if ".parquet" in path.name.lower():
                names, found = _parquet(path)
            else:
                encoding, delimiter, names, found = _text(path)
        except (OSError, EOFError, csv.Error, pa.ArrowInvalid) as error:
            raise PlatformError(f"{path.name} cannot be read: {error}.") from error
        rows += len(found)
        for name, texts in zip(names, zip_longest(*found, fillvalue=""), strict=False):
            columns.setdefault(name, Counter()).update(map(str.strip, texts))
    return Sample(stem, encoding, delimiter, rows, columns)


def _text(path: Path) -> tuple[str, str, tuple[str, ...], list[list[str]]]:
    with _opened(path) as stream:
        content = stream.read(BYTES)
    encoding = "utf-8"
    try:
        text = content.decode("utf-8-sig", "strict" if len(content) < BYTES else "ignore")
    except UnicodeDecodeError:
        encoding, text = "cp1252", content.decode("cp1252", "replace")
    delimiter = _delimiter(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = tuple(name.strip() for name in next(lines, []))
    if not names:
        raise PlatformError(f"{path.name} is empty: a sample needs a header line and rows.")
    return encoding, delimiter, names, [row for row in islice(lines, ROWS) if row]


def _opened(path: Path) -> IO[bytes]:
    name = path.name.lower()
    if name.endswith(".gz"):
        return gzip.open(path)  # type: ignore[return-value]
    if name.endswith(".zst"):
        opened: IO[bytes] = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        return opened
    return path.open("rb")


def _delimiter(text: str) -> str:
    """Return what splits the header and the lines after it into the same number of fields."""
    head = "".join(islice(io.StringIO(text, newline=""), 200))

    def fields(delimiter: str) -> tuple[int, int]:
        lengths = Counter(map(len, csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)))
        length, agreeing = lengths.most_common(1)[0] if lengths else (1, 0)
        return (agreeing if length > 1 else 0, length)

    return max(DELIMITERS, key=fields)


def _parquet(path: Path) -> tuple[tuple[str, ...], list[list[str]]]:
    file = pq.ParquetFile(path)
    rows: list[list[str]] = []
    for batch in file.iter_batches(10_000):
        rows += [[_written(value) for value in row] for row in _rows_of(batch)]
        if len(rows) >= ROWS:
            break
    return tuple(file.schema_arrow.names), rows


def _rows_of(batch: pa.RecordBatch) -> Iterator[tuple[object, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _written(value: object) -> str:
    return "" if value is None else str(value)
