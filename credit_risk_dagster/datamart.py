"""Where tables live, and how a partition is written and read.

A partition is a folder of Parquet files and a manifest that names it. Rows are written beside
the old ones and checked; then one rename of the manifest swaps them in.
"""

import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from credit_risk_dagster import CODE_VERSION
from credit_risk_dagster.content_hash import hash_batches
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.manifest import Manifest, read_manifest, write_manifest
from credit_risk_dagster.tables.table import Table

ROWS = "rows.parquet"
BATCH_ROWS = 65_536

Rule = Callable[[Manifest, Path], str | None]
"""Looks at a staged partition and returns what is wrong with it, or None."""


class Datamart:
    """The folder of tables of one installation."""

    def __init__(self, home: Path) -> None:
        """Open the datamart in the home of an installation; creates nothing."""
        self.home = home
        self.folder = home / "tables"

    def manifest(self, table: Table, month: str) -> Manifest | None:
        """Return the manifest of a partition, or None if it was never written."""
        return read_manifest(self.folder / table.path / f"{month}.json")

    def required_manifest(self, table: Table, month: str) -> Manifest:
        """Return the manifest of a partition.

        Raises:
            PartitionError: if it was never written.
        """
        manifest = self.manifest(table, month)
        if manifest is None:
            raise PartitionError(
                f"{table.partition(month)} is missing. Materialize {table.path} for {month} first; "
                "months run in order."
            )
        return manifest

    def months(self, table: Table) -> list[str]:
        """Return the months that have a partition, oldest first."""
        return sorted(path.stem for path in (self.folder / table.path).glob("????-??-01.json"))

    def manifests(self, table: Table) -> dict[str, Manifest]:
        """Return every manifest of a table by month, oldest first."""
        return {month: self.required_manifest(table, month) for month in self.months(table)}

    def hashes(self, table: Table, months: Sequence[str]) -> dict[str, str]:
        """Return the content hash of each of a table's partitions, by partition name.

        Raises:
            PartitionError: if one of them was never written.
        """
        manifests = (self.required_manifest(table, month) for month in months)
        return {manifest.partition: manifest.content_hash for manifest in manifests}

    def file(self, table: Table, month: str, name: str = ROWS) -> Path:
        """Return the path of a partition's rows, or of a file beside them."""
        manifest = self.required_manifest(table, month)
        return self.folder / table.path / manifest.folder / name

    def files(self, table: Table, months: Sequence[str]) -> list[Path]:
        """Return the paths of the rows of several partitions."""
        return [self.file(table, month) for month in months]

    def read(self, table: Table, months: Sequence[str]) -> pa.Table:
        """Read the rows of several partitions into memory, with the declared schema."""
        parts = [pq.read_table(path, partitioning=None) for path in self.files(table, months)]
        parts = [part.select(table.schema.names).cast(table.schema) for part in parts]
        return pa.concat_tables([table.schema.empty_table(), *parts])

    def read_beside(self, table: Table, month: str, name: str) -> pa.Table:
        """Read a table kept beside the rows of a partition."""
        return pq.read_table(self.file(table, month, f"{name}.parquet"), partitioning=None)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Give an empty folder on the same disk, and remove it afterwards."""
        path = self.folder / ".staging" / uuid.uuid4().hex
        path.mkdir(parents=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def write(
        self,
        table: Table,
        month: str,
        rows: pa.Table,
        *,
        inputs: Mapping[str, str],
        beside: Mapping[str, pa.Table] | None = None,
        facts: Mapping[str, Any] | None = None,
        provenance: Mapping[str, Any] | None = None,
        rules: Sequence[Rule] = (),
    ) -> Manifest:
        """Write one partition from rows in memory. See `commit`."""
        with self.staging() as folder:
            sort_keys = [(name, "ascending") for name in table.key]
            pq.write_table(rows.sort_by(sort_keys) if sort_keys else rows, folder / ROWS)
            for name, extra in (beside or {}).items():
                pq.write_table(extra, folder / f"{name}.parquet")
            return self.commit(
                table,
                month,
                folder,
                inputs=inputs,
                facts=facts,
                provenance=provenance,
                rules=rules,
            )

    def commit(
        self,
        table: Table,
        month: str,
        staged: Path,
        *,
        inputs: Mapping[str, str],
        facts: Mapping[str, Any] | None = None,
        provenance: Mapping[str, Any] | None = None,
        rules: Sequence[Rule] = (),
    ) -> Manifest:
        """Check a staged partition and swap it in by one rename.

        A partition that says what is already there leaves everything as it is.

        Args:
            table: the table.
            month: the partition's month.
            staged: a folder with `rows.parquet` in key order and the tables beside it.
            inputs: content hash of everything that it was made of, by name.
            facts: counts and figures that belong to the content.
            provenance: where it came from; recorded, not compared.
            rules: hard rules; a partition that breaks one is kept aside, not swapped in.

        Raises:
            PartitionError: if columns, types, key or a hard rule is broken.
        """
        staged.mkdir(parents=True, exist_ok=True)
        if not (staged / ROWS).exists():
            pq.write_table(table.schema.empty_table(), staged / ROWS)
        content_hash = self._checked_hash(table, month, staged / ROWS)
        manifest = Manifest(
            table=table.path,
            month=month,
            rows=pq.read_metadata(staged / ROWS).num_rows,
            columns={field.name: str(field.type) for field in table.schema},
            content_hash=content_hash,
            inputs=dict(inputs),
            code_version=CODE_VERSION,
            folder=f"{month}/{uuid.uuid4().hex[:12]}",
            beside={name: _summary(staged, name, schema) for name, schema in table.beside},
            facts=dict(facts or {}),
            provenance={**(provenance or {}), "written_at": datetime.now(UTC).isoformat()},
        )
        broken = [fault for rule in rules if (fault := rule(manifest, staged))]
        if broken:
            raise PartitionError(self._refuse(table, month, staged, broken))
        return self._swap_in(table, manifest, staged)

    def _checked_hash(self, table: Table, month: str, rows: Path) -> str:
        found = pq.read_schema(rows)
        types = dict(zip(found.names, found.types, strict=True))
        wrong = {
            field.name: f"{types.get(field.name, 'no such column')} instead of {field.type}"
            for field in table.schema
            if types.get(field.name) != field.type
        }
        if wrong:
            raise PartitionError(
                f"{table.partition(month)} has other columns than declared: {wrong}."
            )
        columns = table.hashed_columns
        if table.key:
            _require_unique_key(table, month, rows)
        batches = pq.ParquetFile(rows).iter_batches(BATCH_ROWS, columns=columns)
        schema = pa.schema([table.schema.field(name) for name in columns])
        return hash_batches(schema, (batch.select(columns) for batch in batches))

    def _refuse(self, table: Table, month: str, staged: Path, broken: list[str]) -> str:
        aside = self.folder / ".refused" / table.path / month
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(staged, aside)
        faults = " ".join(broken)
        return (
            f"{table.partition(month)} was refused: {faults} Nothing was changed; "
            f"the refused rows are kept in tables/.refused/{table.path}/{month} to look at."
        )

    def _swap_in(self, table: Table, manifest: Manifest, staged: Path) -> Manifest:
        old = self.manifest(table, manifest.month)
        if old is not None and old.says_the_same_as(manifest):
            return old
        folder = self.folder / table.path
        (folder / manifest.month).mkdir(parents=True, exist_ok=True)
        shutil.copytree(staged, folder / manifest.folder)
        write_manifest(folder / f"{manifest.month}.json", manifest)
        for superseded in (folder / manifest.month).iterdir():
            if superseded != folder / manifest.folder:
                shutil.rmtree(superseded, ignore_errors=True)
        return manifest


def _summary(staged: Path, name: str, schema: pa.Schema) -> dict[str, Any]:
    path = staged / f"{name}.parquet"
    if not path.exists():
        pq.write_table(schema.empty_table(), path)
    file = pq.ParquetFile(path)
    batches = file.iter_batches(BATCH_ROWS, columns=schema.names)
    return {
        "rows": file.metadata.num_rows,
        "content_hash": hash_batches(schema, (batch.select(schema.names) for batch in batches)),
    }


def _require_unique_key(table: Table, month: str, rows: Path) -> None:
    previous: pa.RecordBatch | None = None
    for batch in pq.ParquetFile(rows).iter_batches(BATCH_ROWS, columns=list(table.key)):
        part = pa.Table.from_batches([batch] if previous is None else [previous, batch])
        same = None
        for name in table.key:
            column = part.column(name).combine_chunks()
            equal = pc.equal(column.slice(1), column.slice(0, len(column) - 1))
            same = equal if same is None else pc.and_(same, equal)
        repeated = part.slice(1).filter(same).select(list(table.key))
        if repeated.num_rows:
            raise PartitionError(
                f"{table.partition(month)}: the key {', '.join(table.key)} is not unique: "
                f"{repeated.num_rows} repeated, for example {repeated.slice(0, 1).to_pylist()[0]}."
            )
        previous = batch.slice(batch.num_rows - 1)
