"""Where a cleaned row belongs: accepted, quarantined with its reasons, or a duplicate.

Every delivered row gets exactly one of the three, so that they add up to what was delivered.
"""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from credit_risk_dagster.datamart.engine import DISPOSITION
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.tables.bronze import NO_CONTENT, PROVENANCE
from credit_risk_dagster.tables.cleaning import Cleaned, join_texts, trimmed

ACCEPTED = "rows"
QUARANTINED = "quarantined"
DUPLICATES = "duplicates"
REASONS = "reasons"
CORRECTIONS = "corrections"

ORDINAL = "_ordinal"
VARIANTS = "_variants"


def beside(schema: pa.Schema, key: Sequence[str]) -> tuple[tuple[str, pa.Schema], ...]:
    """Return the tables that silver keeps beside its rows: quarantined rows and duplicates."""
    fields = [schema.field(name) for name in key]
    quarantined = pa.schema([*fields, pa.field(REASONS, pa.string())])
    return ((QUARANTINED, quarantined), (DUPLICATES, pa.schema(fields)))


def judge(
    bronze: ir.Table, table: Table, columns: dict[str, Cleaned], key: Sequence[str]
) -> ir.Table:
    """Return every delivered row, cleaned, with its disposition, corrections and reasons.

    A row that repeats another to the letter is a duplicate. Rows that share a key and differ are
    all quarantined: nobody but the lender can tell which one is right.

    Args:
        bronze: delivered rows, as text.
        table: the silver table, whose columns the result has.
        columns: the cleaned columns of `bronze`, by name; of the table's others there are nulls.
        key: the raw columns that identify a row.
    """
    texts = [name for name in bronze.columns if name not in NO_CONTENT]
    repeats = ibis.window(group_by=texts, order_by=list(PROVENANCE))
    rows = bronze.mutate(**{ORDINAL: ibis.row_number().over(repeats)})
    first = (rows[ORDINAL] == 0).cast("int64")
    same_key = ibis.window(group_by=[trimmed(rows[name]) for name in key])
    rows = rows.mutate(**{VARIANTS: first.sum().over(same_key)})
    conflict = ibis.ifelse(
        rows[VARIANTS] > 1,
        ibis.literal(f"{', '.join(key)} occurs more than once with different values"),
        ibis.null("string"),
    )
    reasons = join_texts([*(column.reason for column in columns.values()), conflict])
    return rows.select(
        **{
            field.name: _typed(columns, field)
            for field in table.schema
            if field.name != CORRECTIONS
        },
        **{
            CORRECTIONS: join_texts([column.correction for column in columns.values()]),
            REASONS: reasons,
            DISPOSITION: ibis.cases(
                (rows[ORDINAL] > 0, DUPLICATES), (reasons != "", QUARANTINED), else_=ACCEPTED
            ),
        },
    )


def _typed(columns: dict[str, Cleaned], field: pa.Field) -> ir.Value:
    """Return a column of the type that its table declares; null where it is not delivered."""
    declared = ibis.dtype(field.type)
    if field.name not in columns:
        return ibis.null(declared)
    value = columns[field.name].value
    return value if value.type() == declared else value.cast(declared)
