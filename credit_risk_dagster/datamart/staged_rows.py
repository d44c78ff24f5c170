"""What staged rows must be before they become a partition: declared columns, and a unique key."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from credit_risk_dagster.datamart.content_hash import hash_batches
from credit_risk_dagster.datamart.table import Table

BATCH_ROWS = 65_536


def structure_faults(table: Table, rows: Path) -> list[str]:
    """Return what is wrong with the columns, types and key of staged rows; empty if nothing is."""
    fault = _column_fault(table, rows) or _key_fault(table, rows)
    return [fault] if fault else []


def is_as_recorded(table: Table, rows: Path, content_hash: str) -> bool:
    """Return whether stored rows are those of which a content hash was recorded."""
    return (
        rows.is_file()
        and _column_fault(table, rows) is None
        and rows_hash(table, rows) == content_hash
    )


def rows_hash(table: Table, rows: Path) -> str:
    """Return the content hash of staged rows, of the columns that it covers."""
    return _hash(rows, pa.schema([table.schema.field(name) for name in table.hashed_columns]))


def beside_summary(staged: Path, name: str, schema: pa.Schema) -> dict[str, Any]:
    """Return rows and content hash of a table kept beside the rows; an empty one if none is."""
    path = staged / f"{name}.parquet"
    if not path.exists():
        pq.write_table(schema.empty_table(), path)
    return {"rows": pq.read_metadata(path).num_rows, "content_hash": _hash(path, schema)}


def _hash(path: Path, schema: pa.Schema) -> str:
    batches = pq.ParquetFile(path).iter_batches(BATCH_ROWS, columns=schema.names)
    return hash_batches(schema, (batch.select(schema.names) for batch in batches))


def _column_fault(table: Table, rows: Path) -> str | None:
    found = pq.read_schema(rows)
    types = dict(zip(found.names, found.types, strict=True))
    wrong = [
        f"{field.name} is {types.get(field.name, 'missing')} instead of {field.type}"
        for field in table.schema
        if types.get(field.name) != field.type
    ]
    return f"its columns are not as declared: {', '.join(wrong)}." if wrong else None


def _key_fault(table: Table, rows: Path) -> str | None:
    """Look for neighbours with the same key, since rows are in key order."""
    if not table.key:
        return None
    previous: pa.RecordBatch | None = None
    for batch in pq.ParquetFile(rows).iter_batches(BATCH_ROWS, columns=list(table.key)):
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
