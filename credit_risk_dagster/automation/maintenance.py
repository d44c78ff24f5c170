"""Maintenance: what killed runs left, and versions past their retention, are removed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout

from credit_risk_dagster.assets.monthly import POOL
from credit_risk_dagster.automation.at_work import LOCK, UNFINISHED
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.disk import remove
from credit_risk_dagster.datamart.maintenance import expired, orphans
from credit_risk_dagster.datamart.store_place import CACHE, WRITES
from credit_risk_dagster.models.storage import MODEL_FILE
from credit_risk_dagster.resources.engine import SPILL
from credit_risk_dagster.resources.model_store import MODELS
from credit_risk_dagster.resources.one_run import only_run
from credit_risk_dagster.resources.tables import open_datamart, open_index
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES, EVIDENCE, STORED

MAINTENANCE_JOB = "maintenance"
DAY_SECONDS = 24 * 60 * 60
KEPT_COPIES_DAYS = 30
"""Copies of files of an object store that were not read for so long are removed."""

_HALF_WRITTEN_MODEL = re.compile(r"\.[0-9a-f]{32}")


@dataclass(frozen=True)
class Maintained:
    """What maintenance removed.

    Attributes:
        left_by_killed_runs: files and folders that no commit and no model ever named.
        expired: files of superseded versions past their retention.
        taken_over: commits that the index did not know yet.
        bytes: the size of all that was removed.
    """

    left_by_killed_runs: int
    expired: int
    taken_over: int
    bytes: int


def half_written_models(home: Path) -> list[Path]:
    """Return the folders of models that no reader takes for one."""
    models = (home / MODELS).glob(".*")
    return sorted(path for path in models if _HALF_WRITTEN_MODEL.fullmatch(path.name))


def forgotten(scratch: Path, now: datetime) -> list[Path]:
    """Return what killed runs left in scratch, and copies of stored files that nobody reads."""
    left = [path for folder in (SPILL, WRITES) for path in (scratch / folder).glob("*")]
    left += half_written_models(scratch)
    old = now.timestamp() - KEPT_COPIES_DAYS * DAY_SECONDS
    copies = [*(scratch / CACHE).glob("*/*"), *(scratch / MODELS).glob(f"*/{MODEL_FILE}")]
    unread = [path for path in copies if path.stat().st_atime < old]
    return sorted({*left, *(path.parent if path.name == MODEL_FILE else path for path in unread)})


def maintain(settings: Settings, now: datetime) -> Maintained:
    """Remove what may be removed; only while no run is at work.

    Raises:
        PartitionError: if a log is damaged; nothing was removed then.
        PlatformError: if the database of the index fails.
    """
    taken_over = open_index(settings).catch_up()  # which refuses a log that is not what it was
    datamart = open_datamart(settings)
    orphaned = orphans(datamart, ALL_TABLES)
    old = expired(datamart, ALL_TABLES, EVIDENCE, now)
    # A run that began meanwhile may have made some of them months.
    again = set(orphans(datamart, ALL_TABLES))
    orphaned = [one for one in orphaned if one in again and _is_settled(datamart, *one, now)]
    left = [*half_written_models(settings.home), *forgotten(settings.scratch_folder, now)]
    size = _size(left)
    for path in left:
        remove(path)
    for table, name in [*orphaned, *old]:
        place = datamart.place(STORED[table])
        size += (place.state(name) or (0,))[0]
        place.remove(name)
    return Maintained(len(left) + len(orphaned), len(old), taken_over, size)


def _is_settled(datamart: Datamart, table: str, name: str, now: datetime) -> bool:
    """Return whether nobody can be writing a file any more.

    A store is shared with hosts that this one does not see: there, what is of the last day stays.
    """
    if datamart.store is None:
        return True
    state = datamart.place(STORED[table]).state(name)
    return state is not None and state[1] / 1e9 < now.timestamp() - DAY_SECONDS


def _size(paths: Sequence[Path]) -> int:
    files = (file for path in paths for file in ([path] if path.is_file() else path.rglob("*")))
    return sum(file.stat().st_size for file in files if file.is_file())


def maintenance_job() -> dg.JobDefinition:
    """Return the job that maintains the installation while no month runs."""

    @dg.op(pool=POOL, description="Removes what killed runs left and versions past retention.")
    def maintain_tables(
        context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> None:
        runs = context.instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
        others = [run.run_id for run in runs if run.run_id != context.run_id]
        try:
            with FileLock(settings.home / LOCK, timeout=0):
                if others:
                    context.log.info("Run %s is at work: maintenance waits a week.", others[0])
                    return
                with only_run(settings, context.log.info):
                    done = maintain(settings, datetime.now(UTC))
        except Timeout:
            context.log.info("A command is at work: maintenance waits a week.")
            return
        context.log.info("Maintenance: %s", done)

    @dg.job(
        name=MAINTENANCE_JOB,
        description="Removes what killed runs left and table versions past their retention; never "
        "what an issued score rests on.",
    )
    def job() -> None:
        maintain_tables()

    return job


def maintenance_schedule(settings: Settings, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Return the schedule that maintains the installation every week."""
    return dg.ScheduleDefinition(
        name="weekly_maintenance",
        job=job,
        cron_schedule="0 3 * * 0",
        execution_timezone="UTC",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING
            if settings.automation
            else dg.DefaultScheduleStatus.STOPPED
        ),
        description="Maintains the tables on Sundays at 3:00 UTC, if no run is at work.",
    )
