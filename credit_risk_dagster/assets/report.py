"""Report: the month's traffic lights, its HTML report, and its facts in SQL and MLflow."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from credit_risk_dagster.assets.history import (
    out_of_time_auc,
    production_record,
    trainings_before,
)
from credit_risk_dagster.assets.monthly import (
    MonthRows,
    Written,
    depends_on,
    markdown_table,
    monthly_asset,
    publish_report,
    report_months,
    table_metadata,
    write_month,
)
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.monitoring.conditions import Condition, month_conditions
from credit_risk_dagster.monitoring.report import write_report
from credit_risk_dagster.months import add_months, first_day, month_range
from credit_risk_dagster.resources.metrics_store import CONDITIONS, FACTS, MetricsStore
from credit_risk_dagster.resources.tracking import ModelTracking
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.monitoring import DRIFT, FACT_TABLES, REPORT
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.training import TRAINING_DECISION

HISTORY_MONTHS = 24
"""How far back the pictures go."""

READ = (*FACT_TABLES.values(), PRODUCTION_MODEL, TRAINING_DECISION)


def report_asset(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the month's report."""

    @monthly_asset(
        REPORT,
        months,
        deps=[depends_on(table) for table in READ],
        kinds={"sql", "mlflow"},
        owner="credit-risk",
    )
    def report(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        metrics: dg.ResourceParam[MetricsStore],
        tracking: ModelTracking,
    ) -> None:
        keys = list(context.partition_keys)
        written = _write_report(keys, datamart, settings, metrics, tracking)
        report_months(context, REPORT, written)

    return report


def _write_report(
    keys: list[str],
    datamart: Datamart,
    settings: Settings,
    metrics: MetricsStore,
    tracking: ModelTracking,
) -> Written:
    for month in keys:
        writer = datamart.open(REPORT, [month])
        inputs: dict[str, Input] = {}
        for table in READ:
            inputs |= datamart.inputs(table, [month])
        earlier = _months_before(settings, month, settings.alerts.drift_months - 1)
        inputs |= datamart.inputs(DRIFT, earlier)
        last_training = _last_training(month, datamart)
        if last_training is not None:
            inputs |= datamart.inputs(TRAINING_DECISION, [last_training])
        conditions = _conditions(month, last_training, datamart, settings)
        rows = [{"snapshot_date": first_day(month), **asdict(one)} for one in conditions]
        name = f"monitoring/{month}.html"
        facts = _facts(month, datamart, settings)
        production = production_record(datamart, month)
        write_report(
            settings.reports_folder / name,
            month,
            facts,
            conditions,
            _before(month, datamart, settings),
            f"In production: {production['model_id'] or 'no model'}. {production['reason']}",
            settings,
        )
        now = facts[facts["month"] == month]
        table = pa.Table.from_pylist(rows, schema=REPORT.schema)
        record = write_month(REPORT, writer, MonthRows(month, table, inputs))
        _publish(month, conditions, datamart, metrics)
        tracking.log_month(month, now, settings.reports_folder)
        lights = [
            {"light": one.light, "condition": one.condition, "found": one.sentence}
            for one in conditions
        ]
        link = publish_report(settings, name)
        figures: dict[str, Any] = {"report": link, "lights": markdown_table(lights)}
        yield month, table_metadata(datamart, REPORT, record, **figures)


def _months_before(settings: Settings, month: str, count: int) -> list[str]:
    """Return up to so many months before a month, oldest first, none before the first."""
    oldest = max(add_months(month, -count), settings.first_month)
    return month_range(oldest, add_months(month, -1))


def _last_training(month: str, datamart: Datamart) -> str | None:
    """Return the newest month, up to this one, in which a training was carried out."""
    return max(trainings_before(datamart, add_months(month, 1)), default=None)


def _conditions(
    month: str, last_training: str | None, datamart: Datamart, settings: Settings
) -> list[Condition]:
    earlier = _months_before(settings, month, settings.alerts.drift_months - 1)
    production = production_record(datamart, month)
    performance = datamart.read(FACT_TABLES["performance"], [month]).to_pandas()
    return month_conditions(
        month,
        production,
        datamart.read(TRAINING_DECISION, [month]).to_pylist()[0],
        [datamart.read(DRIFT, [key]).to_pandas() for key in [month, *reversed(earlier)]],
        performance,
        _out_of_time(month, performance, datamart),
        last_training,
        settings,
    )


def _out_of_time(
    month: str, performance: pd.DataFrame, datamart: Datamart
) -> dict[str, tuple[float, float, float]]:
    """Return the out-of-time AUC with its interval of the models whose scores matured."""
    wanted = set(performance.loc[performance["metric"] == "auc", "model_id"].dropna())
    known: dict[str, tuple[float, float, float]] = {}
    for key in reversed([key for key in datamart.months(PRODUCTION_MODEL) if key <= month]):
        record = production_record(datamart, key)
        if record["model_id"] in wanted - set(known):
            metric, _ = out_of_time_auc(datamart, record)
            if metric and None not in (metric.value, metric.lower, metric.upper):
                known[record["model_id"]] = (metric.value, metric.lower, metric.upper)  # type: ignore[assignment]
        if wanted <= set(known):
            break
    return known


def _publish(
    month: str, conditions: Sequence[Condition], datamart: Datamart, metrics: MetricsStore
) -> None:
    """Put the month's facts and lights into the store, where the same ones change nothing."""
    versions = _versions(month, datamart)
    newest = None
    for source, table in FACT_TABLES.items():
        record = datamart.required_record(table, month)
        computed_at = datetime.fromisoformat(record.provenance["written_at"])
        newest = max(newest or computed_at, computed_at)
        rows = [
            {name: row[name] for name in row if name != "snapshot_date"}
            | {"model_version": versions.get(row["model_id"]), "computed_at": computed_at}
            for row in datamart.read(table, [month]).to_pylist()
        ]
        metrics.replace_month(FACTS, month, rows, source=source)
    lights = [{**asdict(one), "computed_at": newest} for one in conditions]
    metrics.replace_month(CONDITIONS, month, lights)


def _versions(month: str, datamart: Datamart) -> dict[str, str]:
    months = [key for key in datamart.months(PRODUCTION_MODEL) if key <= month]
    rows = datamart.read(PRODUCTION_MODEL, months).to_pylist()
    return {row["model_id"]: row["mlflow_version"] for row in rows if row["model_id"]}


def _facts(month: str, datamart: Datamart, settings: Settings) -> pd.DataFrame:
    months = [*_months_before(settings, month, HISTORY_MONTHS - 1), month]
    # A table that came with a later release has not every month of the past.
    parts = [
        datamart.read(table, [key for key in months if key in datamart.months(table)]).to_pandas()
        for table in FACT_TABLES.values()
    ]
    facts: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return facts.assign(month=facts["snapshot_date"].astype(str))


def _before(month: str, datamart: Datamart, settings: Settings) -> list[Condition]:
    """Return the lights of the month before, if it was reported."""
    previous = add_months(month, -1)
    if previous < settings.first_month or datamart.record(REPORT, previous) is None:
        return []
    rows = datamart.read(REPORT, [previous]).drop_columns("snapshot_date").to_pylist()
    return [Condition(**row) for row in rows]
