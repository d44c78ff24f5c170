"""Month on book and arrears of a loan, from whichever of them a lender delivers."""

import ibis
import ibis.expr.types as ir

from credit_risk_dagster.contract.roles import LATEST_MONTH_ON_BOOK
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Source
from credit_risk_dagster.tables.cleaning import Cleaned, first_of, when
from credit_risk_dagster.tables.dates import month_index

Columns = dict[str, Cleaned]

START, MONTH_ON_BOOK = "loan_start_date", "month_on_book"
DUE, OVERDUE = "due_amount", "overdue_amount"
MISSED, DAYS_PAST_DUE = "installments_missed", "days_past_due"

MOST = {MISSED: LATEST_MONTH_ON_BOOK, DAYS_PAST_DUE: LATEST_MONTH_ON_BOOK // 12 * 366}
"""The most of the delivered arrears: more is no loan's, and beyond what a calendar counts back."""


def with_arrears(columns: Columns, book: Source) -> Columns:
    """Add month on book, missed instalments and days past due to the cleaned columns of a loan.

    Instalments missed = ceil(overdue / due), 0 where nothing is due; days past due = the days from
    the snapshot as many months earlier to this snapshot. Delivered instead, they are taken as they
    are, and the one that is missing follows from the other.
    """
    snapshot, start = columns[SNAPSHOT_DATE], columns[START]
    made = {START: start, MONTH_ON_BOOK: _month_on_book(columns, snapshot, start, book)}
    for name, most in MOST.items():
        if name in columns:
            columns = columns | {name: _possible(columns[name], book.column(name).header, most)}
    if MISSED in columns:
        missed = columns[MISSED]
    elif DUE in columns and OVERDUE in columns:
        missed = _missed(columns[DUE].value, columns[OVERDUE].value, book)
    else:
        missed = Cleaned(_missed_since(snapshot.value, columns[DAYS_PAST_DUE].value))
    days = columns.get(DAYS_PAST_DUE) or Cleaned(days_past_due(snapshot.value, missed.value))
    return columns | made | {MISSED: missed, DAYS_PAST_DUE: days}


def days_past_due(snapshot: ir.DateValue, missed: ir.IntegerValue) -> ir.IntegerValue:
    """Days from the snapshot as many months earlier as instalments are missed to this snapshot."""
    index = month_index(snapshot) - ibis.coalesce(missed, 0).cast("int64")
    due_since = ibis.date((index / 12).floor().cast("int32"), (index % 12 + 1).cast("int32"), 1)
    return snapshot.delta(due_since, unit="day").cast("int64")


def _missed_since(snapshot: ir.DateValue, days: ir.IntegerValue) -> ir.IntegerValue:
    """Monthly due dates in so many days before the snapshot: the inverse of `days_past_due`."""
    since = snapshot - ibis.coalesce(days, 0).cast("int64").as_interval("D")
    return month_index(snapshot) - month_index(since.cast("date"))


def _missed(due: ir.FloatingValue, overdue: ir.FloatingValue, book: Source) -> Cleaned:
    """Instalments overdue, 0 where none is due; more than a loan can have had is a typing error."""
    ratio = ibis.ifelse(due > 0, overdue / due.nullif(0.0), 0.0)
    impossible = ibis.coalesce(ratio > LATEST_MONTH_ON_BOOK, False)
    reason = (
        f"{book.column(OVERDUE).header} is over {LATEST_MONTH_ON_BOOK} instalments of "
        f"{book.column(DUE).header}"
    )
    return Cleaned(
        value=ibis.ifelse(impossible, ibis.null("float64"), ratio).ceil().cast("int64"),
        reason=when(impossible, reason),
    )


def _possible(arrears: Cleaned, header: str, most: int) -> Cleaned:
    """Refuse delivered arrears that no loan can have."""
    impossible = ~ibis.coalesce(arrears.value.between(0, most), True)
    return Cleaned(
        value=ibis.ifelse(impossible, ibis.null("float64"), arrears.value),
        correction=arrears.correction,
        reason=first_of(arrears.reason, when(impossible, f"{header} is not 0 to {most}")),
    )


def _month_on_book(columns: Columns, snapshot: Cleaned, start: Cleaned, book: Source) -> Cleaned:
    """A loan's month on book counts the months from its start: anything else is not its row."""
    elapsed = month_index(snapshot.value) - month_index(start.value)
    since = f"the months since {book.column(START).header}"
    on_book = columns.get(MONTH_ON_BOOK)
    if on_book is None:
        impossible = ibis.coalesce(~elapsed.between(0, LATEST_MONTH_ON_BOOK), False)
        said = ibis.literal(f"{since} are not 0 to {LATEST_MONTH_ON_BOOK}, but ")
        return Cleaned(elapsed, reason=when(impossible, said + elapsed.cast("string")))
    contradicted = ibis.coalesce(on_book.value != elapsed, False)
    said = ibis.literal(f"{book.column(MONTH_ON_BOOK).header} is not {since}, ")
    reason = first_of(on_book.reason, when(contradicted, said + elapsed.cast("string")))
    return Cleaned(on_book.value, on_book.correction, reason)
