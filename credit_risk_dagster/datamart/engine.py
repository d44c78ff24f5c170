"""The two engines that run the tables: DuckDB in this process, or Spark.

Both read the same Parquet files, run the same Ibis expressions and write the same layout:
a file for each month and disposition, rows in key order.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_dagster.datamart.stored_rows import in_key_order

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend as DuckDBBackend
    from ibis.backends.pyspark import Backend as PySparkBackend
    from pyspark.sql import SparkSession

BATCH_ROWS = 65_536
ROW_GROUP_ROWS = 1_048_576
PARTITION_MONTH = "partition_month"
DISPOSITION = "disposition"
"""Which file of its partition a row belongs to; a column of what an engine writes."""
ACCEPTED = "rows"
"""The disposition of rows of the table itself."""

MapRows = Callable[[pd.DataFrame], pd.DataFrame]
"""Makes rows of rows; runs wherever the engine holds them."""

NewFile = Callable[[str, str], Path]
"""Gives the path of the next file of a month and disposition."""


class Engine(Protocol):
    """What the assets ask of an engine."""

    name: str

    def read(self, files: Sequence[Path], schema: pa.Schema) -> ir.Table:
        """Return the rows of Parquet files as one table of the declared schema."""

    def write(
        self, table: ir.Table, key: Sequence[str], month: str, new_file: NewFile, staging: Path
    ) -> None:
        """Write the rows in key order, months by column `month`, each where it will stay.

        Args:
            table: the rows of all months, with their dispositions.
            key: the columns that order them.
            month: the column of the month.
            new_file: gives the path of a file.
            staging: a folder on the same disk, for an engine that names its files itself.
        """

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
        """Apply a function to the rows of a month where they are, and write what it makes of them.

        Rows come and are written in key order, batch by batch; no more than a batch is held. No
        rows are no file.

        Args:
            table: the rows of the month, read from files that are in key order.
            function: makes rows of a batch of rows, in the same order.
            schema: the columns that it makes.
            key: the columns of `table` that order them.
            month: the month that they are of.
            new_file: gives the path of a file.
            staging: as for `write`.

        Raises:
            PartitionError: if the rows are not in key order, as an engine that sorts nothing finds.
        """


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
        return _declared(table, schema)

    def write(
        self, table: ir.Table, key: Sequence[str], month: str, new_file: NewFile, staging: Path
    ) -> None:
        """Write the rows in key order, months by column `month`, each where it will stay."""
        table = _with_partition(table, month)
        ordered = table.order_by([PARTITION_MONTH, DISPOSITION, *key])
        writers: dict[tuple[str, str], pq.ParquetWriter] = {}
        try:
            for batch in ordered.to_pyarrow_batches(chunk_size=ROW_GROUP_ROWS):
                for place, part in _split(batch):
                    if place not in writers:
                        writers[place] = pq.ParquetWriter(new_file(*place), part.schema)
                    writers[place].write_table(part)
        finally:
            for writer in writers.values():
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


class SparkEngine:
    """Runs tables on Spark: local cores or a cluster."""

    name = "pyspark"

    def __init__(self, session: "SparkSession") -> None:
        """Run on an open session."""
        self._session = session
        self._backend: PySparkBackend = ibis.pyspark.connect(session)

    def read(self, files: Sequence[Path], schema: pa.Schema) -> ir.Table:
        """Return the rows of Parquet files as one table of the declared schema."""
        from pyspark.sql.pandas.types import from_arrow_schema

        name = f"files_{uuid.uuid4().hex}"
        if files:
            frame = self._session.read.parquet(*map(_spark_path, files))
        else:
            frame = self._session.createDataFrame([], from_arrow_schema(schema))
        frame.createOrReplaceTempView(name)
        return _declared(self._backend.table(name), schema)

    def write(
        self, table: ir.Table, key: Sequence[str], month: str, new_file: NewFile, staging: Path
    ) -> None:
        """Write the rows in key order, months by column `month`, each where it will stay."""
        places = [PARTITION_MONTH, DISPOSITION]
        query = self._backend.compile(_with_partition(table, month))
        (
            self._session.sql(query)
            .repartition(*places)
            .sortWithinPartitions(*places, *key)
            .write.partitionBy(*places)
            .parquet(_spark_path(staging))
        )
        for part in sorted(staging.glob(f"{PARTITION_MONTH}=*/{DISPOSITION}=*/*.parquet")):
            disposition = part.parent.name.partition("=")[2]
            part.rename(new_file(part.parent.parent.name.partition("=")[2], disposition))

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
        """Apply a function to the rows of a month on the workers, which write what it makes."""
        from pyspark.sql.pandas.types import from_arrow_schema

        def map_batches(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
            return (function(frame) for frame in frames if len(frame))

        # Ordered before they are mapped: to cut the result in ranges would map all rows twice.
        (
            self._session.sql(self._backend.compile(table))
            .repartitionByRange(*key)
            .sortWithinPartitions(*key)
            .mapInPandas(map_batches, from_arrow_schema(schema))
            .write.parquet(_spark_path(staging))
        )
        for part in sorted(staging.glob("*.parquet")):
            if pq.read_metadata(part).num_rows:
                part.rename(new_file(month, ACCEPTED))


def _spark_path(path: Path) -> str:
    """Name the file system, since a cluster's default may be another.

    Not by `Path.as_uri`: Hadoop would look for a folder that has `%20` in its name.
    """
    return f"file://{path.resolve()}"


def _declared(table: ir.Table, schema: pa.Schema) -> ir.Table:
    """Select and cast to the declared columns, since engines differ in what they infer."""
    return table.select(schema.names).cast(ibis.Schema.from_pyarrow(schema))


def _with_partition(table: ir.Table, month: str) -> ir.Table:
    table = table.mutate(**{PARTITION_MONTH: table[month].cast("string")})
    if DISPOSITION in table.columns:
        return table
    return table.mutate(**{DISPOSITION: ibis.literal(ACCEPTED)})


def _split(batch: pa.RecordBatch) -> Iterator[tuple[tuple[str, str], pa.Table]]:
    """Cut an ordered batch where month or disposition changes."""
    places = list(
        zip(
            batch.column(PARTITION_MONTH).to_pylist(),
            batch.column(DISPOSITION).to_pylist(),
            strict=True,
        )
    )
    rows = pa.Table.from_batches([batch]).drop_columns([PARTITION_MONTH, DISPOSITION])
    start = 0
    for end in range(1, len(places) + 1):
        if end == len(places) or places[end] != places[start]:
            yield places[start], rows.slice(start, end - start)
            start = end
