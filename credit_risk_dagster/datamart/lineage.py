"""What a month rests on: its inputs, and theirs, each in the version that was read then."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.datamart.table import Table

DELIVERY = "delivery/"
"""How the name of an input begins that is a delivery."""

TableFile = tuple[str, str]
"""A file of a table: the table's path, and the file's name in the table's folder."""


def with_tables_beside(tables: Sequence[Table]) -> dict[str, Table]:
    """Return tables and those kept beside them, by path."""
    every = [one for table in tables for one in (table, *table.tables_beside.values())]
    return {table.path: table for table in every}


def versions_behind(
    datamart: Datamart, every: Mapping[str, Table], record: MonthRecord
) -> dict[tuple[str, str], int]:
    """Return the version of every month behind a record, by table path and month.

    A month that was read in several versions, by a model that was trained earlier for example, has
    the version that is nearest to the record.
    """
    waiting = deque([record])
    versions: dict[tuple[str, str], int] = {}
    while waiting:
        one = waiting.popleft()
        if (one.table, one.month) not in versions:
            versions[one.table, one.month] = one.version
            waiting.extend(inputs_of(datamart, every, one))
    return versions


def rested_on(
    datamart: Datamart, every: Mapping[str, Table], evidence: Sequence[Table]
) -> set[TableFile]:
    """Return all files that any version of some tables rests on, their own included."""
    waiting = [record for table in evidence for record in all_records(datamart, table)]
    seen: set[tuple[str, str, int]] = set()
    kept: set[TableFile] = set()
    while waiting:
        record = waiting.pop()
        if (record.table, record.month, record.version) in seen:
            continue
        seen.add((record.table, record.month, record.version))
        kept |= set(files_of(every[record.table], record))
        waiting += inputs_of(datamart, every, record)
    return kept


def deliveries_behind(
    datamart: Datamart,
    every: Mapping[str, Table],
    hashes: Mapping[str, str],
    versions: Mapping[str, int],
) -> frozenset[tuple[str, str]]:
    """Return every delivery behind some inputs by name and content, however it was refined.

    The content of a delivery is that of the month of bronze that it became: how a delivery itself
    is told from another one has changed over the releases. An input of which no version was
    recorded is a delivery, or stands for those behind it.

    Args:
        datamart: where the tables are.
        every: the tables by path.
        hashes: content hashes of the inputs by name.
        versions: the versions of those that are months of tables.
    """
    waiting = [(hashes, versions)]
    seen: set[tuple[str, int]] = set()
    found: set[tuple[str, str]] = set()
    while waiting:
        made_of, read_at = waiting.pop()
        found |= {(name, made_of[name]) for name in made_of if name not in read_at}
        for name, version in read_at.items():
            if (name, version) not in seen:
                seen.add((name, version))
                path, _, month = name.rpartition("/")
                record = datamart.log(every[path]).entry(version).records[month]
                waiting.append((_delivered_as_stored(record), record.input_versions))
    return frozenset(found)


def _delivered_as_stored(record: MonthRecord) -> dict[str, str]:
    return {
        name: record.content_hash if name.startswith(DELIVERY) else content_hash
        for name, content_hash in record.inputs.items()
    }


def inputs_of(
    datamart: Datamart, every: Mapping[str, Table], record: MonthRecord
) -> list[MonthRecord]:
    """Return the records of the months that a month was made of, in the versions read then."""
    found = []
    for name, version in record.input_versions.items():
        path, _, month = name.rpartition("/")
        found.append(datamart.log(every[path]).entry(version).records[month])
    return found


def files_of(table: Table, record: MonthRecord) -> Iterator[TableFile]:
    """Give the files of a month and of the tables beside it."""
    yield from ((table.path, file.path) for file in record.files)
    for name, one in record.beside.items():
        path = table.tables_beside[name].path
        yield from ((path, file.path) for file in one.files)


def all_records(datamart: Datamart, table: Table) -> Iterator[MonthRecord]:
    """Give every record of a table that was ever committed, oldest first."""
    log = datamart.log(table)
    for version in range(log.newest() + 1):
        yield from log.entry(version).records.values()
