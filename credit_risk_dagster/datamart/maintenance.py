"""What may be removed: files that no commit ever named, and versions past their retention.

Nothing that an issued score rests on is ever removed: its inputs, their inputs, back to the
delivery, each in the version that was read then.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import unquote

from credit_risk_dagster.datamart.commit import lost_log
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.lineage import TableFile, files_of, rested_on, with_tables_beside
from credit_risk_dagster.datamart.log import milliseconds
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.datamart.table import Table


def orphans(datamart: Datamart, tables: Sequence[Table]) -> list[TableFile]:
    """Return the files that no commit ever named: what killed runs left.

    While a run is at work, also what it is writing.

    Raises:
        PartitionError: if a log is damaged, or gone while its files are there.
    """
    return sorted(
        (table.path, name)
        for table in with_tables_beside(tables).values()
        for name in _orphans_of(datamart, table)
    )


def _orphans_of(datamart: Datamart, table: Table) -> Iterator[str]:
    place, log = datamart.place(table), datamart.log(table)
    named: set[str] = set()
    for version in range(log.newest() + 1):
        named |= {unquote(path) for path in log.entry(version).added}
    files = list(place.files())
    if files and log.newest() < 0:
        raise lost_log(table)
    yield from (name for name in files if name not in named)
    yield from place.staging()


def expired(
    datamart: Datamart, tables: Sequence[Table], evidence: Sequence[Table], now: datetime
) -> list[TableFile]:
    """Return the files of superseded versions past their retention that nothing rests on.

    Args:
        datamart: where the tables are, and how long versions are kept.
        tables: the tables to look at.
        evidence: the tables whose rows, with all that they were made of, are kept for ever.
        now: the time by which versions are past their retention.
    """
    every = with_tables_beside(tables)
    limit = milliseconds(now - timedelta(days=datamart.retention_days))
    kept = rested_on(datamart, every, evidence)
    for table in tables:
        for record in _known_since(datamart, table, limit):
            kept |= set(files_of(table, record))
    return sorted(
        (table.path, name)
        for table in every.values()
        for name in _superseded(datamart, table, limit)
        if (table.path, name) not in kept and datamart.place(table).exists(name)
    )


def _known_since(datamart: Datamart, table: Table, limit: int) -> Iterator[MonthRecord]:
    """Give every record that was a month's at a moment or later.

    Such a record may name a file beside it that its own table no longer holds: a run that is killed
    after it has committed a table beside leaves the main table's record as it was.
    """
    log = datamart.log(table)
    at = log.version_as_of(limit)
    yield from (log.entry(version).records[month] for month, version in log.months(at).items())
    for version in range(at + 1, log.newest() + 1):
        yield from log.entry(version).records.values()


def _superseded(datamart: Datamart, table: Table, limit: int) -> Iterator[str]:
    log = datamart.log(table)
    for version in range(log.newest() + 1):
        for path, removed in log.entry(version).removed.items():
            if removed < limit:
                yield unquote(path)
