"""The sensor that applies the retraining policy to the current month."""

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from credit_risk_dagster.assets.history import early_retraining_breaches, training_verdict
from credit_risk_dagster.automation.arrival import sensor_status
from credit_risk_dagster.automation.at_work import at_work_text, run_at_work
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.training import CANDIDATE_TABLES

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

SECONDS_BETWEEN_LOOKS = 3600


def retraining_sensor(
    settings: Settings, job: "UnresolvedAssetJobDefinition"
) -> dg.SensorDefinition:
    """Return the sensor that asks for the current month's training when it is due."""
    datamart = open_datamart(settings)  # not the resource of runs, which waits for other runs

    @dg.sensor(
        name="training_due",
        job=job,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=sensor_status(settings),
        description="Asks for the current month's training when the policy says that it is due "
        "and it was not done; never for a month that has issued scores.",
    )
    def training_due(
        context: dg.SensorEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        month = settings.latest_month(datetime.now(UTC).date())
        running = run_at_work(settings, context.instance)
        if running is not None:
            return dg.SkipReason(at_work_text(running))
        return training_request(settings, datamart, month)

    return training_due


def training_request(
    settings: Settings, datamart: Datamart, month: str
) -> dg.RunRequest | dg.SkipReason:
    """Return the request for a month's training, or the reason why there is none."""
    try:
        breaches, _ = early_retraining_breaches(datamart, settings, month)
        verdict, inputs = training_verdict(datamart, settings, month, breaches)
    except PlatformError as error:
        return dg.SkipReason(f"{month[:7]} cannot be decided yet: {error}")
    if not verdict.is_due:
        return dg.SkipReason(verdict.reason)
    if all(_is_trained(datamart, table, month) for table in CANDIDATE_TABLES.values()):
        return dg.SkipReason(f"The training of {month[:7]} is done.")
    issued = datamart.record(PREDICTIONS, month)
    if issued is not None and issued.rows:
        return dg.SkipReason(
            f"{month[:7]} has issued scores, which a training would contradict: {verdict.reason}"
        )
    made_of = sorted((name, one.content_hash) for name, one in inputs.items())
    state = hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]
    return dg.RunRequest(run_key=f"training-{month}-{state}", partition_key=month)


def _is_trained(datamart: Datamart, table: Table, month: str) -> bool:
    if datamart.record(table, month) is None:
        return False
    return bool(datamart.read(table, [month]).column("model_id")[0].is_valid)
