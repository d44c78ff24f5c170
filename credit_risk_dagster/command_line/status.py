"""What is known of every month: one record a month, for a person, a script or a test."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from credit_risk_dagster.assets.row_counts import row_counts
from credit_risk_dagster.checks.history import FailedCheck
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.index import RecordIndex
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.datamart.table import MONTH, Table
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import DRIFT, PERFORMANCE
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.silver import SILVER
from credit_risk_dagster.tables.training import CANDIDATE_TABLES, TRAINING_DECISION

CANDIDATE_FIGURES = (
    "model_id",
    "train_auc",
    "test_auc",
    "oot_auc",
    "oot_auc_lower",
    "oot_auc_upper",
)
COMPARISON_FIGURES = (
    "challenger_model_id",
    "challenger_auc",
    "incumbent_auc",
    "auc_difference",
    "auc_difference_lower",
    "auc_difference_upper",
    "p_value",
    "selection_reason",
)

READ = (TRAINING_DECISION, PRODUCTION_MODEL, *CANDIDATE_TABLES.values(), PERFORMANCE, DRIFT)

Record = dict[str, Any]

Known = Mapping[tuple[str, str], MonthRecord]
"""The records of all months, by table path and month."""


def month_records(
    datamart: Datamart,
    index: RecordIndex,
    months: Sequence[str],
    checks: Mapping[str, Sequence[FailedCheck]],
) -> list[Record]:
    """Return the record of each month.

    Args:
        datamart: where the tables are.
        index: the index of their records.
        months: the months wanted.
        checks: the failed checks of each month.
    """
    known = index.records()
    rows = {table.path: _by_month(datamart, table, months, known) for table in READ}
    return [
        _record(month, known, {path: found.get(month, []) for path, found in rows.items()})
        | {"failed_checks": [asdict(check) for check in checks.get(month, [])]}
        for month in months
    ]


def _by_month(
    datamart: Datamart, table: Table, months: Sequence[str], known: Known
) -> dict[str, list[Record]]:
    """Read the rows of all months of a table at once."""
    there = [month for month in months if (table.path, month) in known]
    found: dict[str, list[Record]] = {}
    for row in datamart.read(table, there).to_pylist():
        found.setdefault(row[MONTH].isoformat(), []).append(row)
    return found


def _record(month: str, known: Known, rows: Mapping[str, list[Record]]) -> Record:
    decision = _first(rows[TRAINING_DECISION.path])
    production = _first(rows[PRODUCTION_MODEL.path])
    scores = known.get((PREDICTIONS.path, month))
    return {
        "month": month,
        "decision": decision.get("action"),
        "reason": decision.get("reason"),
        "production_action": production.get("action"),
        "production_reason": production.get("reason"),
        "production_model_id": production.get("model_id"),
        "mlflow_version": production.get("mlflow_version"),
        "comparison": _figures(production, COMPARISON_FIGURES, "challenger_model_id"),
        "candidates": {
            name: _figures(_first(rows[table.path]), CANDIDATE_FIGURES, "model_id")
            for name, table in CANDIDATE_TABLES.items()
        },
        "performance": _performance(rows[PERFORMANCE.path]),
        "drift": _drift(rows[DRIFT.path]),
        "rows": {
            name: row_counts(
                known.get((BRONZE[name].path, month)), known.get((SILVER[name].path, month))
            )
            for name in BRONZE
        },
        "rows_scored": scores.facts["applicants"] if scores and scores.rows else 0,
    }


def _first(rows: list[Record]) -> Record:
    return rows[0] if rows else {}


def _figures(row: Record, names: Sequence[str], required: str) -> Record | None:
    return {name: row[name] for name in names} if row.get(required) is not None else None


def _performance(facts: list[Record]) -> Record:
    return {
        row["basis"]: {
            "status": row["status"],
            "auc": row["value"],
            "auc_lower": row["lower"],
            "auc_upper": row["upper"],
            "sample_size": row["sample_size"],
            "model_id": row["model_id"],
        }
        for row in facts
        if row["metric"] == "auc" and row["subject"] == "overall"
    }


def _drift(facts: list[Record]) -> Record | None:
    known = [row for row in facts if row["value"] is not None]
    score = next((row for row in known if row["metric"] == "psi"), None)
    if score is None:
        return None
    csi = max((row for row in known if row["metric"] == "csi"), key=lambda row: row["value"])
    return {
        "psi": score["value"],
        "psi_band": score["band"],
        "psi_noise": score["upper"],
        "largest_csi": csi["value"],
        "largest_csi_feature": csi["subject"],
    }
