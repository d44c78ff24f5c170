"""What an installation keeps outside of its home: databases and artifacts of servers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations.dagster_storage import dagster_database, outside_logs
from credit_risk_dagster.operations.databases import refuse_unsupported, shown, sqlite_file
from credit_risk_dagster.settings import Settings

MLFLOW, METRICS, DAGSTER = "mlflow", "metrics", "dagster"
STORES_IN_ONE = "+"
"""Stands between the names of stores that share a database."""

SERVED_ARTIFACTS = "mlflow-artifacts"


@dataclass(frozen=True)
class MlflowServer:
    """What is behind an MLflow server, which its clients are not told.

    Attributes:
        database: the address of its backend store.
        artifacts: the folder of the artifacts that it serves.
    """

    database: str | None = None
    artifacts: Path | None = None


@dataclass(frozen=True)
class Places:
    """Where an installation keeps what is not in its home.

    Attributes:
        databases: the address of each database, by the stores in it.
        artifacts: the folder of MLflow's artifacts, if it is outside of the home.
        elsewhere: what is not backed up here: artifacts in an object store, output of runs.
    """

    databases: Mapping[str, str]
    artifacts: Path | None
    elsewhere: tuple[str, ...]


def places_outside(
    settings: Settings, server: MlflowServer, dagster_config: Path | None = None
) -> Places:
    """Return what an installation keeps outside of its home.

    Args:
        settings: the installation.
        server: what is behind its MLflow server, if it has one.
        dagster_config: where its `dagster.yaml` is, if not in Dagster's home.

    Raises:
        PlatformError: if something of it cannot be backed up or restored here.
    """
    dagster_home = settings.dagster_home
    addresses = {
        MLFLOW: _mlflow_database(settings, server),
        METRICS: settings.metrics_store_url,
        DAGSTER: dagster_database(dagster_home, dagster_config),
    }
    stores: dict[str, list[str]] = {}
    for name, address in addresses.items():
        if address is not None and not _is_in_home(settings, sqlite_file(address)):
            refuse_unsupported(name, address)
            stores.setdefault(address, []).append(name)
    artifacts, elsewhere = _artifacts(settings, server)
    if settings.tables is not None:
        elsewhere = (*elsewhere, f"tables, models and reports in {settings.tables}")
    if settings.bronze is not None:
        elsewhere = (*elsewhere, f"bronze in {settings.bronze}")
    logs = outside_logs(dagster_home, dagster_config)
    if logs is not None:
        elsewhere = (*elsewhere, f"the captured output of runs in {logs}")
    return Places(
        databases={STORES_IN_ONE.join(names): address for address, names in stores.items()},
        artifacts=artifacts,
        elsewhere=elsewhere,
    )


def local_folder(location: str) -> Path | None:
    """Return the folder that a path or `file:` address names; None for any other address."""
    parts = urlsplit(location)
    if parts.scheme not in ("", "file"):
        return None
    return Path(url2pathname(parts.path)).resolve()


def _mlflow_database(settings: Settings, server: MlflowServer) -> str:
    if not settings.tracking_uri.startswith(("http://", "https://")):
        return settings.tracking_uri
    if server.database is None:
        raise PlatformError(
            f"MLflow is behind {settings.tracking_uri}. Name the database behind that server with "
            "--mlflow-database, or in CREDIT_RISK_MLFLOW_DATABASE."
        )
    return server.database


def _artifacts(settings: Settings, server: MlflowServer) -> tuple[Path | None, tuple[str, ...]]:
    location = settings.artifact_location
    folder = local_folder(location)
    if folder is not None:
        return (None if _is_in_home(settings, folder) else folder), ()
    if not location.startswith(f"{SERVED_ARTIFACTS}:"):
        return None, (f"MLflow's artifacts in {shown_location(location)}",)
    if server.artifacts is None:
        raise PlatformError(
            f"MLflow's artifacts are behind {settings.tracking_uri}. Name the folder that the "
            "server keeps them in with --mlflow-artifacts, or in CREDIT_RISK_MLFLOW_FOLDER."
        )
    return server.artifacts.resolve(), ()


def shown_location(location: str) -> str:
    """Return an artifact location without user and password."""
    return shown(location) if "@" in location else location


def _is_in_home(settings: Settings, path: Path | None) -> bool:
    return path is not None and path.is_relative_to(settings.home.resolve())
