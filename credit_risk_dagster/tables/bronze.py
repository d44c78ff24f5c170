"""Bronze: the delivery as it came, as text, with where each row came from."""

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.datamart.table import DELIVERED_MONTH, Table
from credit_risk_dagster.delivery.reader import (
    LINE_NUMBER,
    REJECTED_SCHEMA,
    SOURCE_FILE,
    rows_schema,
)
from credit_risk_dagster.delivery.unknown_columns import UNKNOWN_COLUMNS

REJECTED = "rejected"
PROVENANCE = (SOURCE_FILE, LINE_NUMBER)
NO_CONTENT = (UNKNOWN_COLUMNS, *PROVENANCE)
"""What makes no difference between two deliveries, nor between two rows."""


def bronze_table(source: Source) -> Table:
    """Return the table that holds the delivered rows of a source."""
    return Table(
        layer="bronze",
        name=source.name,
        schema=rows_schema(source),
        description=f"The rows of `{source.files[0]}` as delivered, as text, with file and line; "
        "lines that cannot be read are in a table beside, with the reason.",
        key=(),  # duplicates are kept as they came; silver takes them apart
        month_column=DELIVERED_MONTH,
        unhashed=NO_CONTENT,
        beside=((REJECTED, REJECTED_SCHEMA),),
    )


BRONZE = {source.name: bronze_table(source) for source in CONTRACT.sources}
