"""What staged rows must be before they become a month: declared columns, and a unique key."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from credit_risk_dagster.datamart.content_hash import hash_batches
from credit_risk_dagster.datamart.table import MONTH, Table
from credit_risk_dagster.months import first_day

BATCH_ROWS = 65_536


def structure_faults(table: Table, month: str, files: Sequence[Path]) -> list[str]:
    """Return what is wrong with columns, types, month and key of staged rows."""
    for file in files:
        fault = _column_fault(table, file) or _month_fault(table, month, file)
        if fault:
            return [fault]
    fault = _key_fault(table, files)
    return [fault] if fault else []


def rows_hash(table: Table, files: Sequence[Path]) -> str:
    """Return the content hash of rows in the files of a month, of the columns that it covers."""
    schema = pa.schema([table.schema.field(name) for name in table.hashed_columns])
    return hash_batches(schema, (batch.select(schema.names) for batch in _batches(files, schema)))


def _batches(files: Sequence[Path], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for path in files:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(BATCH_ROWS, columns=schema.names)


def wrong_columns(table: Table, file: Path) -> list[str]:
    """Return which columns of a file are not as declared, and what they are instead."""
    found = pq.read_schema(file)
    types = dict(zip(found.names, found.types, strict=True))
    return [
        f"{field.name} is {types.get(field.name, 'missing')} instead of {field.type}"
        for field in table.schema
        if types.get(field.name) != field.type
    ]


def _column_fault(table: Table, file: Path) -> str | None:
    wrong = wrong_columns(table, file)
    return f"its columns are not as declared: {', '.join(wrong)}." if wrong else None


def _month_fault(table: Table, month: str, file: Path) -> str | None:
    """Look for rows of another month, by what the file says of each of its row groups."""
    if table.month_column != MONTH or MONTH not in table.schema.names:
        return None
    expected = first_day(month)
    for span in _spans(file):
        if span != (expected, expected):
            return f"it holds rows of another {MONTH}: {span[0]} to {span[1]}."
    return None


def _spans(file: Path) -> Iterator[tuple[date, date]]:
    rows = pq.read_table(file, columns=[MONTH], partitioning=None).column(MONTH)
    if len(rows):
        spanned = pc.min_max(rows, skip_nulls=False).as_py()
        yield spanned["min"], spanned["max"]


def _key_fault(table: Table, files: Sequence[Path]) -> str | None:
    """Look for neighbours with the same key, since rows are in key order."""
    if not table.key:
        return None
    previous: pa.RecordBatch | None = None
    schema = pa.schema([table.schema.field(name) for name in table.key])
    for batch in _batches(files, schema):
        missing = [name for name in table.key if batch.column(name).null_count]
        if missing:
            return f"the key {', '.join(table.key)} is not complete: {missing[0]} is missing."
        part = pa.Table.from_batches([batch] if previous is None else [previous, batch])
        same = None
        for name in table.key:
            column = part.column(name).combine_chunks()
            equal = pc.equal(column.slice(1), column.slice(0, len(column) - 1))
            same = equal if same is None else pc.and_(same, equal)
        repeated = part.slice(1).filter(same).select(list(table.key))
        if repeated.num_rows:
            return (
                f"the key {', '.join(table.key)} is not unique: "
                f"{repeated.num_rows} repeated, for example {repeated.slice(0, 1).to_pylist()[0]}."
            )
        previous = batch.slice(batch.num_rows - 1)
    return None
