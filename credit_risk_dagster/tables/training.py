"""What a month's training leaves behind: the verdict of the policy and the candidates."""

import pyarrow as pa

from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.datamart.table import Table, schema_of

OUT_OF_TIME_SCORES = "out_of_time_scores"

TRAINING_DECISION = Table(
    layer="training",
    name="training_decision",
    description="Whether the month trains, and why: from the cohorts and the trainings before it, "
    "and from nothing else.",
    schema=schema_of(
        snapshot_date=pa.date32(),
        action=pa.string(),
        reason=pa.string(),
        cohorts=pa.string(),
        last_training=pa.string(),
    ),
    key=("snapshot_date",),
    decides=True,
)


def _candidate_table(name: str) -> Table:
    return Table(
        layer="training",
        name=name,
        description=f"The {name.replace('_', ' ')} of the month: tuned, tested, refitted, judged "
        "out of time; where no training is due, a record that says so.",
        schema=schema_of(
            snapshot_date=pa.date32(),
            action=pa.string(),
            reason=pa.string(),
            model_id=pa.string(),
            training_key=pa.string(),
            parameters=pa.string(),
            train_auc=pa.float64(),
            test_auc=pa.float64(),
            oot_auc=pa.float64(),
            oot_auc_lower=pa.float64(),
            oot_auc_upper=pa.float64(),
            oot_auc_masked=pa.float64(),
            oot_auc_at_horizon=pa.float64(),
            oot_auc_without=pa.string(),
            tuning_auc=pa.float64(),
            tuning_gain=pa.float64(),
            tuning_gain_error=pa.float64(),
            gates=pa.string(),
            missing_shares=pa.string(),
            train_size=pa.int64(),
            test_size=pa.int64(),
            oot_size=pa.int64(),
            model_sha256=pa.string(),
            mlflow_run_id=pa.string(),
        ),
        key=("snapshot_date",),
        unhashed=("model_sha256", "mlflow_run_id"),
        pointers=("model_sha256", "mlflow_run_id"),
        decides=True,
        beside=(
            (
                OUT_OF_TIME_SCORES,
                schema_of(
                    loan_id=pa.string(),
                    cohort=pa.string(),
                    default=pa.int64(),
                    probability=pa.float64(),
                    masked_probability=pa.float64(),
                ),
            ),
        ),
    )


CANDIDATE_TABLES = {name: _candidate_table(name) for name in CANDIDATES}
