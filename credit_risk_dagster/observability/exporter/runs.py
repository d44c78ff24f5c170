"""Dagster, as metrics: runs by job, and the checks that fail for the newest month."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from credit_risk_dagster.assets.monthly import MONTHLY_JOB, TRAINING_JOB
from credit_risk_dagster.checks.history import failed_checks_of_month
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.observability.exporter.tables import newest_months
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import Settings

JOBS = (MONTHLY_JOB, TRAINING_JOB, IMPLICIT_ASSET_JOB_NAME)
"""The last is what Dagster calls a run of assets that somebody picked in Dagit."""

STATUSES = {
    "queued": [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED],
    "started": [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ],
    "success": [dg.DagsterRunStatus.SUCCESS],
    "failure": [dg.DagsterRunStatus.FAILURE],
    "canceled": [dg.DagsterRunStatus.CANCELED],
}


class DagsterReader:
    """Reads Dagster's instance, and keeps it open for as long as nothing fails.

    Opening it costs more than reading it; after a failure it is opened anew, so that a database
    that was away is found again.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._datamart = open_datamart(settings)
        self._opened = ExitStack()
        self._instance: dg.DagsterInstance | None = None

    def metrics(self) -> list[Metric]:
        """Return what Dagster knows of runs and checks."""
        with ExitStack() as failed:
            failed.callback(self._close)
            if self._instance is None:
                self._instance = self._opened.enter_context(open_instance(self._settings))
            metrics = [
                _counts(self._instance),
                *_newest_runs(self._instance),
                *check_metrics(self._instance, self._datamart),
            ]
            failed.pop_all()
        return metrics

    def _close(self) -> None:
        self._instance = None
        self._opened.close()


def _counts(instance: dg.DagsterInstance) -> Metric:
    metric = GaugeMetricFamily(
        "credit_risk_runs", "Runs that Dagster keeps.", labels=["job", "status"]
    )
    for job in JOBS:
        for status, statuses in STATUSES.items():
            runs = dg.RunsFilter(job_name=job, statuses=statuses)
            metric.add_metric([job, status], instance.get_runs_count(runs))
    return metric


def _newest_runs(instance: dg.DagsterInstance) -> Iterator[Metric]:
    success = GaugeMetricFamily(
        "credit_risk_last_success_timestamp_seconds",
        "End of the newest run that succeeded.",
        labels=["job"],
    )
    failure = GaugeMetricFamily(
        "credit_risk_last_failure_timestamp_seconds",
        "End of the newest run that failed.",
        labels=["job"],
    )
    duration = GaugeMetricFamily(
        "credit_risk_run_duration_seconds", "Duration of the newest finished run.", labels=["job"]
    )
    for job in JOBS:
        ended = {}
        for metric, status in ((success, "success"), (failure, "failure")):
            span = _newest(instance, job, status)
            if span is not None:
                metric.add_metric([job], span[1])
                ended[span[1]] = span
        if ended:
            start, end = ended[max(ended)]
            duration.add_metric([job], end - start)
    yield from (success, failure, duration)


def _newest(instance: dg.DagsterInstance, job: str, status: str) -> tuple[float, float] | None:
    """Return start and end of a job's newest run that ended in a status."""
    runs = dg.RunsFilter(job_name=job, statuses=STATUSES[status])
    for record in instance.get_run_records(runs, limit=1):
        end = record.end_time or record.update_timestamp.timestamp()
        return record.start_time or end, end
    return None


def check_metrics(instance: dg.DagsterInstance, datamart: Datamart) -> Iterator[Metric]:
    """Return the checks that fail for the newest month of any table."""
    newest = max(newest_months(datamart).values(), default=None)
    failing = failed_checks_of_month(instance, newest) if newest else []
    failed = GaugeMetricFamily(
        "credit_risk_check_failed",
        "A check that fails at its latest evaluation for the newest month.",
        labels=["table", "check", "severity"],
    )
    for check in failing:
        failed.add_metric([check.table, check.name, check.severity], 1)
    count = GaugeMetricFamily(
        "credit_risk_failed_checks",
        "How many checks fail for the newest month.",
        labels=["severity"],
    )
    by_severity = Counter(check.severity for check in failing)
    for severity in dg.AssetCheckSeverity:
        count.add_metric([severity.value], by_severity[severity.value])
    yield from (failed, count)
