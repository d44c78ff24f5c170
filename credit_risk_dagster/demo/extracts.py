"""Writing extracts as a lender does: one growing file per source, or one per source and month."""

import csv
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from credit_risk_dagster.contract.source import Source

Layout = Literal["cumulative", "monthly"]


def extract_path(folder: Path, source: Source, month: str, layout: Layout) -> Path:
    """Return the file that holds a source's rows of a month."""
    suffix = "" if layout == "cumulative" else f"_{month[:7].replace('-', '_')}"
    return folder / f"{source.files[0]}{suffix}.csv"


def begin_extract(path: Path, source: Source) -> None:
    """Write the header if the file is new."""
    if not path.exists():
        path.write_text(",".join(source.headers) + "\n", encoding="utf-8")


def append_frame(path: Path, frame: pd.DataFrame) -> None:
    """Append rows that may need quoting."""
    with path.open("a", encoding="utf-8", newline="") as file:
        columns = (frame[name].tolist() for name in frame.columns)
        csv.writer(file, lineterminator="\n").writerows(zip(*columns, strict=True))


def append_table(path: Path, table: pa.Table) -> None:
    """Append rows of numbers and plain words, of which there may be millions."""
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("ab") as file:
        pyarrow.csv.write_csv(table, file, options)
