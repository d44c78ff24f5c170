"""What the customers of the reference lender do on its pages, month by month."""

from credit_risk_dagster.contract.kinds import Month, Number
from credit_risk_dagster.contract.reference.loan_book import CUSTOMER
from credit_risk_dagster.contract.source import Column, Shape, Source

CLICKSTREAM = Source(
    name="clickstream",
    shape=Shape.PANEL,
    files=("feature_clickstream",),
    meaning="Clickstream: one row per customer and month",
    columns=(
        Column("Customer_ID", "customer_id", CUSTOMER, "Identifier of the customer"),
        Column(
            "snapshot_date",
            "snapshot_date",
            Month(),
            "Snapshot month that the row belongs to, as its first day",
        ),
        *(
            Column(
                f"fe_{number}",
                f"fe_{number}",
                Number(whole=True),
                f"Clickstream reading {number} of the customer in the month, a whole number that "
                "may be negative",
                strip="_",
            )
            for number in range(1, 21)
        ),
    ),
)
