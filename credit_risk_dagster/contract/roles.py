"""The names of columns that the platform itself reads: a column of such a name has that role."""

from credit_risk_dagster.contract.kinds import Date, Identifier, Month, Number

LATEST_MONTH_ON_BOOK = 600
"""No loan is older, and none can have missed more instalments."""

IDENTIFIERS = {
    "loan_id": "Identifier of the loan",
    "customer_id": "Identifier of the customer",
    "application_id": "Identifier of the application, where a customer can have two in a month",
}

LOAN_BOOK = {
    "tenure": "Number of monthly instalments that the loan is to be repaid in",
    "month_on_book": "Months since the loan was granted, 0 in its first snapshot",
    "loan_amount": "Amount that was lent",
    "due_amount": "Instalment due in the snapshot month",
    "paid_amount": "Amount that was paid in the snapshot month",
    "overdue_amount": "Instalments due and not paid up to the snapshot",
    "balance": "Amount of the loan still to be repaid",
    "installments_missed": "Instalments overdue, a part counted as one; 0 where nothing is due",
    "days_past_due": "Days to the snapshot from the one as many months earlier as instalments are "
    "missed; 0 if none is",
}
"""What is known of a loan in a month; whichever are not delivered are derived or null."""

WHOLE_NUMBERS = ("tenure", "month_on_book", "installments_missed", "days_past_due")

MONTHS = {
    "snapshot_date": "Snapshot month that the row belongs to, as its first day",
    "loan_start_date": "Month in which the loan was granted, as its first day",
}

KINDS_OF_ROLES = {
    **dict.fromkeys(IDENTIFIERS, (Identifier,)),
    **dict.fromkeys(LOAN_BOOK, (Number,)),
    "snapshot_date": (Month, Date),
    "loan_start_date": (Month, Date),
}
