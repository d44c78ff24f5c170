"""What a table is: its place in the datamart, its columns and its key."""

from dataclasses import dataclass

import pyarrow as pa

MONTH = "snapshot_date"


@dataclass(frozen=True)
class Table:
    """One monthly-partitioned table of the datamart.

    Attributes:
        layer: the group it belongs to, for example `silver`.
        name: its name within the group.
        schema: columns and types of its rows.
        key: columns that identify a row within a month; rows are stored in this order.
        unhashed: columns that record where a row came from, not what it says.
        pointers: those of `unhashed` that name what is kept outside of the datamart, such as a
            model's file: a partition that points elsewhere is written again.
        beside: tables kept beside the rows, by name, with their schemas.
    """

    layer: str
    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    unhashed: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()
    beside: tuple[tuple[str, pa.Schema], ...] = ()

    @property
    def path(self) -> str:
        """Its place in the datamart, for example `silver/loans`."""
        return f"{self.layer}/{self.name}"

    def partition(self, month: str) -> str:
        """The name of one of its partitions, for example `silver/loans/2024-09-01`."""
        return f"{self.path}/{month}"

    @property
    def hashed_columns(self) -> list[str]:
        """The columns that its content hash covers."""
        return [name for name in self.schema.names if name not in self.unhashed]


def schema_of(**columns: pa.DataType) -> pa.Schema:
    """Build a schema from column names and types."""
    return pa.schema(list(columns.items()))
