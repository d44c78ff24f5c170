"""Which months' newest run has failed, and why."""

import dagster as dg

from credit_risk_dagster.checks.monthly_check import months_of_run
from credit_risk_dagster.months import month_of

RUNS = 500
"""Finished runs that are looked at, newest first."""


def months_of_failed_runs(instance: dg.DagsterInstance) -> dict[str, str]:
    """Return why the newest finished run of a month failed, by month.

    A range that failed is reported once, for the first of its months that no newer run has
    brought to an end.
    """
    finished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
    settled: set[str] = set()
    failures: dict[str, str] = {}
    for record in instance.get_run_records(finished, limit=RUNS):
        run = record.dagster_run
        months = months_of_run(run.tags) or [month_of(record.create_timestamp.date())]
        unsettled = [month for month in months if month not in settled]
        if run.status == dg.DagsterRunStatus.FAILURE and unsettled:
            failures[unsettled[0]] = failure_of_run(instance, run.run_id)
        settled |= set(months)
    return failures


def failure_of_run(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return why a run failed, in the words of what failed in it."""
    events = [
        event.dagster_event
        for event in instance.all_logs(
            run_id, of_type={dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
        )
        if event.dagster_event
    ]
    reasons = [failure_text(event) for event in events if event.is_step_failure]
    reasons = reasons or [event.message or "" for event in events]
    return " ".join([*reasons, f"Run {run_id}."])


def failure_text(event: dg.DagsterEvent) -> str:
    """Return why a step failed: in the platform's own words, or else the error behind it."""
    failure = event.step_failure_data
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    said = f"{error.cls_name}: {error.message.partition(': ')[2].strip()}" if error else "no error"
    return f"{event.step_key} failed: {said}"
