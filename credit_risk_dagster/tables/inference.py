"""The scores of a month's applicants."""

import pyarrow as pa

from credit_risk_dagster.datamart.table import Table

REASON_COUNT = 4
"""Reasons given for a score: as many as Regulation B's commentary to 12 CFR 1002.9(b)(2) finds
useful to disclose."""

PREDICTIONS = Table(
    layer="inference",
    name="predictions",
    description="The probability of default of every applicant of the month, with band, model and "
    "up to four reasons. Issued scores stay; a corrected delivery adds a revision.",
    schema=pa.schema(
        [
            pa.field("loan_id", pa.string()),
            pa.field("customer_id", pa.string()),
            pa.field("snapshot_date", pa.date32()),
            pa.field("revision", pa.int64()),
            pa.field("model_id", pa.string()),
            pa.field("probability", pa.float64()),
            pa.field("band", pa.string()),
            *(
                field
                for number in range(1, REASON_COUNT + 1)
                for field in (
                    pa.field(f"reason_{number}", pa.string()),
                    pa.field(f"reason_{number}_log_odds", pa.float64()),
                )
            ),
        ]
    ),
    key=("revision", "loan_id"),
    decides=True,
    is_evidence=True,
)
"""Revision 0 holds the scores as issued; a corrected delivery adds a revision beside them."""
