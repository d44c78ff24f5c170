"""The datamart, as metrics: how fresh each table is, and the model in production."""

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.production import PRODUCTION_MODEL


def datamart_metrics(settings: Settings) -> Iterator[Metric]:
    """Return the newest month of every table, when it was written and delivered, and the model."""
    datamart = open_datamart(settings)
    newest = newest_months(datamart)
    records = {
        table.path: datamart.required_record(table, newest[table.path])
        for table in ALL_TABLES
        if table.path in newest
    }
    yield _months(newest)
    yield _written(records)
    yield _delivered({name: records[t.path] for name, t in BRONZE.items() if t.path in records})
    if PRODUCTION_MODEL.path in newest:
        yield _model(datamart, newest[PRODUCTION_MODEL.path])
    yield _limits(settings)


def newest_months(datamart: Datamart) -> dict[str, str]:
    """Return the newest month of each table that has one, by the table's path."""
    months = {table.path: datamart.months(table) for table in ALL_TABLES}
    return {path: keys[-1] for path, keys in months.items() if keys}


def month_timestamp(month: str) -> float:
    """Return the first second of a month, in UTC."""
    return datetime.fromisoformat(month).replace(tzinfo=UTC).timestamp()


def _months(newest: dict[str, str]) -> Metric:
    metric = GaugeMetricFamily(
        "credit_risk_newest_month_timestamp_seconds",
        "First day of the newest month of a table.",
        labels=["table"],
    )
    for path, month in newest.items():
        metric.add_metric([path], month_timestamp(month))
    return metric


def _written(records: dict[str, MonthRecord]) -> Metric:
    metric = GaugeMetricFamily(
        "credit_risk_partition_written_timestamp_seconds",
        "When the newest month of a table was written; running it again with the same result "
        "writes nothing.",
        labels=["table"],
    )
    for path, record in records.items():
        metric.add_metric([path], _timestamp(record.provenance["written_at"]))
    return metric


def _delivered(records: dict[str, MonthRecord]) -> Metric:
    metric = GaugeMetricFamily(
        "credit_risk_delivery_timestamp_seconds",
        "When the extract behind a source's newest month was last changed.",
        labels=["source"],
    )
    for source, record in records.items():
        changed = [_timestamp(file["modified"]) for file in record.provenance["files"]]
        if changed:
            metric.add_metric([source], max(changed))
    return metric


def _model(datamart: Datamart, month: str) -> Metric:
    metric = GaugeMetricFamily(
        "credit_risk_production_model_info",
        "The model in production in the newest month; missing where there is none.",
        labels=["model_id", "version"],
    )
    record = production_record(datamart, month)
    if record["model_id"] is not None:
        metric.add_metric([record["model_id"], record["mlflow_version"] or ""], 1)
    return metric


def _limits(settings: Settings) -> Metric:
    """Return the limits of this installation, so that alert rules need not repeat them."""
    metric = GaugeMetricFamily(
        "credit_risk_limit",
        "What the settings ask for; alert rules compare with it.",
        labels=["name"],
    )
    limits = {
        "minimum_auc": settings.policy.minimum_auc,
        "model_age_months": settings.alerts.model_age_months,
        "psi_significant": settings.monitoring.psi_significant,
        "deadline_day": settings.deadline_day,
    }
    for name, limit in limits.items():
        metric.add_metric([name], limit)
    return metric


def _timestamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
