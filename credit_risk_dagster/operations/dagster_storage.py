"""Where Dagster keeps runs and events, told from its configuration without opening anything."""

from pathlib import Path

import sqlalchemy as sa
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.config import DAGSTER_CONFIG_YAML_FILENAME
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import pg_url_from_config

from credit_risk_dagster.errors import PlatformError


def dagster_database(home: Path, config_folder: Path | None = None) -> str | None:
    """Return the address of Dagster's PostgreSQL; None where it keeps SQLite in its home.

    Args:
        home: Dagster's home.
        config_folder: where its `dagster.yaml` is, if not in its home.

    Raises:
        PlatformError: if the configuration is broken, or names a storage that is not backed up.
    """
    file = (config_folder or home) / DAGSTER_CONFIG_YAML_FILENAME
    data = _configured(home, file).storage_data if file.exists() else None
    if data is None:  # SQLite in its home, unless it is told otherwise
        return None
    if data.class_name == DagsterSqliteStorage.__name__:
        _require_inside(home, Path(data.config_dict["base_dir"]), file)
        return None
    if data.class_name != DagsterPostgresStorage.__name__:
        raise PlatformError(
            f"{file} keeps Dagster's runs in {data.class_name}; backup and restore know `postgres` "
            "and `sqlite` under `storage`."
        )
    result = process_config(
        resolve_to_config_type(DagsterPostgresStorage.config_type()), data.config_dict
    )
    if not result.success or result.value is None:
        faults = " ".join(error.message for error in result.errors or ())
        raise PlatformError(f"The storage in {file} cannot be used: {faults}")
    address = sa.make_url(pg_url_from_config(result.value))
    return address.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def outside_logs(home: Path, config_folder: Path | None = None) -> Path | None:
    """Return where the captured output of runs is kept, if that is outside of Dagster's home."""
    file = (config_folder or home) / DAGSTER_CONFIG_YAML_FILENAME
    data = _configured(home, file).compute_logs_data if file.exists() else None
    folder = data.config_dict.get("base_dir") if data else None
    if folder is None or Path(folder).resolve().is_relative_to(home.resolve()):
        return None
    return Path(folder)


def _configured(home: Path, file: Path) -> InstanceRef:
    return InstanceRef.from_dir(str(home), config_dir=str(file.parent))


def _require_inside(home: Path, storage: Path, file: Path) -> None:
    if not storage.resolve().is_relative_to(home.resolve()):
        raise PlatformError(
            f"{file} keeps Dagster's runs in {storage}, outside of {home}. Move them there and "
            "leave `storage` out."
        )
