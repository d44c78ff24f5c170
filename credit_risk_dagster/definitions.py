"""The map of the code location: everything that Dagster shows, on one screen."""

import dagster as dg

from credit_risk_dagster.assets.bronze import bronze_assets
from credit_risk_dagster.assets.gold import gold_assets
from credit_risk_dagster.assets.inference import inference_assets
from credit_risk_dagster.assets.monitoring import monitoring_assets
from credit_risk_dagster.assets.production import production_assets
from credit_risk_dagster.assets.silver import silver_assets
from credit_risk_dagster.assets.training import training_assets
from credit_risk_dagster.automation.jobs import monthly_job
from credit_risk_dagster.datamart import Datamart
from credit_risk_dagster.model_store import ModelStore
from credit_risk_dagster.partitions import monthly_partitions
from credit_risk_dagster.resources.engine import engine_resource
from credit_risk_dagster.resources.tracking import model_tracking
from credit_risk_dagster.settings import Settings, load_settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """Return the definitions of one installation."""
    months = monthly_partitions(settings)
    job = monthly_job(months)
    return dg.Definitions(
        assets=[
            *bronze_assets(months),
            *silver_assets(months),
            *gold_assets(months),
            *training_assets(months),
            *production_assets(months),
            *inference_assets(months),
            *monitoring_assets(months),
        ],
        jobs=[job],
        resources={
            "settings": settings,
            "datamart": Datamart(settings.home),
            "models": ModelStore(settings.home / "models"),
            "engine": engine_resource(settings),
            "tracking": model_tracking(settings),
        },
        executor=dg.in_process_executor,
    )


defs = build_definitions(load_settings())
