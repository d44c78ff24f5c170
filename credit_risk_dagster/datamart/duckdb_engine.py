"""DuckDB as the engine: in this process, within a limit of memory, beyond which it spills."""

import uuid
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from credit_risk_dagster.datamart.engine import (
    ACCEPTED,
    BATCH_ROWS,
    DISPOSITION,
    FILE_ROWS,
    PARTITION_MONTH,
    ROW_GROUP_ROWS,
    MapRows,
    NewFile,
    declared,
    with_partition,
)
from credit_risk_dagster.datamart.stored_rows import in_key_order

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend as DuckDBBackend


class DuckDBEngine:
    """Runs tables in this process: no server, no JVM."""

    name = "duckdb"

    def __init__(self, spill: Path | None = None, memory: str = "512MB", threads: int = 2) -> None:
        """Open an engine in memory.

        Args:
            spill: the folder that takes what does not fit; by default nothing is spilled.
            memory: how much fits.
            threads: how many threads it runs on.
        """
        self._backend: DuckDBBackend = ibis.duckdb.connect(
            threads=threads, memory_limit=memory, temp_directory=str(spill) if spill else ""
        )

    def read(self, files: Sequence[Path], schema: pa.Schema) -> ir.Table:
        """Return the rows of Parquet files as one table of the declared schema."""
        if not files:
            return self._backend.create_table(f"empty_{uuid.uuid4().hex}", schema.empty_table())
        table = self._backend.read_parquet([str(file) for file in files])
        return declared(table, schema)

    def write(
        self,
        table: ir.Table,
        key: Sequence[str],
        month: str,
        new_file: NewFile,
        staging: Path,
        rows: int = 0,
    ) -> None:
        """Write the rows in key order, months by column `month`, each where it will stay."""
        table = with_partition(table, month)
        ordered = table.order_by([PARTITION_MONTH, DISPOSITION, *key])
        open_place, written, writer = ("", ""), 0, None
        try:
            for batch in ordered.to_pyarrow_batches(chunk_size=ROW_GROUP_ROWS):
                for place, part in _split(batch):
                    if writer is None or place != open_place or written >= FILE_ROWS:
                        if writer is not None:
                            writer.close()
                        writer = pq.ParquetWriter(new_file(*place), part.schema)
                        open_place, written = place, 0
                    writer.write_table(part)
                    written += part.num_rows
        finally:
            if writer is not None:
                writer.close()

    def write_mapped(
        self,
        table: ir.Table,
        function: MapRows,
        schema: pa.Schema,
        key: Sequence[str],
        month: str,
        new_file: NewFile,
        staging: Path,
    ) -> None:
        """Apply a function to the rows of a month, and write what it makes of them in key order."""
        stored = table.to_pyarrow_batches(chunk_size=BATCH_ROWS)
        batches = in_key_order((batch for batch in stored if batch.num_rows), key, month)
        first = next(batches, None)
        if first is None:
            return
        with pq.ParquetWriter(new_file(month, ACCEPTED), schema) as writer:
            for batch in chain([first], batches):
                rows = function(batch.to_pandas())
                writer.write_table(pa.Table.from_pandas(rows, schema, preserve_index=False))


def _split(batch: pa.RecordBatch) -> Iterator[tuple[tuple[str, str], pa.Table]]:
    """Cut an ordered batch where month or disposition changes."""
    months, dispositions = batch.column(PARTITION_MONTH), batch.column(DISPOSITION)
    changes = pc.or_(
        pc.not_equal(months[1:], months[:-1]), pc.not_equal(dispositions[1:], dispositions[:-1])
    )
    bounds = [0, *(np.flatnonzero(changes.to_numpy(zero_copy_only=False)) + 1), batch.num_rows]
    rows = pa.Table.from_batches([batch]).drop_columns([PARTITION_MONTH, DISPOSITION])
    for start, end in pairwise(bounds):
        if end > start:
            place = (months[int(start)].as_py(), dispositions[int(start)].as_py())
            yield place, rows.slice(start, end - start)
