"""The policy's verdict for a month: whether it trains, and why."""

import dagster as dg
import pyarrow as pa

from credit_risk_dagster.assets.history import early_retraining_breaches, training_verdict
from credit_risk_dagster.assets.monthly import (
    KEPT,
    MonthRows,
    Written,
    decided_before,
    depends_on,
    keep_decision,
    monthly_asset,
    report_months,
    table_metadata,
    write_month,
)
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.months import first_day
from credit_risk_dagster.partitions import months_earlier
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import COHORT
from credit_risk_dagster.tables.training import TRAINING_DECISION


def training_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the training decision."""
    return [_training_decision(months)]


def _training_decision(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @monthly_asset(
        TRAINING_DECISION,
        months,
        deps=[depends_on(COHORT), depends_on(TRAINING_DECISION, months_earlier(1))],
        kinds={"python"},
        owner="credit-risk",
    )
    def training_decision(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
    ) -> None:
        keys = list(context.partition_keys)
        report_months(context, TRAINING_DECISION, _write_decisions(keys, datamart, settings))

    return training_decision


def _write_decisions(keys: list[str], datamart: Datamart, settings: Settings) -> Written:
    if settings.policy.retrain_early and len(keys) > 1:
        raise ModelError(
            "Early retraining reads the breaches of the month before, which a range in one run "
            "has not computed yet: run the months one by one, or set "
            "CREDIT_RISK_POLICY__RETRAIN_EARLY to false."
        )
    for month in keys:
        writer = datamart.open(TRAINING_DECISION, [month])
        breaches, breach_inputs = early_retraining_breaches(datamart, settings, month)
        verdict, inputs = training_verdict(datamart, settings, month, breaches)
        inputs |= breach_inputs
        known = decided_before(datamart, TRAINING_DECISION, month, inputs)
        if known is not None:
            record = keep_decision(datamart, TRAINING_DECISION, writer, known, inputs)
            yield month, table_metadata(datamart, TRAINING_DECISION, record, kept=KEPT)
            continue
        row = {
            "snapshot_date": first_day(month),
            "action": verdict.action,
            "reason": verdict.reason,
            "cohorts": ",".join(verdict.cohorts),
            "last_training": verdict.last_training,
        }
        rows = pa.Table.from_pylist([row], schema=TRAINING_DECISION.schema)
        record = write_month(TRAINING_DECISION, writer, MonthRows(month, rows, inputs))
        figures = {"action": verdict.action, "reason": verdict.reason}
        yield month, table_metadata(datamart, TRAINING_DECISION, record, **figures)
