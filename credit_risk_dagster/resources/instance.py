"""Dagster's own instance of an installation: where it keeps runs and events."""

import os
from contextlib import AbstractContextManager, ExitStack, suppress

import dagster as dg
from filelock import FileLock

from credit_risk_dagster.settings import Settings

OPENING = ".opening"
"""Locked while an instance is opened: two processes that make its storage would spoil it."""

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
# What is said of an object store that is away belongs to the log of the run that waits for it.
python_logs:
  managed_python_loggers:
    - credit_risk_dagster.datamart.patience
# A run that died with its code location must not hold the pool for ever; none takes a day.
run_monitoring:
  enabled: true
  poll_interval_seconds: 30
  max_runtime_seconds: 86400
"""
"""One run at a time holds the datamart's pool, so that months never run at the same time."""


def prepare_home(settings: Settings) -> None:
    """Make Dagster's home and name it in the environment, where Dagster looks for it."""
    home = settings.dagster_home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(INSTANCE_CONFIG, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home)


def open_instance(settings: Settings) -> AbstractContextManager[dg.DagsterInstance]:
    """Open the installation's Dagster instance; of several processes, one makes its storage."""
    prepare_home(settings)
    with ExitStack() as opening:
        with suppress(OSError):  # of a home that may only be read the storage is there
            opening.enter_context(FileLock(settings.dagster_home / OPENING))
        return dg.DagsterInstance.get()
