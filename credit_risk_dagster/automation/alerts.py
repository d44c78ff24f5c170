"""The sensor that tells people what is wrong, once for each condition and month."""

from datetime import UTC, datetime

import dagster as dg

from credit_risk_dagster.datamart.index import RecordIndex
from credit_risk_dagster.observability.alerting.active import active_alerts
from credit_risk_dagster.observability.alerting.tell import tell
from credit_risk_dagster.resources.metrics_store import MetricsStore
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import Settings

SECONDS_BETWEEN_LOOKS = 60


def alert_sensor(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that alerts; it is on from the start and starts no run."""
    datamart = open_datamart(settings)  # not the resource of runs, which waits for other runs

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of failed runs and checks, refused, waiting and late files, lasting "
        "drift, weak performance, a missing or old model: once for each condition and month, and "
        "when it is over.",
    )
    def alerts(
        context: dg.SensorEvaluationContext,
        index: dg.ResourceParam[RecordIndex],
        metrics: dg.ResourceParam[MetricsStore],
    ) -> dg.SkipReason:
        now = datetime.now(UTC)
        active = active_alerts(context.instance, datamart, index, settings, now.date())
        sent = tell(metrics, settings.alerts, active, now, context.log)
        return dg.SkipReason(f"{len(active)} alerts are open; {sent} notices were sent.")

    return alerts
