"""The two engines that run the tables: DuckDB in this process, or Spark.

Both read the same Parquet files, run the same Ibis expressions and write the same layout:
a file for each month and disposition, rows in key order.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend as DuckDBBackend
    from ibis.backends.pyspark import Backend as PySparkBackend
    from pyspark.sql import SparkSession

BATCH_ROWS = 65_536
ROW_GROUP_ROWS = 1_048_576
PARTITION_MONTH = "partition_month"
DISPOSITION = "disposition"
"""Which file of its partition a row belongs to; a column of what an engine writes."""

ScoreRows = Callable[[pd.DataFrame], pd.DataFrame]

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

    def map_rows(
        self, table: ir.Table, function: ScoreRows, schema: pa.Schema, key: Sequence[str]
    ) -> pa.Table:
        """Apply a function to the rows, batch by batch, where they are, and collect the result."""


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

    def map_rows(
        self, table: ir.Table, function: ScoreRows, schema: pa.Schema, key: Sequence[str]
    ) -> pa.Table:
        """Apply a function to the rows, batch by batch, and collect the result."""
        batches = table.order_by(list(key)).to_pyarrow_batches(chunk_size=BATCH_ROWS)
        results = [
            pa.Table.from_pandas(function(batch.to_pandas()), schema, preserve_index=False)
            for batch in batches
            if batch.num_rows
        ]
        return pa.concat_tables([schema.empty_table(), *results])


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

    def map_rows(
        self, table: ir.Table, function: ScoreRows, schema: pa.Schema, key: Sequence[str]
    ) -> pa.Table:
        """Apply a function to the rows, partition by partition on the workers, and collect."""
        from pyspark.sql.pandas.types import from_arrow_schema

        def map_batches(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
            return (function(frame) for frame in frames if len(frame))

        frame = self._session.sql(self._backend.compile(table))
        scored = frame.mapInPandas(map_batches, from_arrow_schema(schema))
        rows = pa.Table.from_pandas(scored.toPandas(), schema, preserve_index=False)
        return rows.sort_by([(name, "ascending") for name in key])


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
    return table.mutate(**{DISPOSITION: ibis.literal("rows")})


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
