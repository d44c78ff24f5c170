from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from credit_risk_dagster.months import month_range
from credit_risk_dagster.partitions import monthly_partitions, months_earlier
from credit_risk_dagster.settings import Settings


def partitions(first: str, last: str | None = None) -> dg.MonthlyPartitionsDefinition:
    return monthly_partitions(Settings(home=Path("nowhere"), first_month=first, last_month=last))


def keys(months: dg.MonthlyPartitionsDefinition, now: datetime) -> list[str]:
    return list(months.get_partition_keys(current_time=now))


def test_the_current_month_is_a_partition_from_its_first_moment() -> None:
    months = partitions("2024-01")
    before = datetime(2024, 8, 31, 23, 59, 59, tzinfo=UTC)
    assert keys(months, before) == month_range("2024-01-01", "2024-08-01")
    assert keys(months, datetime(2024, 9, 1, tzinfo=UTC)) == month_range("2024-01-01", "2024-09-01")


def test_the_current_month_stays_the_last_partition_until_it_ends() -> None:
    months = partitions("2024-01")
    assert keys(months, datetime(2024, 9, 30, 23, 59, tzinfo=UTC))[-1] == "2024-09-01"


@pytest.mark.parametrize("year", [2024, 2031])
def test_with_a_last_month_the_partitions_do_not_depend_on_the_day(year: int) -> None:
    months = partitions("2023-11", "2024-02")
    found = keys(months, datetime(year, 6, 15, tzinfo=UTC))
    assert found == month_range("2023-11-01", "2024-02-01")


def test_a_last_month_that_is_the_current_one_is_a_partition_from_its_first_moment() -> None:
    months = partitions("2023-11", "2024-02")
    assert keys(months, datetime(2024, 1, 31, tzinfo=UTC))[-1] == "2024-01-01"
    assert keys(months, datetime(2024, 2, 1, tzinfo=UTC))[-1] == "2024-02-01"


def test_one_month_may_be_first_and_last() -> None:
    assert keys(partitions("2024-12", "2024-12"), datetime(2025, 6, 1, tzinfo=UTC)) == [
        "2024-12-01"
    ]


@pytest.mark.parametrize(("count", "month"), [(6, "2024-03-01"), (1, "2024-08-01")])
def test_an_asset_reads_exactly_one_month_that_is_earlier(count: int, month: str) -> None:
    assert read_by("2024-09-01", count) == [month]


def test_a_month_before_the_first_is_not_there_and_stops_nobody() -> None:
    assert read_by("2024-02-01", 6) == []


def read_by(month: str, count: int) -> list[str]:
    """Which partitions a month reads through `months_earlier`."""
    months = partitions("2024-01", "2024-12")
    subset = months.empty_subset().with_partition_keys([month])
    result = months_earlier(count).get_upstream_mapped_partitions_result_for_partitions(
        subset, months, months, current_time=datetime(2025, 6, 1, tzinfo=UTC)
    )
    assert not result.required_but_nonexistent_subset.get_partition_keys()
    return sorted(result.partitions_subset.get_partition_keys())
