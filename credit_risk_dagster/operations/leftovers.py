"""What a killed run or restore left behind: no reader takes it for data, but it takes space."""

import re
from collections.abc import Iterator
from pathlib import Path

from credit_risk_dagster.datamart.datamart import REFUSED, STAGING, Datamart
from credit_risk_dagster.tables.catalogue import ALL_TABLES

RESTORING = ".restoring"
_HALF_WRITTEN_MODEL = re.compile(r"\.[0-9a-f]{32}")
_HALF_WRITTEN_MANIFEST = re.compile(r"\.\d{4}-\d\d-01\.json\.\d+")


def leftovers(home: Path) -> list[Path]:
    """Return what was left half done in a home; with a run at work, also what it is writing."""
    return sorted(_found(home))


def refused_partitions(home: Path) -> list[Path]:
    """Return the folders in which refused rows are kept aside for a person to look at."""
    return sorted((home / "tables").glob(f"*/*/{REFUSED}/*"))


def _found(home: Path) -> Iterator[Path]:
    yield from home.glob(RESTORING)
    models = (home / "models").glob(".*")
    yield from (path for path in models if _HALF_WRITTEN_MODEL.fullmatch(path.name))
    datamart = Datamart(home)
    for table in ALL_TABLES:
        place = datamart.folder / table.path
        yield from (place / STAGING).glob("*")
        hidden = place.glob(".*")
        yield from (path for path in hidden if _HALF_WRITTEN_MANIFEST.fullmatch(path.name))
        named = {place / manifest.folder for manifest in datamart.manifests(table).values()}
        folders = (path for path in place.glob("????-??-01/*") if path.is_dir())
        yield from (path for path in folders if path not in named)
