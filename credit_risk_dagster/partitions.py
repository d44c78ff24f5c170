"""The months as Dagster's partitions, and how assets look back over them."""

from datetime import datetime

import dagster as dg

from credit_risk_dagster.months import MONTH_FORMAT, add_months
from credit_risk_dagster.settings import Settings


def monthly_partitions(settings: Settings) -> dg.MonthlyPartitionsDefinition:
    """Return one partition per snapshot month, up to the last one if the settings name it.

    The current month is included from its first day on.
    """
    last = settings.last_month
    return dg.MonthlyPartitionsDefinition(
        start_date=settings.first_month,
        end_date=datetime.strptime(add_months(last, 1), MONTH_FORMAT) if last else None,
        timezone="UTC",
        fmt=MONTH_FORMAT,
        end_offset=1,
    )


def months_earlier(count: int) -> dg.TimeWindowPartitionMapping:
    """Map a month to the one month `count` months earlier, which may be before the first."""
    return dg.TimeWindowPartitionMapping(
        start_offset=-count, end_offset=-count, allow_nonexistent_upstream_partitions=True
    )
