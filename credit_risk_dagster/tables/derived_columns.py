"""Silver's columns that are made of two raw columns, or of the parts of one."""

import ibis
import ibis.expr.types as ir

from credit_risk_dagster.tables.cleaning import Cleaned, category, number, trimmed

IMPLAUSIBLE_INCOME_FACTOR = 3
"""An annual income above three times twelve monthly in-hand salaries is a typing error: the
lender's ratio has its 98 % quantile at 1.4 and its 99 % quantile above 10."""

LATEST_MONTH_ON_BOOK = 600
"""No loan is older, and none can have missed more instalments."""

SOCIAL_SECURITY_NUMBER = r"[0-9]{3}-[0-9]{2}-[0-9]{4}"


def installments_missed(
    bronze: ir.Table, due: ir.FloatingValue, overdue: ir.FloatingValue
) -> Cleaned:
    """Instalments overdue, 0 where none is due; more than a loan can have had is a typing error."""
    ratio = ibis.ifelse(due > 0, overdue / due.nullif(0.0), 0.0)
    impossible = ibis.coalesce(ratio > LATEST_MONTH_ON_BOOK, False)
    reason = (
        ibis.literal("overdue_amt '")
        + bronze.overdue_amt.substr(0, 40)
        + f"' is over {LATEST_MONTH_ON_BOOK} instalments of due_amt"
    )
    return Cleaned(
        value=ibis.ifelse(impossible, ibis.null("float64"), ratio).ceil().cast("int64"),
        reason=ibis.ifelse(impossible, reason, ibis.null("string")),
    )


def days_past_due(snapshot: ir.DateValue, missed: ir.IntegerValue) -> ir.IntegerValue:
    """Days from the snapshot as many months earlier as instalments are missed to this snapshot."""
    index = _month_index(snapshot) - ibis.coalesce(missed, 0)
    due_since = ibis.date((index / 12).floor().cast("int32"), (index % 12 + 1).cast("int32"), 1)
    return snapshot.delta(due_since, unit="day").cast("int64")


def consistent_month_on_book(on_book: Cleaned, snapshot: Cleaned, start: Cleaned) -> Cleaned:
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


def occupation(raw: ir.StringColumn) -> Cleaned:
    """An occupation; a social security number in its place is refused, and not quoted."""
    cleaned = category(raw, placeholders=["_______"])
    personal = ibis.ifelse(
        raw.re_search(SOCIAL_SECURITY_NUMBER),
        ibis.literal("Occupation holds a social security number"),
        ibis.null("string"),
    )
    return Cleaned(cleaned.value, cleaned.correction, personal)


def annual_income(bronze: ir.Table) -> Cleaned:
    """An annual income, missing where the salary shows that it is a typing error."""
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


def credit_history_months(raw: ir.StringColumn) -> Cleaned:
    """The months of a text like `10 Years and 9 Months`."""
    pattern = r"^([0-9]{1,3}) Years? and ([0-9]{1,3}) Months?\z"
    text = trimmed(raw)
    matches = text.re_search(pattern)
    known = ibis.ifelse(matches, text, ibis.null("string"))
    years = known.re_extract(pattern, 1).cast("float64")
    months = known.re_extract(pattern, 2).cast("float64")
    fault = ibis.literal("Credit_History_Age '") + raw.substr(0, 40)
    missing = text.isin(["NA"])
    return Cleaned(
        value=years * 12 + months,
        correction=ibis.ifelse(missing, fault + "' is a placeholder", ibis.null("string")),
        reason=ibis.ifelse(
            ~matches & (text != "") & ~missing,
            fault + "' is not like 10 Years and 9 Months",
            ibis.null("string"),
        ),
    )


def payment_behaviour(raw: ir.StringColumn) -> tuple[Cleaned, Cleaned]:
    """The spending level and the payment size of a text like `Low_spent_Small_value_payments`."""
    pattern = r"^(Low|High)_spent_(Small|Medium|Large)_value_payments\z"
    text = trimmed(raw)
    levels = [f"{level}_spent" for level in ("Low", "High")]
    sizes = [f"{size}_value_payments" for size in ("Small", "Medium", "Large")]
    allowed = [f"{level}_{size}" for level in levels for size in sizes]
    whole = category(raw, placeholders=["!@9#%8"], allowed=allowed)
    known = ibis.ifelse(text.re_search(pattern), text, ibis.null("string"))
    level = Cleaned(known.re_extract(pattern, 1), whole.correction, whole.reason)
    return level, Cleaned(known.re_extract(pattern, 2))


def _month_index(day: ir.DateValue) -> ir.IntegerValue:
    return day.year().cast("int64") * 12 + day.month().cast("int64") - 1
