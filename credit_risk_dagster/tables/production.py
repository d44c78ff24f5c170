"""Which model version is in production in a month, and why."""

import pyarrow as pa

from credit_risk_dagster.datamart.table import Table, schema_of

PRODUCTION_MODEL = Table(
    layer="production",
    name="production_model",
    description="The model version in production in the month: promoted, kept, carried over from "
    "the month before, or none yet; with the comparison that decided.",
    schema=schema_of(
        snapshot_date=pa.date32(),
        action=pa.string(),
        reason=pa.string(),
        model_id=pa.string(),
        candidate=pa.string(),
        trained_in=pa.string(),
        oot_auc=pa.float64(),
        challenger_model_id=pa.string(),
        challenger_auc=pa.float64(),
        incumbent_auc=pa.float64(),
        auc_difference=pa.float64(),
        auc_difference_lower=pa.float64(),
        auc_difference_upper=pa.float64(),
        p_value=pa.float64(),
        selection_reason=pa.string(),
        contests=pa.string(),
        model_sha256=pa.string(),
        mlflow_version=pa.string(),
    ),
    key=("snapshot_date",),
    unhashed=("model_sha256", "mlflow_version"),
    pointers=("model_sha256", "mlflow_version"),
    decides=True,
)
