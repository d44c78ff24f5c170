"""DuckDB as the engine: in this process, within a limit of memory, beyond which it spills."""

import uuid
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ibis.backends.sql.datatypes import DuckDBType

from credit_risk_dagster.datamart.engine import (
    ACCEPTED,
    BATCH_ROWS,
    DISPOSITION,
    FILE_ROWS,
    PARTITION_MONTH,
    QUERIES_KEPT,
    ROW_GROUP_ROWS,
    MapRows,
    NewFile,
    with_partition,
)
from credit_risk_dagster.datamart.stored_rows import in_key_order, lack_columns

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
        self._memory = memory
        self._view = lru_cache(QUERIES_KEPT)(self._bound)
        self._ordered = lru_cache(QUERIES_KEPT)(self._compiled)

    def read(self, files: Sequence[Path], schema: pa.Schema, name: str | None = None) -> ir.Table:
        """Return the rows of Parquet files as one table of the declared schema."""
        name = name or f"files_{uuid.uuid4().hex}"
        rows = f"FROM {_source(files, schema)} SELECT {_declared(schema)}"
        self._backend.raw_sql(f"CREATE OR REPLACE TEMP VIEW {_quoted(name)} AS {rows}")
        return self._view(name, schema)

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
        query = self._ordered(table, tuple(key), month)
        open_place, written, writer = ("", ""), 0, None
        try:
            for batch in self._backend.raw_sql(query).to_arrow_reader(ROW_GROUP_ROWS):
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
        self._give_memory_back()

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

    def _give_memory_back(self) -> None:
        """Give the system back what the allocator kept: it does so where a limit is set."""
        self._backend.raw_sql(f"SET memory_limit = '{self._memory}'")

    def _bound(self, name: str, _schema: pa.Schema) -> ir.Table:
        return self._backend.table(name)

    def _compiled(self, table: ir.Table, key: tuple[str, ...], month: str) -> str:
        """Return the query that gives rows with the file that each belongs to, in key order."""
        placed = with_partition(table, month)
        return str(self._backend.compile(placed.order_by([PARTITION_MONTH, DISPOSITION, *key])))


def _source(files: Sequence[Path], schema: pa.Schema) -> str:
    """Return what gives the rows of Parquet files; of none, no rows."""
    nothing = ", ".join(f"NULL AS {_quoted(name)}" for name in schema.names)
    if not files:
        return f"(SELECT {nothing} LIMIT 0)"
    found = ", ".join(_quoted(str(file), "'") for file in files)
    if not lack_columns(files, schema):
        return f"read_parquet([{found}])"
    rows = f"FROM read_parquet([{found}], union_by_name = true)"
    return f"({rows} UNION ALL BY NAME (SELECT {nothing} LIMIT 0))"


@lru_cache(QUERIES_KEPT)
def _declared(schema: pa.Schema) -> str:
    """Return what gives the declared columns, in the declared types."""
    return ", ".join(
        f"CAST({_quoted(name)} AS {DuckDBType.to_string(kind)}) AS {_quoted(name)}"
        for name, kind in ibis.Schema.from_pyarrow(schema).items()
    )


def _quoted(text: str, quote: str = '"') -> str:
    return quote + text.replace(quote, quote * 2) + quote


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
