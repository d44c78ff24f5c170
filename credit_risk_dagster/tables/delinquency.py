"""How a loan has paid so far, month on book by month on book, while its label is not known yet."""

import ibis
import ibis.expr.types as ir

from credit_risk_dagster.contract.source import LOAN_ID, SNAPSHOT_DATE
from credit_risk_dagster.tables.portfolio import BUCKETS, bucket

NEVER_MISSED, PAID_UP, LEFT = "never missed", "paid up", "left"
STATES = (NEVER_MISSED, PAID_UP, *BUCKETS[1:], LEFT)
"""Delinquency of a loan: nothing missed so far; missed before and nothing now; the instalments it
is behind now; or not in the book."""


def delinquency(loans: ir.Table) -> ir.Table:
    """Return the state of each loan in each of its months in the book.

    Args:
        loans: silver loans of consecutive snapshots, from the origination of those that matter.

    Returns:
        Columns loan_id, loan_start_date, snapshot_date, month_on_book and state.
    """
    missed = ibis.coalesce(loans.installments_missed, 0)
    so_far = ibis.window(group_by=loans.loan_id, order_by=loans.month_on_book, following=0)
    rows = loans.mutate(missed=missed, worst=missed.max().over(so_far))
    state = ibis.cases(
        (rows.worst <= 0, NEVER_MISSED),
        (rows.missed <= 0, PAID_UP),
        else_=bucket(rows.missed),
    )
    return rows.select(LOAN_ID, "loan_start_date", SNAPSHOT_DATE, "month_on_book", state=state)


def state_counts(states: ir.Table, labels: ir.Table) -> ir.Table:
    """Count the states that loans of known outcome were in.

    Args:
        states: as `delinquency`.
        labels: of the loans that matured.

    Returns:
        Columns matured (month of the label), default, month_on_book, state and loans.
    """
    known = labels.select(LOAN_ID, "default", matured=labels.snapshot_date)
    joined = states.inner_join(known, LOAN_ID)
    return joined.group_by("matured", "default", "month_on_book", "state").aggregate(
        loans=joined.count()
    )
