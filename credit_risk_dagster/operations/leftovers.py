"""What a killed run or restore left behind: no reader takes it for data, but it takes space."""

from pathlib import Path

from credit_risk_dagster.automation.maintenance import half_written_models
from credit_risk_dagster.datamart.datamart import TABLES
from credit_risk_dagster.datamart.disk import DiskPlace
from credit_risk_dagster.datamart.maintenance import orphans
from credit_risk_dagster.datamart.place import REFUSED
from credit_risk_dagster.resources.tables import open_datamart, open_store
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES

RESTORING = ".restoring"


def leftovers(settings: Settings) -> list[Path]:
    """Return what was left half done in a home; with a run at work, also what it is writing."""
    home, datamart = settings.home, open_datamart(settings)
    places = [
        (datamart.place_of(table), name)
        for table, name in ([] if datamart.store else orphans(datamart, ALL_TABLES))
    ]
    in_tables = [place.path(name) for place, name in places if isinstance(place, DiskPlace)]
    return sorted([*home.glob(RESTORING), *half_written_models(home), *in_tables])


def refused_partitions(settings: Settings) -> list[str]:
    """Return the folders in which refused rows are kept aside for a person to look at."""
    store = open_store(settings)
    if store is None:
        found = (settings.home / TABLES).glob(f"*/*/{REFUSED}/*")
        return sorted(path.relative_to(settings.home).as_posix() for path in found)
    names = (name.rpartition("/")[0] for name in store.names() if f"/{REFUSED}/" in name)
    return sorted({f"{store.uri}/{name}" for name in names})
