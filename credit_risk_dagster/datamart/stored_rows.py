"""Reading the rows of stored files: all at once, or so many at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from credit_risk_dagster.datamart.staged_rows import BATCH_ROWS
from credit_risk_dagster.errors import PartitionError


def read_files(files: Sequence[Path], schema: pa.Schema) -> pa.Table:
    """Read the rows of Parquet files into memory, with the columns of a schema."""
    parts = []
    for path in files:
        # A dataset, as `read_table` opens, takes twice as long for small files.
        with pq.ParquetFile(path) as file:
            parts.append(declared(file.read(columns=schema.names), schema))
    return pa.concat_tables([schema.empty_table(), *parts])


def file_batches(files: Sequence[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """Read Parquet files with the columns of a schema, 65,536 rows at a time; the last are fewer.

    Where a batch ends does not depend on how the rows are spread over files.
    """
    waiting = schema.empty_table()
    for path in files:
        with pq.ParquetFile(path) as file:
            for part in file.iter_batches(BATCH_ROWS, columns=schema.names):
                rows = declared(pa.Table.from_batches([part]), schema)
                waiting = pa.concat_tables([waiting, rows])
                while waiting.num_rows >= BATCH_ROWS:
                    yield waiting.slice(0, BATCH_ROWS)
                    waiting = waiting.slice(BATCH_ROWS)
    if waiting.num_rows:
        yield waiting


def copy_rows(files: Sequence[Path], schema: pa.Schema, path: Path) -> None:
    """Write the rows of Parquet files into one, with the columns of a schema, batch by batch."""
    with pq.ParquetWriter(path, schema) as writer:
        for rows in file_batches(files, schema):
            writer.write_table(rows)


def in_key_order(
    batches: Iterator[pa.RecordBatch], key: Sequence[str], month: str
) -> Iterator[pa.RecordBatch]:
    """Give batches on, having looked that they are in key order: to sort them would hold them all.

    Raises:
        PartitionError: if they are not.
    """
    order = [(name, "ascending") for name in key]
    last: list[pa.RecordBatch] = []
    for batch in batches:
        keys = batch.select(list(key))
        places = pc.sort_indices(pa.Table.from_batches([*last, keys]), sort_keys=order)
        if not places.equals(pa.array(np.arange(len(places), dtype=np.uint64))):
            raise PartitionError(
                f"The stored rows of {month} are not in the order of {', '.join(key)}, in which "
                f"they are written. Run {month[:7]} again: `credit-risk run --months {month[:7]}`."
            )
        last = [keys.slice(batch.num_rows - 1)]
        yield batch


def lack_columns(files: Sequence[Path], schema: pa.Schema) -> bool:
    """Return whether files lack a column of a schema: one that began later than their months."""
    names = set(schema.names)
    return any(not names.issubset(pq.read_schema(file).names) for file in files)


def declared(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows with the declared columns; one that began later is missing in old months."""
    for field in schema:
        if field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(schema.names).cast(schema)
