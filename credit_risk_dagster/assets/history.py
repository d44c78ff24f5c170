"""What the policy and the promotion may know in a month: the records of the months before it."""

from collections.abc import Mapping, Sequence
from typing import Any

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.models.metric import Metric
from credit_risk_dagster.models.policy import TrainingVerdict, decide_training
from credit_risk_dagster.monitoring.conditions import PERFORMANCE_CONDITION
from credit_risk_dagster.monitoring.drift import significant_shifts
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import COHORT
from credit_risk_dagster.tables.monitoring import DRIFT, REPORT
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.training import CANDIDATE_TABLES, TRAINING_DECISION

TRAININGS = ("initial_training", "retraining")


def training_verdict(
    datamart: Datamart, settings: Settings, month: str, breaches: Sequence[str] = ()
) -> tuple[TrainingVerdict, dict[str, Input]]:
    """Return the policy's verdict for a month, and the partitions that it rests on by hash.

    Raises:
        PartitionError: if a cohort or the decision of the month before is missing.
    """
    before = month_range(settings.first_month, add_months(month, -1))
    window = before[-settings.policy.window_months :]
    inputs = datamart.inputs(COHORT, window) | datamart.inputs(TRAINING_DECISION, before[-1:])
    sizes = {key: datamart.required_record(COHORT, key).rows for key in before}
    verdict = decide_training(
        month, sizes, trainings_before(datamart, month), settings.policy, breaches
    )
    return verdict, inputs


def trainings_before(datamart: Datamart, month: str) -> list[str]:
    """Return the months before a month in which a training was recorded, oldest first."""
    recorded = [key for key in datamart.months(TRAINING_DECISION) if key < month]
    rows = datamart.read(TRAINING_DECISION, recorded).to_pylist()
    return [row["snapshot_date"].isoformat() for row in rows if row["action"] in TRAININGS]


def production_record(datamart: Datamart, month: str) -> dict[str, Any]:
    """Return which model is in production in a month.

    Raises:
        PartitionError: if the month has no record.
    """
    datamart.required_record(PRODUCTION_MODEL, month)
    record: dict[str, Any] = datamart.read(PRODUCTION_MODEL, [month]).to_pylist()[0]
    return record


def out_of_time_auc(
    datamart: Datamart, record: Mapping[str, Any]
) -> tuple[Metric | None, dict[str, Input]]:
    """Return the out-of-time AUC of a production model, and the partition that it rests on.

    Args:
        datamart: where the tables are.
        record: a month's row of `production_model`; without a model there is no AUC.
    """
    if record["model_id"] is None:
        return None, {}
    table, month = CANDIDATE_TABLES[record["candidate"]], record["trained_in"]
    row = datamart.read(table, [month]).to_pylist()[0]
    bounds = (row["oot_auc_lower"], row["oot_auc_upper"])
    metric = Metric("oot_auc", row["oot_auc"], *bounds, row["oot_size"])
    return metric, datamart.inputs(table, [month])


def early_retraining_breaches(
    datamart: Datamart, settings: Settings, month: str
) -> tuple[list[str], dict[str, Input]]:
    """Return what of the month before calls for early retraining, if that is on.

    Significant shifts of its drift, and the sentence of its light of performance where it is red.
    """
    previous = add_months(month, -1)
    if not settings.policy.retrain_early or previous < settings.first_month:
        return [], {}
    inputs = datamart.inputs(DRIFT, [previous]) | datamart.inputs(REPORT, [previous])
    shifts = significant_shifts(datamart.read(DRIFT, [previous]).to_pandas())
    lights = datamart.read(REPORT, [previous]).to_pylist()
    weak = [
        row["sentence"].rstrip(".")
        for row in lights
        if row["condition"] == PERFORMANCE_CONDITION and row["light"] == "red"
    ]
    return [*(f"{shift['metric']} of {shift['subject']}" for shift in shifts), *weak], inputs
