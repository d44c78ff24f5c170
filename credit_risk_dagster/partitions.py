"""The months as Dagster's partitions, and how assets look back over them."""

from datetime import datetime

import dagster as dg

from credit_risk_dagster.months import MONTH_FORMAT, add_months
from credit_risk_dagster.settings import Settings


def monthly_partitions(settings: Settings) -> dg.MonthlyPartitionsDefinition:
    """Return one partition per snapshot month.

    Without a last month the current month is included from its first day on.
    """
    if settings.last_month is None:
        return dg.MonthlyPartitionsDefinition(
            start_date=settings.first_month, timezone="UTC", fmt=MONTH_FORMAT, end_offset=1
        )
    end = add_months(settings.last_month, 1)
    return dg.MonthlyPartitionsDefinition(
        start_date=settings.first_month,
        end_date=datetime.strptime(end, MONTH_FORMAT),
        timezone="UTC",
        fmt=MONTH_FORMAT,
    )


def months_earlier(count: int) -> dg.TimeWindowPartitionMapping:
    """Map a month to the one month `count` months earlier, which may be before the first."""
    return dg.TimeWindowPartitionMapping(
        start_offset=-count, end_offset=-count, allow_nonexistent_upstream_partitions=True
    )
