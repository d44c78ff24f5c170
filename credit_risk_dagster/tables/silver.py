"""Silver: typed, cleaned, in range, one row per key, no personal data.

The accepted ranges and the placeholders are the lender's own, from the data dictionary.
"""

from collections.abc import Callable

import ibis.expr.types as ir
import pyarrow as pa

from credit_risk_dagster.contract.features import CLICKSTREAM_FEATURES
from credit_risk_dagster.contract.reference import ATTRIBUTES, CLICKSTREAM, FINANCIALS, LOANS
from credit_risk_dagster.contract.source import SNAPSHOT_DATE
from credit_risk_dagster.datamart.table import Table, schema_of
from credit_risk_dagster.tables.cleaning import (
    Cleaned,
    category,
    identifier,
    month_start,
    number,
    required,
)
from credit_risk_dagster.tables.derived_columns import (
    LATEST_MONTH_ON_BOOK,
    annual_income,
    consistent_month_on_book,
    credit_history_months,
    days_past_due,
    installments_missed,
    occupation,
    payment_behaviour,
)
from credit_risk_dagster.tables.judgement import CORRECTIONS, beside, judge

BESIDE = "Quarantined rows and duplicates are in tables beside."

SILVER_LOANS = Table(
    layer="silver",
    name="loans",
    description="The loan book with month on book and days past due. " + BESIDE,
    schema=(
        _loans := schema_of(
            loan_id=pa.string(),
            customer_id=pa.string(),
            snapshot_date=pa.date32(),
            loan_start_date=pa.date32(),
            tenure=pa.int64(),
            month_on_book=pa.int64(),
            loan_amount=pa.float64(),
            due_amount=pa.float64(),
            paid_amount=pa.float64(),
            overdue_amount=pa.float64(),
            balance=pa.float64(),
            installments_missed=pa.int64(),
            days_past_due=pa.int64(),
            corrections=pa.string(),
        )
    ),
    key=("loan_id", "snapshot_date"),
    beside=beside(_loans, ("loan_id", "snapshot_date")),
)

SILVER_ATTRIBUTES = Table(
    layer="silver",
    name="attributes",
    description="Applicants' age and occupation, without personal data. " + BESIDE,
    schema=(
        _attributes := schema_of(
            customer_id=pa.string(),
            snapshot_date=pa.date32(),
            age=pa.float64(),
            occupation=pa.string(),
            corrections=pa.string(),
        )
    ),
    key=("customer_id", "snapshot_date"),
    beside=beside(_attributes, ("customer_id", "snapshot_date")),
)

SILVER_FINANCIALS = Table(
    layer="silver",
    name="financials",
    description="Applicants' financials, typed and in the ranges that the lender accepts. "
    + BESIDE,
    schema=(
        _financials := schema_of(
            customer_id=pa.string(),
            snapshot_date=pa.date32(),
            annual_income=pa.float64(),
            monthly_inhand_salary=pa.float64(),
            num_bank_accounts=pa.float64(),
            num_credit_card=pa.float64(),
            interest_rate=pa.float64(),
            num_of_loan=pa.float64(),
            type_of_loan=pa.string(),
            delay_from_due_date=pa.float64(),
            num_of_delayed_payment=pa.float64(),
            changed_credit_limit=pa.float64(),
            num_credit_inquiries=pa.float64(),
            credit_mix=pa.string(),
            outstanding_debt=pa.float64(),
            credit_utilization_ratio=pa.float64(),
            credit_history_months=pa.float64(),
            payment_of_min_amount=pa.string(),
            total_emi_per_month=pa.float64(),
            amount_invested_monthly=pa.float64(),
            spending_level=pa.string(),
            payment_size=pa.string(),
            monthly_balance=pa.float64(),
            corrections=pa.string(),
        )
    ),
    key=("customer_id", "snapshot_date"),
    beside=beside(_financials, ("customer_id", "snapshot_date")),
)

SILVER_CLICKSTREAM = Table(
    layer="silver",
    name="clickstream",
    description="Monthly clickstream counts by customer. " + BESIDE,
    schema=(
        _clickstream := pa.schema(
            [
                pa.field("customer_id", pa.string()),
                pa.field("snapshot_date", pa.date32()),
                *(pa.field(name, pa.int64()) for name in CLICKSTREAM_FEATURES),
                pa.field(CORRECTIONS, pa.string()),
            ]
        )
    ),
    key=("customer_id", "snapshot_date"),
    beside=beside(_clickstream, ("customer_id", "snapshot_date")),
)

SILVER = {
    table.name: table
    for table in (SILVER_LOANS, SILVER_ATTRIBUTES, SILVER_FINANCIALS, SILVER_CLICKSTREAM)
}


