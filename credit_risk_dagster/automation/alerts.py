"""Alerts: a failed run, or a failed check of a run that succeeded, reaches a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from logging import Logger

import dagster as dg
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from credit_risk_dagster.checks.monthly_check import months_of_run
from credit_risk_dagster.settings import Settings

TIMEOUT_SECONDS = 10
ATTEMPTS = 4
BACKOFF_SECONDS = 0.5


@dataclass(frozen=True)
class FailedCheck:
    """A check that did not pass: the table, its name, how severe, and what it found."""

    table: str
    name: str
    severity: str
    description: str


def failed_checks(instance: dg.DagsterInstance, run_id: str) -> list[FailedCheck]:
    """Return the failed checks of a run, errors before warnings."""
    events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = [
        event.dagster_event.asset_check_evaluation_data for event in events if event.dagster_event
    ]
    failed = [
        FailedCheck(
            table="/".join(evaluation.asset_key.path),
            name=evaluation.check_name,
            severity=evaluation.severity.value,
            description=evaluation.description or "",
        )
        for evaluation in evaluations
        if not evaluation.passed
    ]
    return sorted(failed, key=lambda check: (check.severity, check.table, check.name))


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


def alert_text(months: Sequence[str], problem: str, checks: Sequence[FailedCheck]) -> str:
    """Return the message: which months, what happened, and every failed check."""
    span = f"{months[0][:7]} to {months[-1][:7]}" if len(months) > 1 else "".join(months)[:7]
    lines = [f"Credit risk {span or 'run'}: {problem}"]
    lines += [
        f"- {check.severity} {check.table} {check.name}: {check.description}" for check in checks
    ]
    return "\n".join(lines)


def send_alert(settings: Settings, log: Logger, text: str) -> None:
    """Write the alert to the log and post it to the webhook, if one is set.

    It is tried several times, because Dagster does not: the sensor's tick is marked as failed, and
    the next one goes on with the next run.

    Raises:
        requests.RequestException: if the webhook does not take it at any attempt.
    """
    log.warning(text)
    if settings.alert_webhook is None:
        return
    retry = Retry(
        total=ATTEMPTS - 1,
        backoff_factor=BACKOFF_SECONDS,
        status_forcelist=range(500, 600),
        allowed_methods=None,
        respect_retry_after_header=False,
    )
    url = str(settings.alert_webhook)
    with requests.Session() as session:
        session.mount(url, HTTPAdapter(max_retries=retry))
        answer = session.post(url, json={"text": text}, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()


def alert_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Return the sensors for failed runs and for failed checks of runs that succeeded."""

    @dg.run_failure_sensor(
        name="alert_on_failed_run",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Alerts when a run fails, with the error and the failed checks.",
    )
    def alert_on_failed_run(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        reasons = [failure_text(event) for event in context.get_step_failure_events()]
        shown = " ".join(reasons) or context.failure_event.message
        problem = f"run {run.run_id} failed. {shown}"
        checks = failed_checks(context.instance, run.run_id)
        send_alert(settings, context.log, alert_text(months_of_run(run.tags), problem, checks))

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="alert_on_failed_check",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Alerts when a run succeeds with failed checks, which fail no run.",
    )
    def alert_on_failed_check(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
        run = context.dagster_run
        checks = [
            check
            for check in failed_checks(context.instance, run.run_id)
            if check.severity == dg.AssetCheckSeverity.ERROR.value
        ]
        if not checks:
            return dg.SkipReason("No check failed.")
        named = "1 check" if len(checks) == 1 else f"{len(checks)} checks"
        problem = f"{named} failed in run {run.run_id}."
        send_alert(settings, context.log, alert_text(months_of_run(run.tags), problem, checks))
        return None

    return [alert_on_failed_run, alert_on_failed_check]
