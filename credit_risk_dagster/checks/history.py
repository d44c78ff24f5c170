"""What Dagster has recorded of asset checks: of a run, of a month, and of every month."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dagster as dg

from credit_risk_dagster.assets.monthly import asset_key
from credit_risk_dagster.checks.catalogue import monthly_checks
from credit_risk_dagster.checks.monthly_check import FAILED_MONTHS, MONTHS

HISTORY = 1000
"""Evaluations of a check that are looked at, newest first."""


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
    return _in_order(_failed(one) for one in evaluations if not one.passed)


def failed_checks_by_month(instance: dg.DagsterInstance) -> dict[str, list[FailedCheck]]:
    """Return the checks that failed at their latest evaluation of each month."""
    failed: dict[str, list[FailedCheck]] = {}
    for key in _check_keys():
        history = instance.event_log_storage.get_asset_check_execution_history(key, limit=HISTORY)
        seen: set[str] = set()
        for evaluation in (_evaluation(execution) for execution in history):
            if evaluation is None:
                continue
            bad = set(_listed(evaluation, FAILED_MONTHS)) - seen
            seen |= set(_listed(evaluation, MONTHS))
            for month in bad:
                failed.setdefault(month, []).append(_failed(evaluation))
    return {month: _in_order(checks) for month, checks in failed.items()}


def failed_checks_of_month(instance: dg.DagsterInstance, month: str) -> list[FailedCheck]:
    """Return the checks that failed at their latest evaluation of one month.

    The history of a check is read only where its latest evaluation was of other months.
    """
    keys, failed = _check_keys(), []
    storage = instance.event_log_storage
    latest = storage.get_latest_asset_check_execution_by_key(keys)
    for key in latest:
        evaluation = _evaluation(latest[key])
        if evaluation is None or month not in _listed(evaluation, MONTHS):
            history = storage.get_asset_check_execution_history(key, limit=HISTORY)
            evaluations = (_evaluation(execution) for execution in history)
            evaluation = next(
                (one for one in evaluations if one and month in _listed(one, MONTHS)), None
            )
        if evaluation is not None and month in _listed(evaluation, FAILED_MONTHS):
            failed.append(_failed(evaluation))
    return _in_order(failed)


def _check_keys() -> list[dg.AssetCheckKey]:
    return [dg.AssetCheckKey(asset_key(check.table), check.name) for check in monthly_checks()]


def _evaluation(execution: Any) -> dg.AssetCheckEvaluation | None:
    event = execution.event.dagster_event if execution.event else None
    if event is None or event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return None
    evaluation: dg.AssetCheckEvaluation = event.asset_check_evaluation_data
    return evaluation


def _listed(evaluation: dg.AssetCheckEvaluation, name: str) -> list[str]:
    listed = evaluation.metadata.get(name)
    data = listed.data if isinstance(listed, dg.JsonMetadataValue) else None
    return [str(month) for month in data] if isinstance(data, list) else []


def _failed(evaluation: dg.AssetCheckEvaluation) -> FailedCheck:
    return FailedCheck(
        table="/".join(evaluation.asset_key.path),
        name=evaluation.check_name,
        severity=evaluation.severity.value,
        description=evaluation.description or "",
    )


def _in_order(checks: Iterable[FailedCheck]) -> list[FailedCheck]:
    return sorted(checks, key=lambda check: (check.severity, check.table, check.name))
