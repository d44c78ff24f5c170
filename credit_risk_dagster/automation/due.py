"""Which month is to be run next: the first that was never run, or whose inputs have changed.

What a month was made of stands in its record; so a corrected delivery, and after it every month
that reads what it changed, is found by comparing hashes, in order. A changed definition makes the
months of its table due as well; decisions and issued scores stay.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.datamart.index import INPUTS, RECORDS, RecordIndex
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.delivery.decisions import Decisions
from credit_risk_dagster.delivery.waived import WAIVED_BY_CONTRACT, waived_by_contract
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.months import month_range
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.definitions import definition_of

Deliveries = Mapping[str, Mapping[str, str]]
"""Fingerprint of each month that can be read, by source."""


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


def readable_months(
    settings: Settings, decisions: Mapping[str, Decisions], today: date
) -> Deliveries:
    """Return the months that can be read of each source, or are to be run without it.

    Args:
        settings: the installation.
        decisions: what is decided of its deliveries.
        today: the day on which this is asked.
    """
    months = month_range(settings.first_month, settings.latest_month(today))
    found: dict[str, dict[str, str]] = {}
    for source in CONTRACT.sources:
        decided = decisions[source.name].months
        found[source.name] = {
            month: WAIVED_BY_CONTRACT
            for month in months
            if month not in decided
            and waived_by_contract(source, month, today, settings.deadline_day)
        }
        found[source.name] |= {
            month: one.fingerprint for month, one in decided.items() if one.is_there
        }
    return found


def next_due_month(
    settings: Settings, index: RecordIndex, deliveries: Deliveries, latest_month: str
) -> DueMonth | None:
    """Return the first month up to `latest_month` that is to be run, or None."""
    state = _State(index, deliveries)
    for month in month_range(settings.first_month, latest_month):
        due = state.due(month)
        if due is not None:
            return due
    return None


def due_month(index: RecordIndex, deliveries: Deliveries, month: str) -> DueMonth | None:
    """Return why a month is to be run, or None if everything of it is up to date."""
    return _State(index, deliveries).due(month)


def unreadable_month(month: str, error: PlatformError) -> DueMonth:
    """Return a month of which cannot be told whether it is up to date: a run of it says why."""
    return DueMonth(month, str(error), (), _hash([month, str(error)]))


class _State:
    """What the tables hold and were made of, read once for all months."""

    def __init__(self, index: RecordIndex, deliveries: Deliveries) -> None:
        index.catch_up()
        columns = (RECORDS.c.table_path, RECORDS.c.snapshot_date)
        rows = index.rows(sa.select(*columns, RECORDS.c.definition, RECORDS.c.content_hash))
        self._months = {(row["table_path"], row["snapshot_date"]): row for row in rows}
        self._stale: dict[tuple[str, str], list[str]] = {}
        for row in index.rows(_CHANGED):
            name = f"{row['input_path']}/{row['input_month']}"
            self._stale.setdefault((row["table_path"], row["snapshot_date"]), []).append(name)
        self._delivered = {
            (row["table_path"], row["snapshot_date"]): row["content_hash"]
            for row in index.rows(_OF_DELIVERIES)
        }
        self._deliveries = {
            name: {month: one for month, one in months.items() if self._counts(name, month, one)}
            for name, months in deliveries.items()
        }

    def _counts(self, name: str, month: str, delivered: str) -> bool:
        """Return whether a delivery is one: no contract takes away what was delivered before."""
        key = (BRONZE[name].path, month)
        was = self._delivered.get(key)
        return delivered != WAIVED_BY_CONTRACT or key not in self._months or was == delivered

    def due(self, month: str) -> DueMonth | None:
        """Return why a month is to be run, or None if everything of it is up to date."""
        change = next(self._changes(month), None)
        if change is None:
            return None
        missing = tuple(
            source.name
            for source in CONTRACT.sources
            if month not in self._deliveries[source.name]
            and (BRONZE[source.name].path, month) not in self._months
        )
        return DueMonth(month, change, missing, self._before(month))

    def _changes(self, month: str) -> Iterator[str]:
        for table in ALL_TABLES:
            known = self._months.get((table.path, month))
            if known is None:
                yield f"{table.path} has no {month[:7]} yet"
                continue
            if known["definition"] != definition_of(table) and self._is_made_again(table, month):
                yield f"{table.partition(month)} was made by another definition than today's"
            for name in self._stale.get((table.path, month), []):
                yield f"{name} has changed since {table.partition(month)} was made of it"
        for source in CONTRACT.sources:
            table = BRONZE[source.name]
            delivered = self._deliveries[source.name].get(month)
            recorded = self._delivered.get((table.path, month))
            if recorded is not None and delivered not in (recorded, None):
                name = f"delivery/{source.name}/{month}"
                yield f"{name} has changed since {table.partition(month)} was made of it"

    def _is_made_again(self, table: Table, month: str) -> bool:
        """Return whether a run would make the month again: what was decided stays.

        So does what was read of a delivery that is no longer there.
        """
        if table.layer == "bronze":
            return month in self._deliveries[table.name]
        return not table.decides

    def _before(self, month: str) -> str:
        """Return what the month would be run on, as a hash."""
        lines = [
            f"delivery/{source.name} {self._deliveries[source.name].get(month)}"
            for source in CONTRACT.sources
        ]
        lines += [f"{table.path} {definition_of(table)}" for table in ALL_TABLES]
        earlier = sorted(key for key in self._months if key[1] < month)
        lines += [
            f"{path}/{key} {self._months[path, key]['content_hash']}" for path, key in earlier
        ]
        return _hash([month, *lines])


_now = RECORDS.alias("now")

_CHANGED = (
    sa.select(
        INPUTS.c.table_path, INPUTS.c.snapshot_date, INPUTS.c.input_path, INPUTS.c.input_month
    )
    .outerjoin(
        _now,
        sa.and_(
            _now.c.table_path == INPUTS.c.input_path,
            _now.c.snapshot_date == INPUTS.c.input_month,
        ),
    )
    .where(
        INPUTS.c.input_path.not_like("delivery/%"),
        sa.or_(_now.c.content_hash.is_(None), _now.c.content_hash != INPUTS.c.content_hash),
    )
    .order_by(INPUTS.c.input_path, INPUTS.c.input_month)
)
"""The inputs that are no longer what a month was made of."""

_OF_DELIVERIES = sa.select(
    INPUTS.c.table_path, INPUTS.c.snapshot_date, INPUTS.c.content_hash
).where(INPUTS.c.input_path.like("delivery/%"))
"""The deliveries that bronze was made of."""


def _hash(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
