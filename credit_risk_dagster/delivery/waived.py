"""Months that are run without a source: because its contract says so, not because somebody did."""

from datetime import date

from credit_risk_dagster.contract.source import Shape, Source
from credit_risk_dagster.months import first_day

WAIVED_BY_CONTRACT = "waived by contract"
"""The fingerprint of such a month."""


def can_be_waived(source: Source) -> bool:
    """Return whether a month can be run without a source: without loans there is no month."""
    return source.shape is not Shape.LOAN_BOOK


def waived_by_contract(source: Source, month: str, today: date, deadline_day: int) -> str | None:
    """Return why a month that has no delivery is run without the source, or None if it waits.

    Args:
        source: the source.
        month: the month.
        today: the day on which this is asked.
        deadline_day: the day of the month by which it must have arrived.
    """
    if not can_be_waived(source):
        return None
    if not source.delivered_in(month):
        return f"by contract: {source.name} is not delivered in {month[:7]}"
    deadline = first_day(month).replace(day=deadline_day)
    if not source.required and today >= deadline:
        return f"by contract: {source.name} is optional and had not come by {deadline}"
    return None
