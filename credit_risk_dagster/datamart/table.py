"""What a table is: its place in the datamart, its columns and its key."""

from dataclasses import dataclass

import pyarrow as pa

MONTH = "snapshot_date"
DELIVERED_MONTH = "snapshot_month"
"""The month of delivered rows, whose own `snapshot_date` is the lender's text."""


@dataclass(frozen=True)
class Table:
    """One monthly-partitioned table of the datamart.

    Attributes:
        layer: the group it belongs to, for example `silver`.
        name: its name within the group.
        schema: columns and types of its rows.
        key: columns that identify a row within a month; rows are stored in this order.
        description: what it holds, in a sentence or two.
        unhashed: columns that record where a row came from, not what it says.
        pointers: those of `unhashed` that name what is kept outside of the datamart, such as a
            model's file: a month that points elsewhere is written again.
        beside: tables kept beside the rows, by name, with their schemas.
        month_column: the column that its months are told apart by; stored, if not declared too.
        decides: whether its rows are decisions or issued scores, which a new definition leaves as
            they are; else they are computed again.
        is_evidence: whether its rows cannot be computed again once they are lost.
    """

    layer: str
    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    description: str = ""
    unhashed: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()
    beside: tuple[tuple[str, pa.Schema], ...] = ()
    month_column: str = MONTH
    decides: bool = False
    is_evidence: bool = False

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

    @property
    def stored_schema(self) -> pa.Schema:
        """Its columns as readers of the stored table see them: with the month, always."""
        if self.month_column in self.schema.names:
            return self.schema
        return self.schema.append(pa.field(self.month_column, pa.date32()))

    @property
    def tables_beside(self) -> "dict[str, Table]":
        """The tables kept beside the rows, by name: tables too, such as `bronze/loans_rejected`."""
        return {
            name: Table(
                layer=self.layer,
                name=f"{self.name}_{name}",
                schema=schema,
                key=(),
                month_column=self.month_column,
                description=f"The {name.replace('_', ' ')} of {self.path}.",
            )
            for name, schema in self.beside
        }


def schema_of(**columns: pa.DataType) -> pa.Schema:
    """Build a schema from column names and types."""
    return pa.schema(list(columns.items()))
