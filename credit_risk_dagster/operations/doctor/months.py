"""Time: does the clock agree with what was written, and has the month that is due been run."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import sqlalchemy as sa

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.months import add_months, first_day, month_of
from credit_risk_dagster.operations.databases import connected, is_postgresql
from credit_risk_dagster.operations.doctor.finding import Finding, failed, ok, warning
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES

TOLERANCE = timedelta(minutes=5)


def time_findings(
    settings: Settings, instance: dg.DagsterInstance | None, now: datetime
) -> Iterator[Finding]:
    """Look at the clock, then at the newest month."""
    yield _clock(settings, instance, now)
    yield _freshness(settings, now)


def _clock(settings: Settings, instance: dg.DagsterInstance | None, now: datetime) -> Finding:
    """Compare the clock with times that were written: none of them can be in the future."""
    times = dict(_written(settings, instance))
    if not times:
        return ok("clock", f"It says {_shown(now)}; nothing was written yet to compare it with.")
    newest = max(times, key=lambda name: times[name])
    if times[newest] > now + TOLERANCE:
        return failed(
            "clock",
            f"It says {_shown(now)}, and {newest} says {_shown(times[newest])}.",
            "Set the clock of the machine that is wrong, and let it follow a time server.",
        )
    return ok("clock", f"It says {_shown(now)}, later than all that was written.")


def _written(
    settings: Settings, instance: dg.DagsterInstance | None
) -> Iterator[tuple[str, datetime]]:
    datamart = open_datamart(settings)
    for table in ALL_TABLES:
        for month in datamart.months(table)[-1:]:
            written = datamart.required_record(table, month).provenance["written_at"]
            yield table.partition(month), datetime.fromisoformat(written)
    records = instance.get_run_records(limit=1) if instance is not None else []
    for record in records:
        yield f"run {record.dagster_run.run_id}", record.update_timestamp.astimezone(UTC)
    for name, url in {
        "MLflow": settings.tracking_uri,
        "metrics": settings.metrics_store_url,
    }.items():
        if "://" in url and is_postgresql(url):
            try:
                with connected(url) as connection:
                    said: datetime = connection.execute(sa.select(sa.func.now())).scalar_one()
            except PlatformError:
                continue  # its connection has a line of its own
            yield f"the database server of {name}", said.astimezone(UTC)


def _freshness(settings: Settings, now: datetime) -> Finding:
    due = due_month(settings, now)
    complete = complete_months(settings)
    newest = complete[-1] if complete else None
    if due < settings.first_month:
        return ok("freshness", f"The first month, {settings.first_month[:7]}, is not due yet.")
    if newest is None:
        return warning(
            "freshness",
            "No month has been run yet.",
            "Run them: `credit-risk run --raw FOLDER --months A..B`.",
        )
    if newest < due:
        return failed(
            "freshness",
            f"{due[:7]} was due on day {settings.deadline_day} and is not complete; the newest "
            f"month is {newest[:7]}.",
            f"Look at what was delivered, then `credit-risk run --months {due[:7]}`.",
        )
    following = add_months(newest, 1)
    day = first_day(following).replace(day=settings.deadline_day)
    if settings.last_month is not None and following > settings.last_month:
        return ok("freshness", f"{newest[:7]}, the last month, is complete.")
    return ok("freshness", f"{newest[:7]} is complete; {following[:7]} is due by {day}.")


def due_month(settings: Settings, now: datetime) -> str:
    """Return the newest month whose deadline has passed."""
    month = month_of(now.date())
    due = month if now.day >= settings.deadline_day else add_months(month, -1)
    return min(due, settings.last_month) if settings.last_month is not None else due


def complete_months(settings: Settings) -> list[str]:
    """Return the months that every table has, oldest first."""
    datamart = open_datamart(settings)
    return sorted(set.intersection(*(set(datamart.months(table)) for table in ALL_TABLES)))


def _shown(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
