"""Bronze: the delivery as it came, as text, with where each row came from."""

import pyarrow as pa

from credit_risk_dagster.sources import ATTRIBUTES, CLICKSTREAM, FINANCIALS, LOANS, Source
from credit_risk_dagster.tables.table import Table, schema_of

REJECTED = "rejected"
PROVENANCE = ("source_file", "line_number")
REJECTED_SCHEMA = schema_of(
    source_file=pa.string(), line_number=pa.int64(), reason=pa.string(), text=pa.string()
)


def _bronze_table(source: Source) -> Table:
    columns = [pa.field(name, pa.string()) for name in source.columns]
    columns += [pa.field("source_file", pa.string()), pa.field("line_number", pa.int64())]
    return Table(
        layer="bronze",
        name=source.name,
        schema=pa.schema(columns),
        key=(),  # duplicates are kept as they came; silver takes them apart
        unhashed=PROVENANCE,
        beside=((REJECTED, REJECTED_SCHEMA),),
    )


BRONZE_LOANS = _bronze_table(LOANS)
BRONZE_ATTRIBUTES = _bronze_table(ATTRIBUTES)
BRONZE_FINANCIALS = _bronze_table(FINANCIALS)
BRONZE_CLICKSTREAM = _bronze_table(CLICKSTREAM)
BRONZE = {
    LOANS.name: BRONZE_LOANS,
    ATTRIBUTES.name: BRONZE_ATTRIBUTES,
    FINANCIALS.name: BRONZE_FINANCIALS,
    CLICKSTREAM.name: BRONZE_CLICKSTREAM,
}
