"""Which month is to be run next: the first that was never run, or whose inputs have changed.

What a partition was made of stands in its manifest; so a corrected delivery, and after it every
month that reads what it changed, is found by comparing hashes, in order.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from credit_risk_dagster.contract.sources import SOURCES
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.manifest import Manifest
from credit_risk_dagster.delivery.delivered import delivered_months
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.months import month_range
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES, BY_PATH

Deliveries = Mapping[str, Mapping[str, str]]
"""Content hash of each delivered month, by source."""


@dataclass(frozen=True)
class DueMonth:
    """A month that is to be run.

    Attributes:
        month: the month key.
        reason: why, in one sentence.
        missing: sources that have not delivered it.
        state: what it would be run on, as a hash: another state asks for another run. What an
            earlier run of the month left behind does not count.
    """

    month: str
    reason: str
    missing: tuple[str, ...]
    state: str


def read_deliveries(settings: Settings, cache: dict[str, Any] | None = None) -> Deliveries:
    """Return what has been delivered; unchanged folders are answered from the cache.

    Raises:
        DeliveryError: if a file cannot be read.
    """
    return {
        source.name: delivered_months(
            settings.raw_folder, source, settings.accept_unterminated_line, cache
        )
        for source in SOURCES
    }


def next_due_month(
    settings: Settings, datamart: Datamart, deliveries: Deliveries, latest_month: str
) -> DueMonth | None:
    """Return the first month up to `latest_month` that is to be run, or None."""
    for month in month_range(settings.first_month, latest_month):
        due = due_month(datamart, deliveries, month)
        if due is not None:
            return due
    return None


def due_month(datamart: Datamart, deliveries: Deliveries, month: str) -> DueMonth | None:
    """Return why a month is to be run, or None if everything of it is up to date."""
    manifests = [datamart.manifest(table, month) for table in ALL_TABLES]
    missing = tuple(
        source.name
        for source in SOURCES
        if month not in deliveries[source.name]
        and datamart.manifest(BY_PATH[f"bronze/{source.name}"], month) is None
    )
    changes = list(_changes(datamart, deliveries, month, manifests))
    if not changes:
        return None
    return DueMonth(month, changes[0], missing, _state(datamart, deliveries, month))


def unreadable_month(month: str, error: PlatformError) -> DueMonth:
    """Return a month of which cannot be told whether it is up to date: a run of it says why."""
    return DueMonth(month, str(error), (), _hash([month, str(error)]))


def _changes(
    datamart: Datamart, deliveries: Deliveries, month: str, manifests: list[Manifest | None]
) -> Iterator[str]:
    for table, manifest in zip(ALL_TABLES, manifests, strict=True):
        if manifest is None:
            yield f"{table.path} has no {month[:7]} yet"
            continue
        for name, recorded in manifest.inputs.items():
            if _current(datamart, deliveries, name) not in (recorded, None):
                yield f"{name} has changed since {table.partition(month)} was made of it"


def _current(datamart: Datamart, deliveries: Deliveries, name: str) -> str | None:
    """Return the hash that an input has now; None for a delivery that is no longer there."""
    path, _, month = name.rpartition("/")
    layer, _, source = path.partition("/")
    if layer == "delivery":
        return deliveries[source].get(month)
    manifest = datamart.manifest(BY_PATH[path], month)
    return manifest.content_hash if manifest else "missing"


def _state(datamart: Datamart, deliveries: Deliveries, month: str) -> str:
    lines = [f"delivery/{source.name} {deliveries[source.name].get(month)}" for source in SOURCES]
    for table in ALL_TABLES:
        earlier = [key for key in datamart.months(table) if key < month]
        lines += [f"{name} {known}" for name, known in datamart.hashes(table, earlier).items()]
    return _hash([month, *lines])


def _hash(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
