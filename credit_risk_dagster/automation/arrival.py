"""What starts a month: its delivery, as soon as it is there, or the deadline, loudly."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.events import RunFailureReason
from dagster._core.storage.tags import MAX_RETRIES_TAG, PARTITION_NAME_TAG, RUN_FAILURE_REASON_TAG

from credit_risk_dagster.assets.monthly import MONTHLY_JOB
from credit_risk_dagster.assets.raw import DELIVERY_TAG, observations
from credit_risk_dagster.automation.at_work import at_work_text, run_at_work
from credit_risk_dagster.automation.due import (
    DueMonth,
    due_month,
    next_due_month,
    readable_months,
    unreadable_month,
)
from credit_risk_dagster.automation.taking import take_request
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.datamart.index import RecordIndex
from credit_risk_dagster.delivery.delivered import Arrivals, take_arrivals
from credit_risk_dagster.delivery.files import expected_names
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.look import state_of
from credit_risk_dagster.delivery.missing import in_the_way
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.settings import Settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

REASON_TAG = "credit_risk/reason"
SECONDS_BETWEEN_LOOKS = 60

ATTEMPTS = 4
"""Runs of a month on the same delivery if each lost its process, Dagster's own retries included.
Those refuse a run whose backfill has ended or whose code location is just restarting."""


def delivery_sensor(
    settings: Settings, job: "UnresolvedAssetJobDefinition", take_job: dg.JobDefinition
) -> dg.SensorDefinition:
    """Return the sensor that takes new files, and starts the first month that is due.

    Args:
        settings: the installation.
        job: everything of a month.
        take_job: takes the files that are too large for a look.
    """

    @dg.sensor(
        name="delivery_arrived",
        jobs=[job, take_job],
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=sensor_status(settings),
        description="Takes new files of the raw folder, starts a month when its extracts are there "
        "and again, with the months that read it, when a corrected one arrives; else says what is "
        "missing.",
    )
    def delivery_arrived(
        context: dg.SensorEvaluationContext,
        index: dg.ResourceParam[RecordIndex],
        ledger: dg.ResourceParam[DeliveryLedger],
    ) -> dg.SensorResult | dg.SkipReason:
        running = run_at_work(settings, context.instance)
        if running is not None:
            return dg.SkipReason(at_work_text(running))
        now = datetime.now(UTC)
        try:
            arrivals = take_arrivals(settings, ledger, now, limit=bytes_a_look(settings))
        except PlatformError as error:
            return dg.SkipReason(str(error))
        try:
            answer = _answer(context.instance, settings, index, arrivals, now.date())
        except PlatformError as error:
            answer = dg.SkipReason(str(error))
        return dg.SensorResult(
            run_requests=[answer] if isinstance(answer, dg.RunRequest) else None,
            skip_reason=answer if isinstance(answer, dg.SkipReason) else None,
            cursor=_folder_state(arrivals),
            asset_events=list(observations(arrivals.taken)),
        )

    return delivery_arrived


def bytes_a_look(settings: Settings) -> int:
    """Return how many bytes a sensor or schedule reads itself."""
    return settings.deliveries.megabytes_a_look * 1_000_000


def _answer(
    instance: dg.DagsterInstance,
    settings: Settings,
    index: RecordIndex,
    arrivals: Arrivals,
    today: date,
) -> dg.RunRequest | dg.SkipReason:
    request = take_request(instance, arrivals.left)
    if request is not None:
        return request
    latest = settings.latest_month(today)
    deliveries = readable_months(settings, arrivals.decisions, today)
    due = next_due_month(settings, index, deliveries, latest)
    if due is None:
        return dg.SkipReason(f"Every month up to {latest[:7]} is up to date.")
    if due.missing:
        return dg.SkipReason(missing_text(due, arrivals))
    return _request(instance, due)


def _folder_state(arrivals: Arrivals) -> str:
    """Return how the raw folder looked, in a few characters that a person can compare."""
    files = [file for found in arrivals.found.values() for file in found.values()]
    return f"{len(files)} files, {state_of(files)}"


def deadline_schedule(
    settings: Settings, job: "UnresolvedAssetJobDefinition"
) -> dg.ScheduleDefinition:
    """Return the schedule that starts a month at its deadline, whatever is missing."""

    @dg.schedule(
        name="month_deadline",
        job=job,
        cron_schedule=f"0 6 {settings.deadline_day} * *",
        execution_timezone="UTC",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING
            if settings.automation
            else dg.DefaultScheduleStatus.STOPPED
        ),
        description="The deadline of a month: starts it if nothing has, so that a missing extract "
        "fails a run and is seen.",
    )
    def month_deadline(
        context: dg.ScheduleEvaluationContext,
        index: dg.ResourceParam[RecordIndex],
        ledger: dg.ResourceParam[DeliveryLedger],
    ) -> dg.RunRequest | dg.SkipReason:
        at = context.scheduled_execution_time
        month = settings.latest_month(at.date())
        due: DueMonth | None
        try:
            now = datetime.now(UTC)
            arrivals = take_arrivals(settings, ledger, now, limit=bytes_a_look(settings))
            deliveries = readable_months(settings, arrivals.decisions, at.date())
            due = due_month(index, deliveries, month)
        except PlatformError as error:
            due = unreadable_month(month, error)
        if due is None:
            return dg.SkipReason(f"{month[:7]} is up to date.")
        return _request(context.instance, due)

    return month_deadline


def _request(instance: dg.DagsterInstance, due: DueMonth) -> dg.RunRequest | dg.SkipReason:
    """Ask for a month, unless the newest run that was asked for it is on the same delivery.

    A run that lost its process has said nothing about its delivery: it is asked for again.
    """
    runs = instance.get_runs(
        dg.RunsFilter(job_name=MONTHLY_JOB, tags={PARTITION_NAME_TAG: due.month})
    )
    asked = [run for run in runs if DELIVERY_TAG in run.tags]
    started = [run for run in asked if run.tags[DELIVERY_TAG] == due.state]
    lost = len(started) < ATTEMPTS and all(_lost_its_process(run) for run in started)
    if asked and asked[0].tags[DELIVERY_TAG] == due.state and not lost:
        return dg.SkipReason(
            f"{due.month[:7]} was started on this delivery: run {asked[0].run_id}, "
            f"{asked[0].status.value.lower()}. A corrected delivery starts it again; to run it as "
            "it is, run the month by hand."
        )
    return dg.RunRequest(
        job_name=MONTHLY_JOB,
        run_key=f"{due.month}-{due.state}-{len(asked) + 1}",
        partition_key=due.month,
        tags={
            DELIVERY_TAG: due.state,
            REASON_TAG: due.reason,
            MAX_RETRIES_TAG: str(max(ATTEMPTS - len(started) - 1, 0)),
        },
    )


def _lost_its_process(run: dg.DagsterRun) -> bool:
    """Return whether a run failed without the failure of a step."""
    failed = run.status == dg.DagsterRunStatus.FAILURE
    return failed and run.tags.get(RUN_FAILURE_REASON_TAG) != RunFailureReason.STEP_FAILURE.value


def sensor_status(settings: Settings) -> dg.DefaultSensorStatus:
    """Return whether a sensor starts switched on."""
    on = settings.automation
    return dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED


def missing_text(due: DueMonth, arrivals: Arrivals) -> str:
    """Say which extracts of a month have not arrived, under which names, and what is in the way."""
    named: list[str] = []
    in_way: list[str] = []
    for source in CONTRACT.sources:
        if source.name in due.missing:
            named.append(f"{source.name} ({expected_names(source, due.month)})")
            decisions, found = arrivals.decisions[source.name], arrivals.found[source.name]
            in_way += in_the_way(due.month, decisions, found)
    return " ".join([f"{due.month[:7]} waits for {', '.join(named)}.", *in_way])