def loans(bronze: ir.Table) -> ir.Table:
    """Return the loan book with month on book and days past due.

    Instalments missed = ceil(overdue / due), 0 where nothing is due; days past due = the days
    from the snapshot as many months earlier to this snapshot.
    """
    amount = {name: number(bronze[name], low=0) for name in ("due_amt", "paid_amt", "overdue_amt")}
    amount["balance"] = number(bronze.balance)
    amount["loan_amt"] = number(bronze.loan_amt, low=0)
    amount = {name: required(cleaned, bronze[name]) for name, cleaned in amount.items()}
    snapshot, start = month_start(bronze.snapshot_date), month_start(bronze.loan_start_date)
    on_book = required(
        number(bronze.installment_num, low=0, high=LATEST_MONTH_ON_BOOK, whole=True),
        bronze.installment_num,
    )
    missed = installments_missed(bronze, amount["due_amt"].value, amount["overdue_amt"].value)
    columns = {
        "loan_id": identifier(bronze.loan_id),
        "customer_id": identifier(bronze.Customer_ID),
        "snapshot_date": snapshot,
        "loan_start_date": start,
        "tenure": required(number(bronze.tenure, low=1, whole=True), bronze.tenure),
        "month_on_book": consistent_month_on_book(on_book, snapshot, start),
        "loan_amount": amount["loan_amt"],
        "due_amount": amount["due_amt"],
        "paid_amount": amount["paid_amt"],
        "overdue_amount": amount["overdue_amt"],
        "balance": amount["balance"],
        "installments_missed": missed,
        "days_past_due": Cleaned(days_past_due(snapshot.value, missed.value)),
    }
    return judge(bronze, SILVER_LOANS, columns, LOANS.key_headers)


def attributes(bronze: ir.Table) -> ir.Table:
    """Return applicants' age and occupation; name and social security number go no further."""
    columns = {
        "customer_id": identifier(bronze.Customer_ID),
        "snapshot_date": month_start(bronze.snapshot_date),
        "age": number(bronze.Age, low=14, high=100, quoted=False),
        "occupation": occupation(bronze.Occupation),
    }
    return judge(bronze, SILVER_ATTRIBUTES, columns, ATTRIBUTES.key_headers)


def financials(bronze: ir.Table) -> ir.Table:
    """Return applicants' financials in the ranges that the lender accepts."""
    level, size = payment_behaviour(bronze.Payment_Behaviour)
    columns = {
        "customer_id": identifier(bronze.Customer_ID),
        "snapshot_date": month_start(bronze.snapshot_date),
        "annual_income": annual_income(bronze),
        "monthly_inhand_salary": number(bronze.Monthly_Inhand_Salary, low=0),
        "num_bank_accounts": number(bronze.Num_Bank_Accounts, low=0, high=50),
        "num_credit_card": number(bronze.Num_Credit_Card, low=0, high=20),
        "interest_rate": number(bronze.Interest_Rate, low=0, high=100),
        "num_of_loan": number(bronze.Num_of_Loan, low=0, high=20),
        "type_of_loan": category(bronze.Type_of_Loan),
        "delay_from_due_date": number(bronze.Delay_from_due_date),
        "num_of_delayed_payment": number(bronze.Num_of_Delayed_Payment, low=0, high=100),
        "changed_credit_limit": number(bronze.Changed_Credit_Limit, placeholders=["_"]),
        "num_credit_inquiries": number(bronze.Num_Credit_Inquiries, low=0, high=50),
        "credit_mix": category(
            bronze.Credit_Mix, placeholders=["_"], allowed=["Bad", "Standard", "Good"]
        ),
        "outstanding_debt": number(bronze.Outstanding_Debt, low=0),
        "credit_utilization_ratio": number(bronze.Credit_Utilization_Ratio, low=0, high=100),
        "credit_history_months": credit_history_months(bronze.Credit_History_Age),
        "payment_of_min_amount": category(
            bronze.Payment_of_Min_Amount, placeholders=["NM"], allowed=["Yes", "No"]
        ),
        "total_emi_per_month": number(bronze.Total_EMI_per_month, low=0),
        "amount_invested_monthly": number(
            bronze.Amount_invested_monthly, low=0, placeholders=["__10000__"]
        ),
        "spending_level": level,
        "payment_size": size,
        "monthly_balance": number(
            bronze.Monthly_Balance, placeholders=["__-333333333333333333333333333__"]
        ),
    }
    return judge(bronze, SILVER_FINANCIALS, columns, FINANCIALS.key_headers)


def clickstream(bronze: ir.Table) -> ir.Table:
    """Return the monthly clickstream counts as integers, so that sums are exact in any order."""
    columns = {
        "customer_id": identifier(bronze.Customer_ID),
        SNAPSHOT_DATE: month_start(bronze.snapshot_date),
        **{name: number(bronze[name], whole=True) for name in CLICKSTREAM_FEATURES},
    }
    return judge(bronze, SILVER_CLICKSTREAM, columns, CLICKSTREAM.key_headers)


REFINE: dict[str, Callable[[ir.Table], ir.Table]] = {
    "loans": loans,
    "attributes": attributes,
    "financials": financials,
    "clickstream": clickstream,
}
"""What makes silver of bronze, by source."""
