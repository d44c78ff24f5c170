"""One run at a time: which run is at work, and those that died without a word."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import dagster as dg
from filelock import FileLock, Timeout

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.settings import Settings

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

LOCK = ".lock"
"""A file of the home that the command line locks for the time of a run. The operating system
unlocks it when the process ends, however it ends."""

PATIENCE_SECONDS = 5

COMMAND_TAG = "credit_risk/command"
"""Run, host and process of a run of the command line. It names the run itself, because Dagit copies
tags when it runs something again."""


def unfinished_run(instance: dg.DagsterInstance) -> str | None:
    """Return the run that is waiting or at work, if there is one."""
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED), limit=1)
    return runs[0].run_id if runs else None


def run_at_work(settings: Settings, instance: dg.DagsterInstance) -> str | None:
    """Return the run that is waiting or at work, once runs that died are marked as failed."""
    if unfinished_run(instance) is not None:
        # Whoever cannot have the lock has found a command that is at work.
        with suppress(Timeout), FileLock(settings.home / LOCK, timeout=0):
            _fail_dead_runs(instance)
    return unfinished_run(instance)


def at_work_text(run_id: str) -> str:
    """Say that a run is at work, and what to do if it only seems so."""
    return (
        f"Run {run_id} is at work; months run one at a time. If its process is gone, end it in "
        "Dagit: Runs, Terminate, with `Force termination immediately`."
    )


def command_tags(run_id: str) -> Mapping[str, str]:
    """Return the tags by which a run of the command line is known to be one of this process."""
    return {COMMAND_TAG: f"{_command(run_id)}{os.getpid()}"}


@contextmanager
def alone(settings: Settings, instance: dg.DagsterInstance) -> Iterator[None]:
    """Keep other commands from running months, after what dead runs left is cleared away.

    Raises:
        PlatformError: if a run is waiting or at work.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(settings.home / LOCK).acquire(timeout=PATIENCE_SECONDS)
    except Timeout as error:
        running = unfinished_run(instance)
        other = f"Another `credit-risk` command is at work in {settings.home}: wait for its end."
        raise PlatformError(at_work_text(running) if running else other) from error
    with held:
        _fail_dead_runs(instance)
        running = unfinished_run(instance)
        if running is not None:
            raise PlatformError(at_work_text(running))
        yield


def _fail_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark unfinished runs of this host's command line as failed; only for who holds the lock."""
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        if run.tags.get(COMMAND_TAG, "").startswith(_command(run.run_id)):
            instance.report_run_failed(
                run, f"The process of this run is gone ({run.tags[COMMAND_TAG]}): run it again."
            )


def _command(run_id: str) -> str:
    return f"run {run_id} on {socket.gethostname()}, process "
