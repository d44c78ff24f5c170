"""Stores that are databases of a server: where settings name them, and what they hold."""

import pytest
import sqlalchemy as sa

from credit_risk_dagster.operations.databases import connected
from credit_risk_dagster.resources.tracking import model_tracking
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.postgres import PostgresServer

DAGSTER_YAML = """
telemetry: {enabled: false}
storage:
  postgres:
    postgres_url: {env: DAGSTER_POSTGRES_URL}
"""
STORES = {
    "mlflow": "CREDIT_RISK_MLFLOW_TRACKING_URI",
    "monitoring": "CREDIT_RISK_METRICS_URL",
    "dagster": "DAGSTER_POSTGRES_URL",
}


def use_databases(server: PostgresServer, environment: pytest.MonkeyPatch, suffix: str) -> None:
    for name, variable in STORES.items():
        environment.setenv(variable, server.create_database(f"{name}{suffix}"))


def register_model(settings: Settings) -> None:
    tracking = model_tracking(settings)
    client = tracking.client()
    run = client.create_run(tracking.experiment_id())
    client.log_metric(run.info.run_id, "oot_auc", 0.9)
    client.log_text(run.info.run_id, "a model", "model/model.skops")
    client.set_terminated(run.info.run_id)
    tracking.put_into_production(tracking.register("2024-01-xgboost-1", run.info.run_id, "2024-01"))


def rows_of(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table, in an order that does not depend on the server."""
    with connected(url) as connection:
        schema = sa.MetaData()
        schema.reflect(connection)
        return {
            table.name: sorted((tuple(row) for row in connection.execute(table.select())), key=str)
            for table in schema.sorted_tables
        }
