"""What a lender writes: lines, files and folders of attributes extracts."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from credit_risk_dagster.contract.sources import ATTRIBUTES, SNAPSHOT_DATE
from credit_risk_dagster.delivery.files import DeliveredFile

COLUMNS = ATTRIBUTES.columns
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
