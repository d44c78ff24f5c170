"""Runs months through Dagster in this process, against the installation's own instance."""

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from uuid import uuid4

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from credit_risk_dagster.alerting.failed_runs import failure_text
from credit_risk_dagster.automation.at_work import alone, command_tags
from credit_risk_dagster.automation.jobs import MONTHLY_JOB
from credit_risk_dagster.check_history import FailedCheck, failed_checks
from credit_risk_dagster.settings import Settings

INSTANCE_CONFIG = """# Written once; change it as you like.
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
concurrency:
  pools:
    granularity: run
    default_limit: 1
# A run that died with its code location must not hold the pool for ever; none takes a day.
run_monitoring:
  enabled: true
  poll_interval_seconds: 30
  max_runtime_seconds: 86400
"""
"""One run at a time holds the datamart's pool, so that months never run at the same time."""

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


def prepare_home(settings: Settings) -> None:
    """Make Dagster's home and name it in the environment, where Dagster looks for it."""
    home = settings.dagster_home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(INSTANCE_CONFIG, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home)


def open_instance(settings: Settings) -> AbstractContextManager[dg.DagsterInstance]:
    """Open the installation's Dagster instance."""
    prepare_home(settings)
    return dg.DagsterInstance.get()


def month_tags(first: str, last: str) -> dict[str, str]:
    """Return the tags with which Dagster runs one month, or a range of months in one run."""
    if first == last:
        return {PARTITION_NAME_TAG: first}
    return {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}


def run_months(
    settings: Settings,
    instance: dg.DagsterInstance,
    first: str,
    last: str,
    progress: Progress | None = None,
) -> RunOutcome:
    """Run every asset and check of a range of months in one run of this process.

    Raises:
        PlatformError: if another run is waiting or at work.
    """
    from credit_risk_dagster.definitions import build_definitions

    run_id = str(uuid4())
    with alone(settings, instance), warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        job = build_definitions(settings).resolve_job_def(MONTHLY_JOB)
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
