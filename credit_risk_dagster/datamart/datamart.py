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
import pyarrow.parquet as pq

from credit_risk_dagster import CODE_VERSION
from credit_risk_dagster.datamart.manifest import Manifest, read_manifest, write_manifest
from credit_risk_dagster.datamart.staged_rows import beside_summary, rows_hash, structure_faults
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.errors import PartitionError

ROWS = "rows.parquet"
STAGING, REFUSED = ".staging", ".refused"
"""Folders of a table: beside its partitions, so that who may not read those reads none of it."""

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
        parts = [self._read_file(table, month, ROWS) for month in months]
        parts = [part.select(table.schema.names).cast(table.schema) for part in parts]
        return pa.concat_tables([table.schema.empty_table(), *parts])

    def read_beside(self, table: Table, month: str, name: str) -> pa.Table:
        """Read a table kept beside the rows of a partition."""
        return self._read_file(table, month, f"{name}.parquet")

    def _read_file(self, table: Table, month: str, name: str) -> pa.Table:
        """Read a file of a partition; the new one, if it is replaced while it is being opened."""
        while True:
            path = self.file(table, month, name)
            try:
                # A dataset, as `read_table` opens, takes twice as long for small files.
                with pq.ParquetFile(path) as file:
                    return file.read()
            except FileNotFoundError:
                if self.file(table, month, name) == path:
                    raise

    @contextmanager
    def staging(self, table: Table) -> Iterator[Path]:
        """Give an empty folder beside the partitions of a table, and remove it afterwards."""
        path = self.folder / table.path / STAGING / uuid.uuid4().hex
        path.mkdir(parents=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def remove_staged(self) -> None:
        """Remove what killed runs have staged; only for when no run is at work."""
        for folder in self.folder.glob(f"*/*/{STAGING}"):
            shutil.rmtree(folder)

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
        with self.staging(table) as folder:
            sort_keys = [(name, "ascending") for name in table.key if name in rows.column_names]
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
        broken = structure_faults(table, staged / ROWS)
        if broken:
            raise PartitionError(self._refuse(table, month, staged, broken))
        manifest = Manifest(
            table=table.path,
            month=month,
            rows=pq.read_metadata(staged / ROWS).num_rows,
            columns={field.name: str(field.type) for field in table.schema},
            content_hash=rows_hash(table, staged / ROWS),
            inputs=dict(inputs),
            code_version=CODE_VERSION,
            folder=f"{month}/{uuid.uuid4().hex[:12]}",
            beside={name: beside_summary(staged, name, schema) for name, schema in table.beside},
            facts=dict(facts or {}),
            provenance={**(provenance or {}), "written_at": datetime.now(UTC).isoformat()},
        )
        broken = [fault for rule in rules if (fault := rule(manifest, staged))]
        if broken:
            raise PartitionError(self._refuse(table, month, staged, broken))
        return self._swap_in(table, manifest, staged)

    def _refuse(self, table: Table, month: str, staged: Path, broken: list[str]) -> str:
        aside = self.folder / table.path / REFUSED / month
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(staged, aside)
        faults = " ".join(broken)
        return (
            f"{table.partition(month)} was refused: {faults} Nothing was changed; "
            f"the refused rows are kept in tables/{table.path}/{REFUSED}/{month} to look at."
        )

    def _swap_in(self, table: Table, manifest: Manifest, staged: Path) -> Manifest:
        old = self.manifest(table, manifest.month)
        folder = self.folder / table.path
        if old is not None and old.says_the_same_as(manifest):
            stored = folder / old.folder
            if not table.pointers or _pointers(table, stored) == _pointers(table, staged):
                return old
        (folder / manifest.month).mkdir(parents=True, exist_ok=True)
        shutil.copytree(staged, folder / manifest.folder)
        write_manifest(folder / f"{manifest.month}.json", manifest)
        for superseded in (folder / manifest.month).iterdir():
            if superseded != folder / manifest.folder:
                shutil.rmtree(superseded, ignore_errors=True)
        return manifest


def _pointers(table: Table, folder: Path) -> list[dict[str, Any]]:
    rows = pq.read_table(folder / ROWS, columns=list(table.pointers), partitioning=None)
    pointers: list[dict[str, Any]] = rows.to_pylist()
    return pointers
