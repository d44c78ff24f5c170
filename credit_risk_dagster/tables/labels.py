"""The label of a loan: whether it was in default, as the contract's outcome says."""

import ibis
import ibis.expr.types as ir

from credit_risk_dagster.contract.features import LABEL
from credit_risk_dagster.contract.outcome import LeftEarly, Outcome
from credit_risk_dagster.contract.source import CUSTOMER_ID, LOAN_ID, SNAPSHOT_DATE

_OF_A_LOAN = (LOAN_ID, CUSTOMER_ID, "loan_start_date")


def months_read(outcome: Outcome) -> int:
    """Return how many months of the loan book before its own a label reads."""
    if outcome.within or outcome.left_early is not LeftEarly.UNKNOWN:
        return outcome.month_on_book
    return 0


def labels(loans: ir.Table, outcome: Outcome) -> ir.Table:
    """Return one row per loan whose label matures, in its month.

    Args:
        loans: silver loans of the months and, if the outcome reads them, of the months before.
        outcome: what counts as a default.
    """
    if not months_read(outcome):
        matured = loans.filter(loans.month_on_book == outcome.month_on_book)
        in_default = in_arrears(matured, outcome).cast("int64")
        return matured.select(
            LOAN_ID,
            CUSTOMER_ID,
            SNAPSHOT_DATE,
            "loan_start_date",
            "days_past_due",
            **{LABEL: in_default},
        )
    return _of_histories(loans, outcome)


def in_arrears(loans: ir.Table, outcome: Outcome) -> ir.BooleanValue:
    """Return whether a loan is as much in arrears as a default is, in whatever month on book."""
    if outcome.days_past_due is not None:
        return loans.days_past_due >= outcome.days_past_due
    return loans.installments_missed >= outcome.installments_missed


def _of_histories(loans: ir.Table, outcome: Outcome) -> ir.Table:
    """Judge each loan by its rows up to the label's month on book."""
    rows = loans.filter(loans.month_on_book <= outcome.month_on_book)
    rows = rows.mutate(bad=in_arrears(rows, outcome).cast("int64"))
    at_end = rows.month_on_book == outcome.month_on_book
    known = rows.group_by(_OF_A_LOAN).aggregate(
        worst=rows.bad.max(),
        most_days=rows.days_past_due.max(),
        last=rows.bad.argmax(rows.month_on_book),
        last_days=rows.days_past_due.argmax(rows.month_on_book),
        seen=at_end.any(),
    )
    if outcome.left_early is LeftEarly.UNKNOWN:
        known = known.filter(known.seen)
    judged = known.worst if outcome.within else known.last
    if outcome.left_early in (LeftEarly.GOOD, LeftEarly.BAD):
        of_leavers = ibis.literal(int(outcome.left_early is LeftEarly.BAD), "int64")
        if outcome.within:
            of_leavers = ibis.greatest(of_leavers, known.worst)
        judged = ibis.ifelse(known.seen, judged, of_leavers)
    return known.select(
        LOAN_ID,
        CUSTOMER_ID,
        "loan_start_date",
        **{
            SNAPSHOT_DATE: matures_in(known.loan_start_date, outcome),
            "days_past_due": known.most_days if outcome.within else known.last_days,
            LABEL: judged,
        },
    )


def matures_in(start: ir.DateValue, outcome: Outcome) -> ir.DateValue:
    """Return the month in which the label of a loan is known."""
    index = start.year().cast("int64") * 12 + start.month().cast("int64") - 1
    later = index + outcome.month_on_book
    return ibis.date((later / 12).floor().cast("int32"), (later % 12 + 1).cast("int32"), 1)
