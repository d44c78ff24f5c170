"""The loan management system of the reference lender."""

from credit_risk_dagster.contract.kinds import Identifier, Month, Number
from credit_risk_dagster.contract.roles import LATEST_MONTH_ON_BOOK
from credit_risk_dagster.contract.source import Column, Shape, Source

MONEY = "the lender's currency"
CUSTOMER = Identifier(r"CUS_0x[0-9a-f]{1,8}")

LOANS = Source(
    name="loans",
    shape=Shape.LOAN_BOOK,
    files=("lms_loan_daily",),
    meaning="The loan book: one row per loan and month on book",
    columns=(
        Column(
            "loan_id",
            "loan_id",
            Identifier(r"CUS_0x[0-9a-f]{1,8}_[0-9]{4}_[0-9]{2}_[0-9]{2}"),
            "Identifier of the loan, made of its customer and its start date",
        ),
        Column("Customer_ID", "customer_id", CUSTOMER, "Identifier of the customer"),
        Column(
            "loan_start_date",
            "loan_start_date",
            Month(),
            "Month in which the loan was granted, as its first day",
        ),
        Column(
            "tenure",
            "tenure",
            Number(low=1, whole=True),
            "Number of monthly instalments that the loan is to be repaid in",
            required=True,
        ),
        Column(
            "installment_num",
            "month_on_book",
            Number(low=0, high=LATEST_MONTH_ON_BOOK, whole=True),
            "Months since the loan was granted, 0 in its first snapshot",
        ),
        Column(
            "loan_amt",
            "loan_amount",
            Number(low=0),
            "Amount that was lent",
            unit=MONEY,
            required=True,
        ),
        Column(
            "due_amt",
            "due_amount",
            Number(low=0),
            "Instalment due in the snapshot month; 0 at month on book 0",
            unit=MONEY,
        ),
        Column(
            "paid_amt",
            "paid_amount",
            Number(low=0),
            "Amount that was paid in the snapshot month",
            unit=MONEY,
            required=True,
        ),
        Column(
            "overdue_amt",
            "overdue_amount",
            Number(low=0),
            "Instalments due and not paid up to the snapshot",
            unit=MONEY,
        ),
        Column(
            "balance",
            "balance",
            Number(),
            "Amount of the loan still to be repaid",
            unit=MONEY,
            required=True,
        ),
        Column(
            "snapshot_date",
            "snapshot_date",
            Month(),
            "Snapshot month that the row belongs to, as its first day",
        ),
    ),
)
