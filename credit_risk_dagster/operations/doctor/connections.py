"""The servers and databases that the platform talks to: do they answer, are they up to date."""

import socket
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import dagster as dg
import requests
import sqlalchemy as sa

from credit_risk_dagster.datamart.object_store import ObjectStore
from credit_risk_dagster.errors import PlatformError, StoreError
from credit_risk_dagster.operations.dagster_storage import dagster_database
from credit_risk_dagster.operations.databases import connected, shown, sqlite_file
from credit_risk_dagster.operations.doctor.finding import Finding, failed, ok, warning
from credit_risk_dagster.operations.doctor.software import installed
from credit_risk_dagster.resources.tables import open_store
from credit_risk_dagster.settings import Settings

TIMEOUT_SECONDS = 5


def connection_findings(
    settings: Settings, instance: dg.DagsterInstance | None
) -> Iterator[Finding]:
    """Ask MLflow, the metrics store and Dagster's storage; look at where alerts go."""
    if settings.tracking_uri.startswith(("http://", "https://")):
        yield _mlflow_server(settings.tracking_uri)
    else:
        yield _database("MLflow", settings.tracking_uri, "CREDIT_RISK_MLFLOW_TRACKING_URI")
    yield _database("metrics store", settings.metrics_store_url, "CREDIT_RISK_METRICS_URL")
    store = open_store(settings)
    if store is not None:
        yield _store(store)
    if instance is not None:
        yield _dagster(instance)
    if settings.engine == "pyspark" and "://" in settings.spark_master:
        yield _spark(settings.spark_master)
    yield from _alerts(settings)


def _store(store: ObjectStore) -> Finding:
    probe = f".probe-{uuid.uuid4().hex}"
    try:
        store.write(probe, b"")
        store.remove(probe)
    except StoreError as error:
        return failed("object store", str(error), "Correct what it says.")
    return ok("object store", f"{store.uri} takes, gives and removes objects.")


def _spark(master: str) -> Finding:
    address = urlsplit(master.partition(",")[0])
    try:
        with socket.create_connection((address.hostname, address.port or 0), TIMEOUT_SECONDS):
            return ok("Spark", f"{master} takes connections.")
    except OSError as error:
        return failed(
            "Spark",
            f"{master} cannot be reached: {error}.",
            "Start the master, or correct CREDIT_RISK_SPARK_MASTER.",
        )


def _mlflow_server(uri: str) -> Finding:
    """Ask the server for its release, as MLflow's client does: with its user and password."""
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    try:
        answer = http_request(  # type: ignore[no-untyped-call]
            get_default_host_creds(uri),  # type: ignore[no-untyped-call]
            "/version",
            "GET",
            timeout=TIMEOUT_SECONDS,
            max_retries=1,
            raise_on_status=False,
        )
    except (MlflowException, requests.RequestException) as error:
        return failed(
            "MLflow",
            f"{uri} does not answer: {str(error).splitlines()[0]}",
            "Start the server, or correct CREDIT_RISK_MLFLOW_TRACKING_URI.",
        )
    if answer.status_code != requests.codes.ok:
        return failed(
            "MLflow",
            f"{uri} answers {answer.status_code} {answer.reason}.",
            "401: correct MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD. 403: the server "
            "does not know this name of its host, see its --allowed-hosts.",
        )
    theirs, ours = answer.text.strip(), installed("mlflow")
    if theirs != ours:
        return warning(
            "MLflow",
            f"{uri} runs {theirs}; installed here is {ours}.",
            "Run the same release on both sides.",
        )
    return ok("MLflow", f"{uri} answers, release {theirs}.")


def _database(check: str, url: str, variable: str) -> Finding:
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return ok(check, f"{file} will be made by the first run that needs it.")
    try:
        with connected(url) as connection:
            tables = sa.inspect(connection).get_table_names()
    except PlatformError as error:
        return failed(check, str(error), f"Start the database, or correct {variable}.")
    return ok(check, f"{shown(url)} answers, with {len(tables)} tables.")


def dagster_fault(settings: Settings) -> Finding | None:
    """Return why Dagster's storage cannot be opened; None if it can, or there is none yet."""
    if not settings.dagster_home.is_dir():
        return None
    try:
        address = dagster_database(settings.dagster_home)
        if address is not None:
            with connected(address):
                pass
    except (PlatformError, dg.DagsterError) as error:
        remedy = "Start its database, or correct `storage` in dagster.yaml."
        return failed("Dagster's storage", str(error), remedy)
    return None


def _dagster(instance: dg.DagsterInstance) -> Finding:
    storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    versions = [storage.alembic_version() for storage in storages if storage is not None]
    if any(version is not None and version[0] != version[1] for version in versions):
        return failed(
            "Dagster's storage",
            "Its tables are of an older release.",
            "Take a backup, then run `dagster instance migrate`.",
        )
    return ok("Dagster's storage", f"It answers; runs recorded: {instance.get_runs_count()}.")


def _alerts(settings: Settings) -> Iterator[Finding]:
    """Look at the addresses only: an alert is not sent, and no network is needed."""
    alerts = settings.alerts
    if alerts.webhook is None and alerts.smtp_host is None:
        yield warning(
            "alerts",
            "They go to Dagster's log alone.",
            "Set CREDIT_RISK_ALERTS__WEBHOOK, or CREDIT_RISK_ALERTS__SMTP_HOST with MAIL_FROM and "
            "MAIL_TO.",
        )
    if alerts.webhook is not None:
        address = alerts.webhook.get_secret_value()
        host = address.host
        if address.scheme == "http" and host not in ("localhost", "127.0.0.1"):
            yield warning(
                "webhook",
                f"Alerts go to {host} without encryption.",
                "Use an https address in CREDIT_RISK_ALERTS__WEBHOOK.",
            )
        else:
            yield ok("webhook", f"Alerts are posted to {host}; nothing was sent to it.")
    if alerts.smtp_host is not None:
        yield ok("e-mail", f"Alerts are mailed through {alerts.smtp_host}; nothing was sent to it.")
