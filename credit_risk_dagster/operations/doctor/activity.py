"""What is at work: the daemon, and runs."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from credit_risk_dagster.operations.doctor.finding import Finding, failed, ok, warning
from credit_risk_dagster.settings import Settings


def activity_findings(
    settings: Settings, instance: dg.DagsterInstance, run_at_work: str | None
) -> Iterator[Finding]:
    """Look at the daemon's heartbeats and at unfinished runs."""
    yield _daemon(settings, instance)
    yield ok("runs", f"Run {run_at_work} is at work." if run_at_work else "None is at work.")


def _daemon(settings: Settings, instance: dg.DagsterInstance) -> Finding:
    remedy = "Start `dagster-daemon run`, or `credit-risk dev` with Dagit; look at its log."
    beats = {
        name: status
        for name, status in instance.get_daemon_statuses().items()
        if status.last_heartbeat is not None
    }
    if not beats:
        if settings.automation:
            return failed("daemon", "Automation is on, and no daemon has ever run.", remedy)
        return ok("daemon", "None has run, and automation is off: months are started by hand.")
    silent = sorted(name for name, status in beats.items() if not status.healthy)
    last = max(
        status.last_heartbeat.timestamp for status in beats.values() if status.last_heartbeat
    )
    heard = datetime.fromtimestamp(last, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if not silent:
        return ok("daemon", f"Its {len(beats)} parts are at work; last heard of at {heard}.")
    found = f"Not heard of: {', '.join(silent).lower()}; the last sign of any is of {heard}."
    if settings.automation:
        return failed("daemon", found, remedy)
    return warning("daemon", found, remedy)
