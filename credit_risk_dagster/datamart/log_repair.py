"""Damaged logs: an entry that a power cut left empty or torn, or that was deleted or altered.

An entry is put back from the copy that the index keeps. Where there is none, the newest entry is
set aside: its months are as they were before, and due again. A checkpoint is only a shortcut, and
is removed. What else is damaged needs a backup.
"""

import fnmatch
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.index import RecordIndex
from credit_risk_dagster.datamart.log import LogEntry, read_entry
from credit_risk_dagster.datamart.place import LOG, REFUSED, Place, log_entry, log_versions
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.errors import PartitionError

CHECKPOINTS = ("_last_checkpoint", "*.checkpoint*.parquet")


@dataclass(frozen=True)
class LogFault:
    """What is wrong with the log of a table.

    Attributes:
        table: the table.
        version: the version whose entry is damaged; None for a checkpoint.
        found: what was found, in a sentence.
        copy: the text to put back, if the index has it.
        is_newest: whether nothing was committed after it.
    """

    table: Table
    version: int | None
    found: str
    copy: str | None = None
    is_newest: bool = False

    @property
    def can_be_repaired(self) -> bool:
        """Whether no backup is needed."""
        return self.version is None or self.copy is not None or self.is_newest


def log_faults(datamart: Datamart, table: Table, index: RecordIndex | None) -> list[LogFault]:
    """Return what is wrong with the log of a table; empty if nothing is.

    Args:
        datamart: where the table is.
        table: the table.
        index: keeps copies of log entries; None if its database does not answer.
    """
    place = datamart.place(table)
    copied = index.copied(table.path) if index is not None else {}
    newest = max([*log_versions(place), *copied], default=-1)
    if newest < 0 and next(place.files(), None) is not None:
        return [LogFault(table, 0, "it has files and no log")]
    entries: list[LogEntry] = []
    faults = []
    for version in range(newest + 1):
        entry, found = _entry(table, place, version, copied.get(version))
        if found is None and entry is not None:
            entries.append(entry)
            continue
        copy = index.copy(table.path, version) if index is not None else None
        last = version == newest
        faults.append(LogFault(table, version, f"version {version} {found}", copy, last))
    return faults or list(_checkpoint_faults(table, place, entries))


def _entry(
    table: Table, place: Place, version: int, sha256: str | None
) -> tuple[LogEntry | None, str | None]:
    name = log_entry(version)
    if not place.exists(name):
        return None, "is gone"
    if sha256 is not None and hashlib.sha256(place.read(name)).hexdigest() != sha256:
        return None, "is not what was written"
    try:
        entry = read_entry(table.path, place, version)
    except PartitionError:
        return None, "cannot be read"
    return entry, None if _agrees(entry) else "names other files or months than its records"


def _agrees(entry: LogEntry) -> bool:
    """Return whether actions, transactions and records of a commit of ours say the same."""
    if not entry.records:
        return True
    named = {file.path for record in entry.records.values() for file in record.files}
    transactions = dict.fromkeys(entry.records, entry.version)
    return {unquote(path) for path in entry.added} == named and entry.transactions == transactions


def _checkpoint_faults(table: Table, place: Place, entries: list[LogEntry]) -> Iterator[LogFault]:
    """Compare what a reader that starts at a checkpoint sees with what the whole log says."""
    if not _checkpoints(place) or not entries:
        return
    files: set[str] = set()
    for entry in entries:
        files = (files - set(entry.removed)) | entry.added
    try:
        opened = place.patiently(lambda: DeltaTable(place.uri, storage_options=place.options))
        seen = {str(path) for path in opened.get_add_actions().column("path").to_pylist()}
        agrees = opened.version() == entries[-1].version and seen == {unquote(p) for p in files}
    except (DeltaError, OSError, ValueError):
        agrees = False
    if not agrees:
        yield LogFault(table, None, "a checkpoint is not what the log says")


def _checkpoints(place: Place) -> list[str]:
    names = place.log_files()
    return [name for pattern in CHECKPOINTS for name in fnmatch.filter(names, f"{LOG}/{pattern}")]


def repair_log(datamart: Datamart, fault: LogFault) -> str:
    """Repair a log; return what was done, in a sentence.

    Raises:
        PartitionError: if a backup is needed.
    """
    place, path = datamart.place(fault.table), fault.table.path
    if fault.version is None:
        for name in _checkpoints(place):
            place.remove(name)
        return f"{path}: its checkpoints were removed; the log itself is whole."
    entry = log_entry(fault.version)
    if fault.copy is not None:
        place.write(entry, fault.copy.encode())
        return f"{path}: version {fault.version} was put back from the index."
    if not fault.is_newest:
        raise PartitionError(
            f"{path}: {fault.found}, and the index has no copy of it. Restore tables/{path} from a "
            "backup."
        )
    if place.exists(entry):
        place.set_aside(entry, f"{REFUSED}/log/{entry.rpartition('/')[2]}")
    return (
        f"{path}: version {fault.version}, the newest, was set aside; its months are as they were "
        "before, and due again."
    )
