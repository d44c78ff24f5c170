"""The tables of an installation, and the index of what they hold."""

from pathlib import Path

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.index import RecordIndex
from credit_risk_dagster.datamart.object_store import ObjectStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import STORED


def open_store(settings: Settings) -> ObjectStore | None:
    """Return the object store of an installation, if it has one."""
    return ObjectStore(settings.tables, settings.scratch_folder) if settings.tables else None


def open_datamart(settings: Settings) -> Datamart:
    """Return the tables of an installation."""
    return Datamart(
        settings.home,
        settings.retention_days,
        store=open_store(settings),
        bronze=_bronze(settings),
    )


def _bronze(settings: Settings) -> Path | ObjectStore | None:
    if settings.bronze is None or "://" not in settings.bronze:
        return None if settings.bronze is None else Path(settings.bronze)
    return ObjectStore(settings.bronze, settings.scratch_folder)


def open_index(settings: Settings) -> RecordIndex:
    """Return the index of an installation's tables."""
    return RecordIndex(settings.metrics_store_url, open_datamart(settings), STORED)
