"""What runs the tables: one of two engines, DuckDB in this process, or Spark.

Both read the same Parquet files, run the same Ibis expressions and write the same layout:
a file for each month and disposition, or a few of a large one, rows in key order.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

BATCH_ROWS = 65_536
ROW_GROUP_ROWS = 131_072
FILE_ROWS = 2_000_000
"""A month of more rows is spread over several files."""

QUERIES_KEPT = 32
"""How many compiled queries an engine keeps."""

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

    def read(self, files: Sequence[Path], schema: pa.Schema, name: str | None = None) -> ir.Table:
        """Return the rows of Parquet files as one table of the declared schema.

        Args:
            files: the files; none are no rows.
            schema: columns and types, whatever an engine would infer.
            name: a word to call the rows by, until others are read under it. By the same name and
                schema the same table is returned, so that a query over it is compiled once.
        """

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

        Args:
            table: the rows of all months, with their dispositions.
            key: the columns that order them.
            month: the column of the month.
            new_file: gives the path of a file.
            staging: a folder on the same disk, for an engine that names its files itself.
            rows: how many there are at most, by which an engine spreads its work.
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


def with_partition(table: ir.Table, month: str) -> ir.Table:
    """Add the columns that say which file a row belongs to: its month and its disposition."""
    table = table.mutate(**{PARTITION_MONTH: table[month].cast("string")})
    if DISPOSITION in table.columns:
        return table
    return table.mutate(**{DISPOSITION: ibis.literal(ACCEPTED)})
