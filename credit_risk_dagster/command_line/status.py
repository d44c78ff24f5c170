"""What is known of every month: one record a month, for a person, a script or a test."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from credit_risk_dagster.assets.row_counts import row_counts
from credit_risk_dagster.checks.history import FailedCheck
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import DRIFT, PERFORMANCE
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
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

Record = dict[str, Any]


def month_records(
    datamart: Datamart, months: Sequence[str], checks: Mapping[str, Sequence[FailedCheck]]
) -> list[Record]:
    """Return the record of each month.

    Args:
        datamart: where the tables are.
        months: the months wanted.
        checks: the failed checks of each month.
    """
    return [
        _record(datamart, month)
        | {"failed_checks": [asdict(check) for check in checks.get(month, [])]}
        for month in months
    ]


def _record(datamart: Datamart, month: str) -> Record:
    decision = _first_row(datamart, TRAINING_DECISION, month)
    production = _first_row(datamart, PRODUCTION_MODEL, month)
    scores = datamart.manifest(PREDICTIONS, month)
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
            name: _figures(_first_row(datamart, table, month), CANDIDATE_FIGURES, "model_id")
            for name, table in CANDIDATE_TABLES.items()
        },
        "performance": _performance(datamart, month),
        "drift": _drift(datamart, month),
        "rows": {name: row_counts(datamart, name, month) for name in BRONZE},
        "rows_scored": scores.facts["applicants"] if scores and scores.rows else 0,
    }


def _first_row(datamart: Datamart, table: Table, month: str) -> Record:
    if datamart.manifest(table, month) is None:
        return {}
    row: Record = datamart.read(table, [month]).to_pylist()[0]
    return row


def _figures(row: Record, names: Sequence[str], required: str) -> Record | None:
    return {name: row[name] for name in names} if row.get(required) is not None else None


def _facts(datamart: Datamart, table: Table, month: str) -> pd.DataFrame:
    months = [month] if datamart.manifest(table, month) else []
    facts: pd.DataFrame = datamart.read(table, months).to_pandas()
    return facts


def _performance(datamart: Datamart, month: str) -> Record:
    facts = _facts(datamart, PERFORMANCE, month)
    aucs = facts[(facts["metric"] == "auc") & (facts["subject"] == "overall")]
    return {
        row["basis"]: {
            "status": row["status"],
            "auc": _present(row["value"]),
            "auc_lower": _present(row["lower"]),
            "auc_upper": _present(row["upper"]),
            "sample_size": row["sample_size"],
            "model_id": row["model_id"],
        }
        for row in aucs.to_dict("records")
    }


def _present(value: float) -> float | None:
    return None if pd.isna(value) else value


def _drift(datamart: Datamart, month: str) -> Record | None:
    facts = _facts(datamart, DRIFT, month)
    psi = facts[(facts["metric"] == "psi") & facts["value"].notna()]
    if psi.empty:
        return None
    csi = facts[facts["metric"] == "csi"].sort_values("value").iloc[-1]
    score = psi.iloc[0]
    return {
        "psi": score["value"],
        "psi_band": score["band"],
        "psi_noise": score["upper"],
        "largest_csi": csi["value"],
        "largest_csi_feature": csi["subject"],
    }
