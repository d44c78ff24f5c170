"""Counts of the loan book over its snapshots: vintages, moves between buckets, volumes.

Counts and cents are integers, so that no sum depends on the order of rows or threads.
"""

import ibis
import ibis.expr.types as ir

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.tables.labels import in_arrears

BUCKETS = ("0", "1", "2", "3+")
"""Missed instalments, never calendar days: one missed instalment is 28 days past due in March and
31 in August, so that a bucket of 30 days would empty every March."""


def vintage_counts(loans: ir.Table) -> ir.Table:
    """Count loans by origination, first snapshot, and first snapshot with a default's arrears.

    Args:
        loans: silver loans of every snapshot that is to be looked at.

    Returns:
        Columns loan_start_date, first_seen, first_late (null where the loan never was) and loans.
    """
    late = in_arrears(loans, CONTRACT.outcome)
    by_loan = loans.group_by("loan_id", "loan_start_date").aggregate(
        first_seen=loans.snapshot_date.min(),
        first_late=loans.snapshot_date.min(where=late),
    )
    return by_loan.group_by("loan_start_date", "first_seen", "first_late").aggregate(
        loans=by_loan.count()
    )


def roll_counts(loans: ir.Table) -> ir.Table:
    """Count the moves of loans between buckets from each snapshot to the next.

    Args:
        loans: silver loans of consecutive snapshots.

    Returns:
        Columns snapshot_date (of the later snapshot), from_bucket, to_bucket and loans.
    """
    index = loans.snapshot_date.year().cast("int64") * 12 + loans.snapshot_date.month()
    rows = loans.select(
        "loan_id", "snapshot_date", month_index=index, bucket=bucket(loans.installments_missed)
    )
    before = rows.select("loan_id", month_index=rows.month_index + 1, from_bucket=rows.bucket)
    moves = rows.inner_join(before, ["loan_id", "month_index"]).rename(to_bucket="bucket")
    return moves.group_by("snapshot_date", "from_bucket", "to_bucket").aggregate(
        loans=moves.count()
    )


def book_counts(loans: ir.Table) -> ir.Table:
    """Count and sum the book of each snapshot.

    Returns:
        Columns snapshot_date; loans with a balance, those of them with a default's arrears, and
        their balance in cents; loans originated in the month and their amount in cents. A loan
        whose balance is not known counts as one with a balance: it is in the book.
    """
    active = ibis.coalesce(loans.balance > 0, True)
    new = loans.month_on_book == 0
    late = in_arrears(loans, CONTRACT.outcome)
    return loans.group_by("snapshot_date").aggregate(
        active_loans=active.sum(),
        late_loans=(active & late).sum(),
        outstanding_balance_cents=_cents(loans.balance).sum(where=active).fill_null(0),
        originated_loans=new.sum(),
        originated_amount_cents=_cents(loans.loan_amount).sum(where=new).fill_null(0),
    )


def bucket(installments_missed: ir.IntegerValue) -> ir.StringValue:
    """Return the bucket that missed instalments fall in; none known are none missed."""
    missed = ibis.coalesce(installments_missed, 0)
    return ibis.cases(
        (missed <= 0, BUCKETS[0]),
        (missed == 1, BUCKETS[1]),
        (missed == 2, BUCKETS[2]),
        else_=BUCKETS[3],
    )


def _cents(amount: ir.FloatingValue) -> ir.IntegerValue:
    return (amount * 100).round().cast("int64")
