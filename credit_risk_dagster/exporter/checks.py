"""Which checks fail for the newest month, without reading the history of every one of them."""

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from credit_risk_dagster.assets.monthly import asset_key
from credit_risk_dagster.checks.delivery import delivery_checks
from credit_risk_dagster.checks.models import model_checks
from credit_risk_dagster.checks.monthly_check import FAILED_MONTHS, MONTHS, MonthlyCheck
from credit_risk_dagster.checks.point_in_time import gold_checks
from credit_risk_dagster.datamart import Datamart
from credit_risk_dagster.exporter.tables import newest_months

HISTORY = 100
"""Evaluations looked back on where the latest one was of other months."""


def failing_checks(instance: dg.DagsterInstance, datamart: Datamart) -> list[MonthlyCheck]:
    """Return the checks that fail at their latest evaluation for the newest month."""
    newest = max(newest_months(datamart).values(), default=None)
    if newest is None:
        return []
    checks = {
        dg.AssetCheckKey(asset_key(check.table), check.name): check
        for check in [*delivery_checks(), *gold_checks(), *model_checks()]
    }
    storage = instance.event_log_storage
    latest = storage.get_latest_asset_check_execution_by_key(list(checks))
    failing = []
    for key, check in checks.items():
        evaluation = _of_month(latest.get(key), newest)
        if evaluation is None and key in latest:
            history = storage.get_asset_check_execution_history(key, limit=HISTORY)
            found = (_of_month(record, newest) for record in history)
            evaluation = next((one for one in found if one is not None), None)
        if evaluation is not None and newest in _listed(evaluation, FAILED_MONTHS):
            failing.append(check)
    return failing


def _of_month(
    record: AssetCheckExecutionRecord | None, month: str
) -> dg.AssetCheckEvaluation | None:
    """Return the evaluation of a record, if it has ended and looked at a month."""
    event = record.event.dagster_event if record is not None and record.event is not None else None
    if event is None or event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return None
    evaluation = event.asset_check_evaluation_data
    return evaluation if month in _listed(evaluation, MONTHS) else None


def _listed(evaluation: dg.AssetCheckEvaluation, name: str) -> list[str]:
    value = evaluation.metadata.get(name)
    data = value.data if isinstance(value, dg.JsonMetadataValue) else None
    return [str(month) for month in data] if isinstance(data, list) else []
