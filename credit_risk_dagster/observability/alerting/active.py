"""What is wrong now: the conditions that are to be told, from runs, checks and months."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import dagster as dg

from credit_risk_dagster.checks.history import failed_checks_by_month
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.index import RecordIndex
from credit_risk_dagster.delivery.delivered import known_decisions
from credit_risk_dagster.delivery.entries import SeenFile, TakenFile
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.ruling import Status
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.months import first_day, month_of
from credit_risk_dagster.observability.alerting.failed_runs import months_of_failed_runs
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.monitoring import REPORT

FAILED_RUN, FAILED_CHECK, LATE_DATA = "failed_run", "failed_check", "late_data"
DAMAGED_TABLE = "damaged_table"
REFUSED_DELIVERY, WAITING_DELIVERY = "refused_delivery", "waiting_delivery"
ERROR = dg.AssetCheckSeverity.ERROR.value

TOLD_AS_CONDITION = ("drift_bands", "performance_holds")
"""Checks whose finding is a condition of the report, which has its own rule of when to tell."""


@dataclass(frozen=True)
class Alert:
    """A condition of a month that somebody is to be told of.

    Attributes:
        condition: its name, for a check with the table and the check behind it.
        month: the month that it is about.
        severity: `ERROR`; the word of Dagster's checks.
        sentence: what was found and what to do.
    """

    condition: str
    month: str
    severity: str
    sentence: str

    @property
    def rule(self) -> str:
        """The name of the condition alone, by which it can be muted."""
        return self.condition.split(" ")[0]


def active_alerts(
    instance: dg.DagsterInstance,
    datamart: Datamart,
    index: RecordIndex,
    settings: Settings,
    today: date,
) -> list[Alert]:
    """Return what is wrong now and not muted, oldest month first.

    Raises:
        PlatformError: if the database of the index fails.
    """
    damaged = list(_damaged_table(index, settings.latest_month(today)))
    alerts = [*damaged, *_failed_runs(instance), *_failed_checks(instance)]
    alerts += _deliveries(settings, today)
    if not damaged:  # what a damaged log says of months is not to be trusted
        alerts += [*_late_data(datamart, settings, today), *_conditions(datamart)]
    told = (alert for alert in alerts if alert.rule not in settings.alerts.muted)
    return sorted(told, key=lambda alert: (alert.month, alert.condition))


def _damaged_table(index: RecordIndex, month: str) -> Iterator[Alert]:
    """A log that cannot be read, or is not what it was, stops every month."""
    try:
        index.catch_up()
    except PartitionError as error:
        yield Alert(DAMAGED_TABLE, month, ERROR, str(error))


def _failed_runs(instance: dg.DagsterInstance) -> Iterator[Alert]:
    failures: Mapping[str, str] = months_of_failed_runs(instance)
    for month, sentence in failures.items():
        yield Alert(FAILED_RUN, month, ERROR, sentence)


def _failed_checks(instance: dg.DagsterInstance) -> Iterator[Alert]:
    for month, checks in failed_checks_by_month(instance).items():
        for check in checks:
            if check.severity == ERROR and check.name not in TOLD_AS_CONDITION:
                name = f"{FAILED_CHECK} {check.table} {check.name}"
                yield Alert(name, month, check.severity, check.description)


def _deliveries(settings: Settings, today: date) -> Iterator[Alert]:
    """A file is told once, of whatever month it is, and is over when it counts or is gone."""
    decisions = known_decisions(settings, DeliveryLedger(settings.metrics_store_url))
    for name, decided in decisions.items():
        for one in decided.files:
            path, month = one.file.path, _month_of(one.file)
            if one.status is Status.REFUSED and _is_there(one.file):
                yield Alert(f"{REFUSED_DELIVERY} {path}", month, ERROR, one.reason)
            elif one.for_person and _is_there(one.file):
                yield Alert(
                    f"{WAITING_DELIVERY} {path}", month, ERROR, f"{path} waits: {one.reason}"
                )
        for month, without in decided.open.items():
            known = settings.first_month <= month <= settings.latest_month(today)
            if without.status is Status.WITHDRAWN and known:
                sentence = f"{without.said}. Deliver the month again; what was made of it stays."
                yield Alert(f"{WAITING_DELIVERY} {name}", month, ERROR, sentence)


def _is_there(file: TakenFile | SeenFile) -> bool:
    return isinstance(file, SeenFile) or file.is_there


def _month_of(file: TakenFile | SeenFile) -> str:
    """Return the newest month that a file holds, else the one in which it was seen."""
    if isinstance(file, SeenFile):
        return month_of(file.since.date())
    return max(file.contents.months, default=month_of(file.first_seen.date()))


def _late_data(datamart: Datamart, settings: Settings, today: date) -> Iterator[Alert]:
    month = settings.latest_month(today)
    deadline = first_day(month).replace(day=settings.deadline_day)
    if today < deadline:
        return
    missing = [name for name, table in BRONZE.items() if datamart.record(table, month) is None]
    if missing:
        sentence = (
            f"Due by {deadline}, not there: {', '.join(missing)}. Ask for the delivery; "
            "`credit-risk doctor` says what has arrived."
        )
        yield Alert(LATE_DATA, month, ERROR, sentence)


def _conditions(datamart: Datamart) -> Iterator[Alert]:
    """The red lights of the newest month: older ones are history, which nobody can act on."""
    for month in datamart.months(REPORT)[-1:]:
        try:
            lights = datamart.read(REPORT, [month]).to_pylist()
        except PartitionError as error:
            yield Alert(DAMAGED_TABLE, month, ERROR, str(error))
            continue
        for row in lights:
            if row["light"] == "red":
                yield Alert(row["condition"], month, ERROR, row["sentence"])
