"""An installation as an operator has one: months, MLflow, Dagster's runs, settings, a report."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from credit_risk_dagster.months import first_day
from credit_risk_dagster.operations.artifact_addresses import follow_artifacts
from credit_risk_dagster.operations.backup import take_backup
from credit_risk_dagster.operations.backup_manifest import BackupManifest
from credit_risk_dagster.operations.places import MlflowServer
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.resources.metrics_store import ALERTS, MetricsStore
from credit_risk_dagster.resources.tracking import REGISTERED_MODEL, model_tracking
from credit_risk_dagster.settings import Settings, load_settings, save_settings
from credit_risk_dagster.tables.training import TRAINING_DECISION
from credit_risk_dagster_tests.installation import SMALL_POLICY
from credit_risk_dagster_tests.scored import CARRIED_OVER, FIRST, copy_of, scored_installation
from credit_risk_dagster_tests.table_runs import run_tables

NO_SERVER = MlflowServer()
SHOWN_NOWHERE = "known-to-nobody"
"""A password that no message may show."""


def configured_installation(factory: pytest.TempPathFactory) -> Settings:
    """Return an installation with a model in production, whose settings are in its home."""
    scored = scored_installation(factory)
    copy = copy_of(scored, factory.mktemp("operated"), last_month=CARRIED_OVER)
    follow_artifacts(copy.tracking_uri, scored.artifact_location, copy.artifact_location)
    save_settings(
        copy,
        raw=str(copy.raw_folder),
        first_month=FIRST,
        last_month=CARRIED_OVER,
        policy__minimum_auc="0.5",
        tuning__trials="1",
        tuning__threads="1",
        monitoring__report_features="0",
        **{f"policy__{name}": str(months) for name, months in SMALL_POLICY.items()},
    )
    return load_settings(copy.home)


def operated_installation(factory: pytest.TempPathFactory) -> Settings:
    """Return it with a run in its own Dagster, a report and an alert."""
    settings = configured_installation(factory)
    report = settings.reports_folder / "monitoring" / f"{CARRIED_OVER}.html"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("<h1>A report</h1>", encoding="utf-8")
    open_alert(settings)
    with opened(settings) as instance:
        assert run_tables(settings, instance, CARRIED_OVER, CARRIED_OVER, TRAINING_DECISION).success
    return settings


def open_alert(settings: Settings) -> None:
    """Put an alert into the metrics store."""
    now = datetime(2024, 2, 5, 6, tzinfo=UTC)
    row = {"condition": "drift", "severity": "error", "sentence": "The scores moved."}
    with MetricsStore(settings.metrics_store_url).transaction() as connection:
        connection.execute(
            ALERTS.insert(),
            [row | {"snapshot_date": first_day(CARRIED_OVER), "opened_at": now}],
        )


def address(driver: str, port: int) -> str:
    """Return the address of a database that is not there, with a password."""
    url = sa.URL.create(driver, "risk", SHOWN_NOWHERE, "127.0.0.1", port, "risk")
    return url.render_as_string(hide_password=False)


@contextmanager
def opened(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open an installation's Dagster instance, and leave the environment as it was."""
    before = os.environ.get("DAGSTER_HOME")
    try:
        with open_instance(settings) as instance:
            yield instance
    finally:
        os.environ.pop("DAGSTER_HOME")
        if before is not None:
            os.environ["DAGSTER_HOME"] = before


def back_up(
    settings: Settings, folder: Path, server: MlflowServer = NO_SERVER, with_raw: bool = False
) -> tuple[BackupManifest, str]:
    """Back an installation up, as the command does."""
    with opened(settings) as instance:
        return take_backup(settings, instance, folder, server, with_raw)


def back_up_small(
    settings: Settings, folder: Path, with_raw: bool = False
) -> tuple[BackupManifest, str]:
    """Back up an installation that has no Dagster of its own."""
    with dg.DagsterInstance.ephemeral() as instance:
        return take_backup(settings, instance, folder, NO_SERVER, with_raw)


def dagster_runs(settings: Settings) -> dict[str, tuple[str, int]]:
    """Return the status of every run that Dagster knows, and how many events it has."""
    with opened(settings) as instance:
        return {
            run.run_id: (run.status.value, len(instance.all_logs(run.run_id)))
            for run in instance.get_runs()
        }


def registered_models(settings: Settings) -> list[tuple[str, str, str]]:
    """Return version, model and alias of all that MLflow has registered."""
    client = model_tracking(settings).client()
    aliases = client.get_registered_model(REGISTERED_MODEL).aliases
    return [
        (str(found.version), found.tags["model_id"], str(aliases))
        for found in client.search_model_versions(f"name = '{REGISTERED_MODEL}'")
    ]


def candidate_figures(settings: Settings) -> dict[str, dict[str, float]]:
    """Return the metrics of every MLflow run."""
    tracking = model_tracking(settings)
    runs = tracking.client().search_runs([tracking.experiment_id()])
    return {found.info.run_id: found.data.metrics for found in runs}
