"""Spark as the engine: on local cores, or on a cluster whose workers read and write files."""

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_dagster.datamart.engine import (
    ACCEPTED,
    DISPOSITION,
    FILE_ROWS,
    PARTITION_MONTH,
    QUERIES_KEPT,
    MapRows,
    NewFile,
    with_partition,
)
from credit_risk_dagster.datamart.store_place import published, stored_at
from credit_risk_dagster.datamart.stored_rows import lack_columns

if TYPE_CHECKING:
    from ibis.backends.pyspark import Backend as PySparkBackend
    from pyspark.sql import SparkSession


class SparkEngine:
    """Runs tables on Spark: local cores or a cluster."""

    name = "pyspark"

    def __init__(self, session: "SparkSession", reads_store: bool = False) -> None:
        """Run on an open session.

        Args:
            session: the session.
            reads_store: whether its workers read and write the object store themselves.
        """
        self._session = session
        self._reads_store = reads_store
        self._backend: PySparkBackend = ibis.pyspark.connect(session)
        self._view = lru_cache(QUERIES_KEPT)(self._bound)
        self._placed = lru_cache(QUERIES_KEPT)(self._compiled)

    def read(self, files: Sequence[Path], schema: pa.Schema, name: str | None = None) -> ir.Table:
        """Return the rows of Parquet files as one table of the declared schema."""
        from pyspark.sql.functions import col, lit
        from pyspark.sql.pandas.types import from_arrow_schema

        name, types = name or f"files_{uuid.uuid4().hex}", from_arrow_schema(schema)
        if files:
            merged = self._session.read.option("mergeSchema", lack_columns(files, schema))
            frame = merged.parquet(*map(self._path, files))
            columns = (
                col(f"`{one.name}`") if one.name in frame.columns else lit(None).alias(one.name)
                for one in types
            )
            typed = zip(columns, types, strict=True)
            frame = frame.select(*(one.cast(field.dataType) for one, field in typed))
        else:
            frame = self._session.createDataFrame([], types)
        frame.createOrReplaceTempView(name)
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
        """Write the rows in key order, months by column `month`, each where it will stay.

        Files of a month are named by Spark in the order of their rows.
        """
        from pyspark.sql import functions

        places = [PARTITION_MONTH, DISPOSITION]
        # As DuckDB orders them: what could not be read of a key is null, and comes last.
        by_key = [functions.col(name).asc_nulls_last() for name in key]
        frame = self._session.sql(self._placed(table, month))
        if rows > FILE_ROWS:
            frame = frame.repartitionByRange(-(-rows // FILE_ROWS), *places, *by_key)
        else:
            frame = frame.repartition(*places)
        ordered = frame.sortWithinPartitions(*places, *by_key)
        ordered.write.partitionBy(*places).parquet(self._path(staging))
        self._bring(staging)
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
            .write.parquet(self._path(staging))
        )
        self._bring(staging)
        for part in sorted(staging.glob("*.parquet")):
            if pq.read_metadata(part).num_rows:
                part.rename(new_file(month, ACCEPTED))

    def _bound(self, name: str, _schema: pa.Schema) -> ir.Table:
        return self._backend.table(name)

    def _compiled(self, table: ir.Table, month: str) -> str:
        """Return the query that gives rows with the file that each belongs to."""
        return str(self._backend.compile(with_partition(table, month)))

    def _path(self, path: Path) -> str:
        """Return where workers find a file, with the file system: a cluster's may be another.

        Not by `Path.as_uri`: Hadoop would look for a folder that has `%20` in its name.
        """
        address = published(path) if self._reads_store else None
        if address is not None:
            return re.sub("^s3://", "s3a://", address)
        return f"file://{path.resolve()}"

    def _bring(self, staging: Path) -> None:
        """Bring what workers wrote into the object store to where it is checked."""
        kept = stored_at(staging) if self._reads_store else None
        if kept is not None:
            for name in kept.store.names(kept.name):
                kept.store.download(name, staging / name.removeprefix(f"{kept.name}/"))
            kept.store.remove(kept.name)
