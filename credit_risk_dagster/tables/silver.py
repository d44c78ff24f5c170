"""Silver: typed, cleaned, in range, one row per key, no personal data.

The accepted ranges and the placeholders are the lender's own, from the data dictionary.
"""

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from credit_risk_dagster.features import CLICKSTREAM_FEATURES
from credit_risk_dagster.sources import ATTRIBUTES, CLICKSTREAM, FINANCIALS, LOANS, SNAPSHOT_DATE
from credit_risk_dagster.tables.cleaning import (
    Cleaned,
    category,
    identifier,
    month_start,
    number,
    required,
    trimmed,
)
from credit_risk_dagster.tables.judgement import CORRECTIONS, beside, judge
from credit_risk_dagster.tables.table import Table, schema_of

IMPLAUSIBLE_INCOME_FACTOR = 3
"""An annual income above three times twelve monthly in-hand salaries is a typing error: the
lender's ratio has its 98 % quantile at 1.4 and its 99 % quantile above 10."""

LATEST_MONTH_ON_BOOK = 600

SILVER_LOANS = Table(
    layer="silver",
    name="loans",
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
    due, overdue = amount["due_amt"].value, amount["overdue_amt"].value
    missed = ibis.ifelse(due > 0, (overdue / due.nullif(0.0)).ceil(), 0.0).cast("int64")
    columns = {
        "loan_id": identifier(bronze.loan_id),
        "customer_id": identifier(bronze.Customer_ID),
        "snapshot_date": snapshot,
        "loan_start_date": start,
        "tenure": required(number(bronze.tenure, low=1, whole=True), bronze.tenure),
        "month_on_book": _consistent_month_on_book(on_book, snapshot, start),
        "loan_amount": amount["loan_amt"],
        "due_amount": amount["due_amt"],
        "paid_amount": amount["paid_amt"],
        "overdue_amount": amount["overdue_amt"],
        "balance": amount["balance"],
        "installments_missed": Cleaned(missed),
        "days_past_due": Cleaned(_days_past_due(snapshot.value, missed)),
    }
    return judge(bronze, SILVER_LOANS, columns, LOANS.key)


def attributes(bronze: ir.Table) -> ir.Table:
    """Return applicants' age and occupation; name and social security number go no further."""
    columns = {
        "customer_id": identifier(bronze.Customer_ID),
        "snapshot_date": month_start(bronze.snapshot_date),
        "age": number(bronze.Age, low=14, high=100),
        "occupation": category(bronze.Occupation, placeholders=["_______"]),
    }
    return judge(bronze, SILVER_ATTRIBUTES, columns, ATTRIBUTES.key)


def financials(bronze: ir.Table) -> ir.Table:
    """Return applicants' financials in the ranges that the lender accepts."""
    level, size = _payment_behaviour(bronze.Payment_Behaviour)
    columns = {
        "customer_id": identifier(bronze.Customer_ID),
        "snapshot_date": month_start(bronze.snapshot_date),
        "annual_income": _annual_income(bronze),
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
        "credit_history_months": _credit_history_months(bronze.Credit_History_Age),
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
    return judge(bronze, SILVER_FINANCIALS, columns, FINANCIALS.key)


def clickstream(bronze: ir.Table) -> ir.Table:
    """Return the monthly clickstream counts as integers, so that sums are exact in any order."""
    columns = {
        "customer_id": identifier(bronze.Customer_ID),
        SNAPSHOT_DATE: month_start(bronze.snapshot_date),
        **{name: number(bronze[name], whole=True) for name in CLICKSTREAM_FEATURES},
    }
    return judge(bronze, SILVER_CLICKSTREAM, columns, CLICKSTREAM.key)


def _month_index(day: ir.DateValue) -> ir.IntegerValue:
    return day.year().cast("int64") * 12 + day.month().cast("int64") - 1


def _days_past_due(snapshot: ir.DateValue, missed: ir.IntegerValue) -> ir.IntegerValue:
    index = _month_index(snapshot) - ibis.coalesce(missed, 0)
    due_since = ibis.date((index / 12).floor().cast("int32"), (index % 12 + 1).cast("int32"), 1)
    return snapshot.delta(due_since, unit="day").cast("int64")


def _consistent_month_on_book(on_book: Cleaned, snapshot: Cleaned, start: Cleaned) -> Cleaned:
    """A loan's month on book counts the months from its start: anything else is not its row."""
    elapsed = _month_index(snapshot.value) - _month_index(start.value)
    contradicted = ibis.coalesce(on_book.value != elapsed, False)
    reason = ibis.ifelse(
        contradicted,
        ibis.literal("installment_num is not the months since loan_start_date, ")
        + elapsed.cast("string"),
        ibis.null("string"),
    )
    return Cleaned(on_book.value, reason=ibis.coalesce(on_book.reason, reason))


def _annual_income(bronze: ir.Table) -> Cleaned:
    cleaned = number(bronze.Annual_Income, low=0)
    salary = number(bronze.Monthly_Inhand_Salary, low=0).value
    limit = IMPLAUSIBLE_INCOME_FACTOR * 12 * salary
    implausible = ibis.coalesce(cleaned.value > limit, False)
    note = (
        ibis.literal("Annual_Income '")
        + bronze.Annual_Income.substr(0, 40)
        + f"' is over {IMPLAUSIBLE_INCOME_FACTOR} times twelve monthly salaries"
    )
    return Cleaned(
        value=ibis.ifelse(implausible, ibis.null("float64"), cleaned.value),
        correction=ibis.coalesce(
            cleaned.correction, ibis.ifelse(implausible, note, ibis.null("string"))
        ),
        reason=cleaned.reason,
    )


def _credit_history_months(raw: ir.StringColumn) -> Cleaned:
    pattern = r"^([0-9]+) Years? and ([0-9]+) Months?$"
    text = trimmed(raw)
    matches = text.re_search(pattern)
    known = ibis.ifelse(matches, text, ibis.null("string"))
    years = known.re_extract(pattern, 1).cast("float64")
    months = known.re_extract(pattern, 2).cast("float64")
    fault = ibis.literal("Credit_History_Age '") + raw.substr(0, 40)
    reason = ibis.ifelse(
        ~matches & (text != "") & (text != "NA"),
        fault + "' is not like '10 Years and 9 Months'",
        ibis.null("string"),
    )
    return Cleaned(value=years * 12 + months, reason=reason)


def _payment_behaviour(raw: ir.StringColumn) -> tuple[Cleaned, Cleaned]:
    pattern = r"^(Low|High)_spent_(Small|Medium|Large)_value_payments$"
    levels = [f"{level}_spent" for level in ("Low", "High")]
    sizes = [f"{size}_value_payments" for size in ("Small", "Medium", "Large")]
    allowed = [f"{level}_{size}" for level in levels for size in sizes]
    whole = category(raw, placeholders=["!@9#%8"], allowed=allowed)
    known = ibis.ifelse(raw.re_search(pattern), raw, ibis.null("string"))
    level = Cleaned(known.re_extract(pattern, 1), whole.correction, whole.reason)
    return level, Cleaned(known.re_extract(pattern, 2))
