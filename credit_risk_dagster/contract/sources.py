"""The four extracts that a lender delivers each month: names, columns and keys."""

from dataclasses import dataclass

SNAPSHOT_DATE = "snapshot_date"


@dataclass(frozen=True)
class Source:
    """One raw extract: its table name, the stem of its files, its columns and its key."""

    name: str
    file_stem: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    personal: tuple[str, ...] = ()


LOANS = Source(
    name="loans",
    file_stem="lms_loan_daily",
    columns=(
        "loan_id",
        "Customer_ID",
        "loan_start_date",
        "tenure",
        "installment_num",
        "loan_amt",
        "due_amt",
        "paid_amt",
        "overdue_amt",
        "balance",
        SNAPSHOT_DATE,
    ),
    key=("loan_id", SNAPSHOT_DATE),
)

ATTRIBUTES = Source(
    name="attributes",
    file_stem="features_attributes",
    columns=("Customer_ID", "Name", "Age", "SSN", "Occupation", SNAPSHOT_DATE),
    key=("Customer_ID", SNAPSHOT_DATE),
    personal=("Name", "SSN"),
)

FINANCIALS = Source(
    name="financials",
    file_stem="features_financials",
    columns=(
        "Customer_ID",
        "Annual_Income",
        "Monthly_Inhand_Salary",
        "Num_Bank_Accounts",
        "Num_Credit_Card",
        "Interest_Rate",
        "Num_of_Loan",
        "Type_of_Loan",
        "Delay_from_due_date",
        "Num_of_Delayed_Payment",
        "Changed_Credit_Limit",
        "Num_Credit_Inquiries",
        "Credit_Mix",
        "Outstanding_Debt",
        "Credit_Utilization_Ratio",
        "Credit_History_Age",
        "Payment_of_Min_Amount",
        "Total_EMI_per_month",
        "Amount_invested_monthly",
        "Payment_Behaviour",
        "Monthly_Balance",
        SNAPSHOT_DATE,
    ),
    key=("Customer_ID", SNAPSHOT_DATE),
)

CLICKSTREAM = Source(
    name="clickstream",
    file_stem="feature_clickstream",
    columns=("Customer_ID", SNAPSHOT_DATE, *(f"fe_{number}" for number in range(1, 21))),
    key=("Customer_ID", SNAPSHOT_DATE),
)

SOURCES = (LOANS, ATTRIBUTES, FINANCIALS, CLICKSTREAM)
