"""Writing months of a table: staged where they will stay, checked there, made months by a commit.

Files are nobody's until the commit names them. The tables kept beside a table commit first; the
table commits last, and its records name their versions, so whatever is killed, what readers see
adds up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_dagster.datamart.commit import SeenTable, commit_months, month_folder, see
from credit_risk_dagster.datamart.disk import remove, sha256_of
from credit_risk_dagster.datamart.place import REFUSED, Place
from credit_risk_dagster.datamart.record import (
    Beside,
    Inputs,
    MonthRecord,
    StoredFile,
    origin_of,
    recipe_of,
)
from credit_risk_dagster.datamart.staged_rows import rows_hash, structure_faults
from credit_risk_dagster.datamart.stored_rows import read_files
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.errors import PartitionError

ROWS = "rows"
"""What the rows of the table itself are called among the tables beside them."""

StagedFiles = Mapping[str, Sequence[Path]]
"""Files of a month, by `rows` and the names of the tables beside."""

Rule = Callable[[MonthRecord, StagedFiles], str | None]
"""Looks at a staged month and returns what is wrong with it, or None."""


@dataclass(frozen=True)
class Draft:
    """What is known of a month before it is written.

    Attributes:
        month: the month key.
        inputs: everything that it was made of, by name.
        definition: the version of the definition that makes it.
        facts: counts and figures that belong to the content.
        provenance: where it came from; recorded, not compared.
        rules: hard rules; a month that breaks one is kept aside, not written.
        recipe: that of the definitions that made it, where those are not today's.
    """

    month: str
    inputs: Inputs
    definition: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    rules: Sequence[Rule] = ()
    recipe: str | None = None


class MonthWriter:
    """Writes months of one table; opened before what they are made of is read."""

    def __init__(
        self,
        table: Table,
        months: Sequence[str],
        place_of: Callable[[Table], Place],
        known: Callable[[str], MonthRecord | None],
        retention_days: int,
    ) -> None:
        """See the table as it is now.

        Args:
            table: the table.
            months: the months that may be written.
            place_of: where a table is.
            known: gives the record that a month has now.
            retention_days: how long superseded versions are kept.
        """
        self.table = table
        self._tables = {ROWS: table, **table.tables_beside}
        self._places = {name: place_of(one) for name, one in self._tables.items()}
        self._seen: dict[str, SeenTable] = {
            name: see(one, self._places[name], months, retention_days)
            for name, one in self._tables.items()
        }
        self._known = known
        self._staged: dict[str, MonthRecord] = {}
        self._files: dict[tuple[str, str], list[Path]] = {}
        self.staging = self._places[ROWS].new_staging()

    def new_file(self, month: str, name: str = ROWS) -> Path:
        """Return where the next file of a month goes, of the table or of one beside it."""
        path = self._places[name].new_file(month_folder(self._tables[name], month))
        self._files.setdefault((month, name), []).append(path)
        return path

    def write(
        self, draft: Draft, rows: pa.Table, beside: Mapping[str, pa.Table] | None = None
    ) -> MonthRecord:
        """Write one month from rows in memory, and commit it. See `stage` and `commit`."""
        self.stage_rows(draft, rows, beside)
        return self.commit()[draft.month]

    def stage_rows(
        self, draft: Draft, rows: pa.Table, beside: Mapping[str, pa.Table] | None = None
    ) -> None:
        """Stage a month from rows in memory. See `stage`."""
        keys = [(name, "ascending") for name in self.table.key if name in rows.column_names]
        parts = {ROWS: rows.sort_by(keys) if keys else rows, **(beside or {})}
        for name, part in parts.items():
            if part.num_rows:
                pq.write_table(part, self.new_file(draft.month, name))
        self.stage(draft)

    def stage(self, draft: Draft) -> MonthRecord:
        """Check the files of a month; they are committed with those of the other months.

        Returns:
            What is recorded of it, but for the version that the commit will have.

        Raises:
            PartitionError: if columns, types, key, month or a hard rule is broken. The month's
                files are kept aside; other months stay staged.
        """
        month, table = draft.month, self.table
        files = {name: self._files.get((month, name), []) for name in self._tables}
        broken = [
            fault
            for name, one in self._tables.items()
            for fault in structure_faults(one, month, files[name])
        ]
        if broken:
            raise PartitionError(self._refuse(month, files, broken))
        stored = {name: self._stored(name, paths) for name, paths in files.items()}
        record = MonthRecord(
            table=table.path,
            month=month,
            version=0,
            rows=sum(file.rows for file in stored[ROWS]),
            columns={field.name: str(field.type) for field in table.schema},
            content_hash=rows_hash(table, files[ROWS]),
            inputs={name: one.content_hash for name, one in draft.inputs.items()},
            input_versions={
                name: one.version for name, one in draft.inputs.items() if one.version is not None
            },
            definition=draft.definition,
            origin=origin_of(draft.inputs),
            recipe=draft.recipe or recipe_of(draft.definition, draft.inputs),
            beside={
                name: Beside(
                    rows=sum(file.rows for file in stored[name]),
                    content_hash=rows_hash(one, files[name]),
                    version=0,
                    files=stored[name],
                )
                for name, one in table.tables_beside.items()
            },
            facts=dict(draft.facts),
            files=stored[ROWS],
            provenance={"written_at": datetime.now(UTC).isoformat(), **draft.provenance},
        )
        broken = [fault for rule in draft.rules if (fault := rule(record, files))]
        if broken:
            raise PartitionError(self._refuse(month, files, broken))
        self._staged[month] = record
        return record

    def commit(self) -> dict[str, MonthRecord]:
        """Make all staged months the table's, in one commit a table; return their records.

        A month that says what is already there, and is there whole, leaves everything as it is.

        Raises:
            PartitionError: if another writer has written one of the months.
        """
        remove(self.staging)
        staged, self._staged = self._staged, {}
        known = {month: self._known(month) for month in staged}
        there = {
            month: old
            for month, old in known.items()
            if old is not None and self._is_there(old, staged[month])
        }
        changed = {month: record for month, record in staged.items() if month not in there}
        for name in self.table.tables_beside:
            changed = self._commit_beside(name, known, changed)
        if changed:
            changed = self._commit(ROWS, changed)
        for month in {month for month, _ in self._files}:  # also those that were never staged
            self._forget_all_but(month, changed.get(month))
        written = there | changed
        return {month: written[month] for month in staged}

    def _commit_beside(
        self,
        name: str,
        known: Mapping[str, MonthRecord | None],
        changed: Mapping[str, MonthRecord],
    ) -> dict[str, MonthRecord]:
        """Commit a table beside, for the months in which it changes; name its versions."""
        records, kept = {}, {}
        for month, record in changed.items():
            old = known[month]
            stored = old.beside.get(name) if old is not None else None
            if stored and self._holds(name, month, stored, record.beside[name]):
                kept[month] = stored
            else:
                records[month] = _beside_record(self._tables[name], month, record.beside[name])
        if records:
            for month, one in self._commit(name, records).items():
                kept[month] = replace(changed[month].beside[name], version=one.version)
        return {
            month: replace(record, beside={**record.beside, name: kept[month]})
            for month, record in changed.items()
        }

    def _holds(self, name: str, month: str, stored: Beside, staged: Beside) -> bool:
        same = (stored.rows, stored.content_hash) == (staged.rows, staged.content_hash)
        return same and self._is_current(name, month, stored)

    def _is_there(self, old: MonthRecord, new: MonthRecord) -> bool:
        if not old.says_the_same_as(new) or not self._is_whole(ROWS, old.files):
            return False
        beside = old.beside.items()
        if not all(self._is_current(name, old.month, one) for name, one in beside):
            return False
        pointers = pa.schema([self.table.schema.field(name) for name in self.table.pointers])
        if not pointers:
            return True
        there = [self._places[ROWS].stored(file) for file in old.files]
        staged = self._paths(ROWS)
        here = [staged[file.path] for file in new.files]
        return bool(read_files(there, pointers).equals(read_files(here, pointers)))

    def _is_current(self, name: str, month: str, stored: Beside) -> bool:
        """Return whether a month of a table beside is whole, and what other readers see of it.

        A run that was killed between the two commits has left a newer one, which no record names.
        """
        committed = self._seen[name].transactions[month]
        return committed == stored.version and self._is_whole(name, stored.files)

    def _is_whole(self, name: str, files: Sequence[StoredFile]) -> bool:
        return all(self._places[name].is_whole(file) for file in files)

    def _paths(self, name: str) -> dict[str, Path]:
        """Return where the staged files of a table are on this machine, by their names."""
        place = self._places[name]
        paths = (path for (_, one), found in self._files.items() if one == name for path in found)
        return {place.name_of(path): path for path in paths}

    def _stored(self, name: str, files: Sequence[Path]) -> tuple[StoredFile, ...]:
        return tuple(
            StoredFile(
                path=self._places[name].name_of(path),
                size=path.stat().st_size,
                rows=pq.read_metadata(path).num_rows,
                sha256=sha256_of(path),
            )
            for path in files
        )

    def _commit(self, name: str, records: Mapping[str, MonthRecord]) -> dict[str, MonthRecord]:
        """Keep the files that records name, then make them months."""
        paths = self._paths(name)
        for record in records.values():
            for file in record.files:
                self._places[name].keep(paths[file.path], file)
        return commit_months(self._seen[name], records, paths)

    def _forget_all_but(self, month: str, kept: MonthRecord | None) -> None:
        """Remove the staged files of a month that no commit of it names."""
        for name in self._tables:
            named: Sequence[StoredFile] = ()
            if kept is not None:
                named = kept.files if name == ROWS else kept.beside[name].files
            names = {file.path for file in named}
            for path in self._files.pop((month, name), []):
                self._places[name].forget(path, is_kept=self._places[name].name_of(path) in names)

    def _refuse(self, month: str, files: StagedFiles, broken: list[str]) -> str:
        place, aside = self._places[ROWS], f"{REFUSED}/{month}"
        place.remove(aside)
        for name, paths in files.items():
            for number, path in enumerate(paths):
                kept = f"{aside}/{name}{f'_{number}' if number else ''}.parquet"
                place.keep_aside(path, kept)
            self._files.pop((month, name), None)
        faults = " ".join(broken)
        return (
            f"{self.table.partition(month)} was refused: {faults} Nothing was changed; the "
            f"refused rows are kept in {place.shown(aside)} to look at."
        )


def _beside_record(table: Table, month: str, beside: Beside) -> MonthRecord:
    return MonthRecord(
        table=table.path,
        month=month,
        version=0,
        rows=beside.rows,
        columns={field.name: str(field.type) for field in table.schema},
        content_hash=beside.content_hash,
        inputs={},
        input_versions={},
        definition="",
        origin="",
        recipe="",
        files=beside.files,
    )
