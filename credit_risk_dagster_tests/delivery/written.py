"""What a lender writes: lines, files and folders of attributes extracts."""

import csv
import gzip
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Source
from credit_risk_dagster.delivery.delivered import take_arrivals
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.header import read_header
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.month import MonthDelivery, delivered_hash, read_months
from credit_risk_dagster.delivery.reader import REJECTED_SCHEMA, read_file, rows_schema
from credit_risk_dagster.settings import Settings

COLUMNS = ATTRIBUTES.headers
HEADER = ",".join(COLUMNS).encode()


def row(customer: str = "CUS_1", month: str = "2024-03-01", **values: str) -> dict[str, str]:
    defaults = {"Name": "Ann", "Age": "30", "SSN": "123-45-6789", "Occupation": "Lawyer"}
    return {"Customer_ID": customer, **defaults, SNAPSHOT_DATE: month, **values}


def line(values: dict[str, str], columns: Sequence[str] = COLUMNS) -> bytes:
    """One line without its line end, as Python's csv module writes it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([values[column] for column in columns])
    return text.getvalue().encode()


def write(path: Path, lines: Iterable[bytes], header: bytes = HEADER, end: bytes = b"\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(end.join([header, *lines, b""]))
    return path


def write_rows(
    path: Path,
    rows: Iterable[dict[str, str]],
    columns: Sequence[str] = COLUMNS,
    end: bytes = b"\n",
) -> Path:
    header = ",".join(columns).encode()
    return write(path, [line(values, columns) for values in rows], header, end)


def described(path: Path, month: str | None = None) -> DeliveredFile:
    status = os.stat(path)  # noqa: PTH116
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return DeliveredFile(path, path.name, month, status.st_size, modified)


def text_rows(table: pa.Table) -> list[dict[str, str]]:
    """The text columns of rows that were read."""
    result: list[dict[str, str]] = table.select(COLUMNS).to_pylist()
    return result


def reasons(rejected: pa.Table) -> list[tuple[int, str]]:
    return [(found["line_number"], found["reason"]) for found in rejected.to_pylist()]


def compressed(content: bytes, name: str) -> bytes:
    """Content as a file of a name has it."""
    if name.lower().endswith(".gz"):
        return gzip.compress(content)
    if name.lower().endswith(".zst"):
        zstd: bytes = pa.Codec("zstd").compress(content, asbytes=True)
        return zstd
    return content


@dataclass(frozen=True)
class Found:
    """All that a file holds, in the order of its lines."""

    rows: pa.Table
    rejected: pa.Table
    undated: pa.Table
    months: set[str]

    def text(self, columns: Sequence[str]) -> list[dict[str, str]]:
        result: list[dict[str, str]] = self.rows.select(columns).to_pylist()
        return result


def read(path: Path, source: Source, month: str | None = None) -> Found:
    """Read all months of a file."""
    file = described(path, month)
    portions = list(read_file(file, source, read_header(file, source), None))
    nothing = REJECTED_SCHEMA.empty_table()

    def together(tables: Iterable[pa.Table], first: pa.Table) -> pa.Table:
        return pa.concat_tables([first, *tables]).sort_by([("line_number", "ascending")])

    rows = [table for portion in portions for table in portion.rows.values()]
    rejected = [table for portion in portions for table in portion.rejected.values()]
    return Found(
        rows=together(rows, rows_schema(source).empty_table()),
        rejected=together(rejected, nothing),
        undated=together((portion.undated for portion in portions), nothing),
        months={month for portion in portions for month in (*portion.rows, *portion.rejected)},
    )


SCRATCH = ".scratch"
NOW = datetime(2024, 4, 2, 8, tzinfo=UTC)


def settings_of(folder: Path | str, **overrides: Any) -> Settings:
    """An installation whose raw folder this is; its own files are hidden there."""
    return Settings(home=Path(folder, SCRATCH), raw=Path(folder), **overrides)


def ledger_of(settings: Settings) -> DeliveryLedger:
    return DeliveryLedger(settings.metrics_store_url)


@dataclass(frozen=True)
class Delivered:
    """A month's delivery with all its rows, as few as they are in a test."""

    month: str
    rows: pa.Table
    rejected: pa.Table
    content_hash: str
    fingerprint: str
    files: list[dict[str, Any]]
    undated: int
    undated_lines: list[dict[str, Any]]


def taken(delivery: MonthDelivery, fingerprint: str) -> Delivered:
    rows = pa.Table.from_batches(delivery.rows(), rows_schema(delivery.source))
    rejected = pa.Table.from_batches(delivery.rejected(), REJECTED_SCHEMA)
    assert (rows.num_rows, rejected.num_rows) == (delivery.num_rows, delivery.num_rejected)
    return Delivered(
        month=delivery.month,
        rows=rows.combine_chunks(),
        rejected=rejected.combine_chunks(),
        content_hash=delivered_hash(delivery.source, delivery.rows()),
        fingerprint=fingerprint,
        files=delivery.files,
        undated=delivery.undated,
        undated_lines=delivery.undated_lines,
    )


def months_read(
    folder: Path | str, source: Source, months: Sequence[str] | None = None
) -> Iterator[Delivered]:
    """Take what is in a folder and read months of it, as bronze does; all that there are if None.

    What waits waits in a folder that is no delivery's.
    """
    settings = settings_of(folder, metrics_url="sqlite://")  # in memory: gone after the call
    arrivals = take_arrivals(settings, ledger_of(settings), NOW, [source], at_once=True)
    decided, found = arrivals.decisions[source.name].months, arrivals.found[source.name]
    files = {
        month: [found[file.path] for file in decided[month].files]
        for month in (decided if months is None else months)
    }
    for delivery in read_months(source, files, settings.scratch_folder):
        yield taken(delivery, decided[delivery.month].fingerprint)
