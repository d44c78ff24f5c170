"""What Dagster has recorded of asset checks: of a run, and the latest of every month."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dagster as dg

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


def _check_keys() -> list[dg.AssetCheckKey]:
    from credit_risk_dagster.checks.delivery import delivery_checks
    from credit_risk_dagster.checks.models import model_checks
    from credit_risk_dagster.checks.point_in_time import gold_checks

    return [
        dg.AssetCheckKey(dg.AssetKey([check.table.layer, check.table.name]), check.name)
        for check in [*delivery_checks(), *gold_checks(), *model_checks()]
    ]


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
