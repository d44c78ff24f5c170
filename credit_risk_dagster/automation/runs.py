"""Runs months through Dagster in this process, against the installation's own instance."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from credit_risk_dagster.assets.monthly import MONTHLY_JOB
from credit_risk_dagster.automation.at_work import alone, command_tags
from credit_risk_dagster.checks.history import FailedCheck, failed_checks
from credit_risk_dagster.observability.alerting.failed_runs import failure_text
from credit_risk_dagster.settings import Settings

SECONDS_BETWEEN_LOOKS = 0.5

Progress = Callable[[int, int, str], None]
"""Is told how many steps are done, of how many, and what is at work."""


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: its id, what failed in it, and the checks that did not pass."""

    run_id: str
    succeeded: bool
    errors: tuple[str, ...]
    checks: tuple[FailedCheck, ...]


def month_tags(first: str, last: str) -> dict[str, str]:
    """Return the tags with which Dagster runs one month, or a range of months in one run."""
    if first == last:
        return {PARTITION_NAME_TAG: first}
    return {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}


def run_months(
    settings: Settings,
    instance: dg.DagsterInstance,
    definitions: dg.Definitions,
    first: str,
    last: str,
    progress: Progress | None = None,
) -> RunOutcome:
    """Run every asset and check of a range of months in one run of this process.

    Args:
        settings: the installation.
        instance: its Dagster instance.
        definitions: its definitions.
        first: the first month of the range.
        last: the last one.
        progress: is told how far the run has come.

    Raises:
        PlatformError: if another run is waiting or at work.
    """
    run_id = str(uuid4())
    with alone(settings, instance):
        job = definitions.resolve_job_def(MONTHLY_JOB)
        with _watching(instance, run_id, len(job.nodes), progress):
            result = job.execute_in_process(
                instance=instance,
                run_id=run_id,
                tags={**month_tags(first, last), **command_tags(run_id)},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )
    return RunOutcome(
        run_id=run_id,
        succeeded=result.success,
        errors=_errors(result),
        checks=tuple(failed_checks(instance, run_id)),
    )


def _errors(result: dg.ExecuteInProcessResult) -> tuple[str, ...]:
    return tuple(failure_text(event) for event in result.all_events if event.is_step_failure)


@contextmanager
def _watching(
    instance: dg.DagsterInstance, run_id: str, steps: int, progress: Progress | None
) -> Iterator[None]:
    """Report the progress of a run from its events while it is at work."""
    if progress is None:
        yield
        return
    ended = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(instance, run_id, steps, progress, ended), daemon=True
    )
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _watch(
    instance: dg.DagsterInstance,
    run_id: str,
    steps: int,
    progress: Progress,
    ended: threading.Event,
) -> None:
    cursor, done, at_work = None, 0, ""
    while not ended.wait(SECONDS_BETWEEN_LOOKS):
        if not instance.has_run(run_id):
            continue
        records = instance.get_records_for_run(run_id, cursor=cursor)
        cursor = records.cursor
        for record in records.records:
            event = record.event_log_entry
            if event.dagster_event is None:
                at_work = event.user_message
            elif event.dagster_event.is_step_start:
                at_work = str(event.step_key).replace("__", " ")
            done += bool(event.dagster_event and event.dagster_event.is_step_success)
        progress(done, steps, at_work)
