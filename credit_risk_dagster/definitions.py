"""The map of the code location: everything that Dagster shows, on one screen."""

import warnings

import dagster as dg

from credit_risk_dagster.assets.bronze import bronze_assets
from credit_risk_dagster.assets.candidates import candidate_assets
from credit_risk_dagster.assets.gold import gold_assets
from credit_risk_dagster.assets.inference import inference_assets
from credit_risk_dagster.assets.monitoring import monitoring_assets
from credit_risk_dagster.assets.panel import panel_assets
from credit_risk_dagster.assets.production import production_assets
from credit_risk_dagster.assets.raw import raw_assets
from credit_risk_dagster.assets.silver import silver_assets
from credit_risk_dagster.assets.training import training_assets
from credit_risk_dagster.automation.alerts import alert_sensor
from credit_risk_dagster.automation.arrival import deadline_schedule, delivery_sensor
from credit_risk_dagster.automation.jobs import monthly_job, training_job
from credit_risk_dagster.automation.maintenance import maintenance_job, maintenance_schedule
from credit_risk_dagster.automation.retraining import retraining_sensor
from credit_risk_dagster.automation.taking import take_job
from credit_risk_dagster.checks.catalogue import monthly_checks
from credit_risk_dagster.checks.monthly_check import build_checks
from credit_risk_dagster.contract.installed import require_installed
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.partitions import monthly_partitions
from credit_risk_dagster.resources.engine import engine_resource
from credit_risk_dagster.resources.metrics_store import MetricsStore
from credit_risk_dagster.resources.model_store import open_models
from credit_risk_dagster.resources.one_run import datamart_resource
from credit_risk_dagster.resources.tables import open_index
from credit_risk_dagster.resources.tracking import model_tracking
from credit_risk_dagster.settings import Settings, load_settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """Return the definitions of one installation.

    Raises:
        PlatformError: if this process has read the contract of another lender.
    """
    require_installed(settings.home)
    with warnings.catch_warnings():
        # Backfill policies and month offsets are marked beta in every release that has them.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return _definitions(settings)


def _definitions(settings: Settings) -> dg.Definitions:
    months = monthly_partitions(settings)
    month_job, month_training_job = monthly_job(), training_job()
    clean_job, take_files_job = maintenance_job(), take_job()
    return dg.Definitions(
        assets=[
            *raw_assets(),
            *bronze_assets(months),
            *silver_assets(months),
            *panel_assets(months),
            *gold_assets(months),
            *training_assets(months),
            *candidate_assets(months),
            *production_assets(months),
            *inference_assets(months),
            *monitoring_assets(months),
        ],
        asset_checks=build_checks(monthly_checks()),
        jobs=[month_job, month_training_job, clean_job, take_files_job],
        schedules=[
            deadline_schedule(settings, month_job),
            maintenance_schedule(settings, clean_job),
        ],
        sensors=[
            delivery_sensor(settings, month_job, take_files_job),
            retraining_sensor(settings, month_training_job),
            alert_sensor(settings),
        ],
        resources={
            "settings": settings,
            "datamart": datamart_resource(settings),
            "index": open_index(settings),
            "ledger": DeliveryLedger(settings.metrics_store_url),
            "models": open_models(settings),
            "engine": engine_resource(settings),
            "metrics": MetricsStore(settings.metrics_store_url),
            "tracking": model_tracking(settings),
        },
        executor=dg.in_process_executor,
    )


defs = build_definitions(load_settings())
