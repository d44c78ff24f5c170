"""Taking over the home of the release before, whose tables were folders with a JSON manifest each.

New tables are made beside the old ones, month by month compared by content hash, and swapped in by
two renames. The old files are kept until a person removes them. Models, MLflow, facts and settings
stay where they are, so a model in production goes on serving.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_dagster.datamart.content_hash import content_hash
from credit_risk_dagster.datamart.datamart import TABLES, UPGRADING, Datamart
from credit_risk_dagster.datamart.disk import sync_file
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.datamart.stored_rows import declared
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES, BY_PATH

OLD_TABLES, NEW_TABLES = "tables-before-upgrade", UPGRADING

CODE_VERSION = "2"
"""What the manifests of the release before name as the version of all its definitions."""

DEFINITIONS: Mapping[str, str] = {
    "bronze/loans": "674afaaf43e441a1",
    "bronze/attributes": "de17bd6e0a3028bb",
    "bronze/financials": "6faab5a88a2b5d4d",
    "bronze/clickstream": "9341437063bd94f6",
    "silver/loans": "4f0bde681b3dd78c",
    "silver/attributes": "a02361097133ceb9",
    "silver/financials": "67359a7c5f7a93f4",
    "silver/clickstream": "8e6657ffe9c16674",
    "gold/features": "b8bd9a73a533adfc",
    "gold/labels": "4b5708b11c44a4c5",
    "gold/cohort": "ef361d91ba9e87b1",
    "monitoring/drift": "005319ced2a60699",
    "monitoring/performance": "005319ced2a60699",
    "monitoring/portfolio": "005319ced2a60699",
    "monitoring/report": "e870315f677a8695",
}
"""The versions of that release's definitions of the tables that can be computed again."""


@dataclass(frozen=True)
class OldMonth:
    """A month of a table as the release before kept it: its manifest, and its folder."""

    manifest: Mapping[str, Any]
    folder: Path

    @property
    def month(self) -> str:
        """The month key."""
        return str(self.manifest["month"])


LeftOut = dict[str, Mapping[str, str]]
"""What months were made of that are not taken over, by partition."""

Taken = dict[str, str]
"""The content hashes that months had which are taken over: with columns that began later they have
others."""


def _manifests(tables: Path) -> bool:
    return next(tables.glob("*/*/????-??-01.json"), None) is not None


def upgrade_home(settings: Settings) -> dict[str, int]:
    """Take over a home; return how many months of each table there were.

    To be called while no run is at work. An upgrade that was killed is begun anew, or ended if
    only its last rename is missing.

    Raises:
        PlatformError: if there is nothing to take over, or a month is not what its manifest says.
            Nothing was changed then.
    """
    home = settings.home
    old, new, kept = home / TABLES, home / NEW_TABLES, home / OLD_TABLES
    if not old.exists() and new.exists() and kept.exists():  # only the last rename is missing
        rename(new, old)
        return _counts(Datamart(home))
    if not _manifests(old):
        raise PlatformError(f"{home} holds no tables of the release before: nothing to upgrade.")
    if kept.exists():
        raise PlatformError(f"{kept} is there already. Move it away, then upgrade again.")
    shutil.rmtree(new, ignore_errors=True)
    staging = home / f".{NEW_TABLES}"
    shutil.rmtree(staging, ignore_errors=True)
    datamart = Datamart(staging, settings.retention_days)
    found = [(table, one) for table in ALL_TABLES for one in _old_months(old / table.path)]
    # Month by month, since a month may rest on any table of the months before it.
    left_out: LeftOut = {}
    taken: Taken = {}
    for table, one in sorted(found, key=lambda pair: pair[1].month):
        _take_over(datamart, table, one, left_out, taken)
    counts = _counts(datamart)
    rename(datamart.folder, new)
    staging.rmdir()
    rename(old, kept)
    rename(new, old)
    return counts


def rename(path: Path, target: Path) -> None:
    """Rename a folder, and have the disk know it before anything else is done."""
    path.rename(target)
    sync_file(target.parent)


def _counts(datamart: Datamart) -> dict[str, int]:
    counts = {table.path: len(datamart.months(table)) for table in ALL_TABLES}
    return {path: count for path, count in counts.items() if count}


def _old_months(folder: Path) -> Iterator[OldMonth]:
    for path in sorted(folder.glob("????-??-01.json")):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        yield OldMonth(manifest, folder / manifest["folder"])


def _take_over(
    datamart: Datamart, table: Table, old: OldMonth, left_out: LeftOut, taken: Taken
) -> None:
    manifest, month = old.manifest, old.month
    if manifest["code_version"] != CODE_VERSION:
        raise PlatformError(
            f"{table.partition(month)} was made by code version {manifest['code_version']}; this "
            f"release takes over version {CODE_VERSION}. Run it again with the release before."
        )
    if not table.decides and _has_other_columns(old.folder / "rows.parquet", table):
        left_out[table.partition(month)] = manifest["inputs"]
        return  # due in any case: it is made anew by a run
    draft = Draft(
        month=month,
        inputs=_inputs(datamart, manifest["inputs"], left_out, taken),
        definition=DEFINITIONS.get(table.path, f"code version {CODE_VERSION}"),
        facts=manifest["facts"],
        provenance=manifest["provenance"],
    )
    writer = datamart.open(table, [month])
    rows = _read(old.folder / "rows.parquet")
    beside = {name: _read(old.folder / f"{name}.parquet") for name, _ in table.beside}
    _require_same(table, manifest, rows, beside)
    schemas = dict(table.beside)
    writer.write(
        draft,
        declared(rows, table.schema),
        {name: declared(one, schemas[name]) for name, one in beside.items()},
    )
    taken[table.partition(month)] = manifest["content_hash"]


def _inputs(
    datamart: Datamart, hashes: Mapping[str, str], left_out: LeftOut, taken: Taken
) -> dict[str, Input]:
    """Return what a month was made of; a month that has been made anew since is no longer known.

    In place of a month that is left out stands what that was made of, so that the deliveries behind
    a decision are still found.
    """
    found: dict[str, Input] = {}
    for name, then in hashes.items():
        if name in left_out:
            found |= _inputs(datamart, left_out[name], left_out, taken)
            continue
        path, _, month = name.rpartition("/")
        record = datamart.record(BY_PATH[path], month) if path in BY_PATH else None
        if record is not None and taken.get(name) == then:
            found[name] = record.as_input()
        else:
            found[name] = Input(then, origin=then)
    return found


def _has_other_columns(path: Path, table: Table) -> bool:
    """Return whether a stored month lacks columns of today: what it holds is not what a run makes.

    What is not hashed may be missing.
    """
    return path.exists() and not set(table.hashed_columns).issubset(pq.read_schema(path).names)


def _read(path: Path) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            return file.read()
    except (OSError, pa.ArrowException) as error:
        raise PlatformError(
            f"{path} cannot be read ({error}). Run its month again with the release before, or "
            "restore it from a backup; nothing was changed."
        ) from error


def _require_same(
    table: Table, manifest: Mapping[str, Any], rows: pa.Table, beside: Mapping[str, pa.Table]
) -> None:
    """Compare what the files hold with what the manifest recorded, by content hash."""
    then = {"rows": manifest["content_hash"]}
    then |= {name: one["content_hash"] for name, one in manifest["beside"].items()}
    schemas = dict(table.beside)
    now = {"rows": content_hash(_as_then(rows, table.schema, table.unhashed))}
    now |= {name: content_hash(_as_then(one, schemas[name])) for name, one in beside.items()}
    if then != now:
        raise PlatformError(
            f"{table.partition(manifest['month'])} is not what its manifest records: its files "
            "were changed after they were written. Run its month again with the release before, or "
            "restore it from a backup; nothing was changed."
        )


def _as_then(rows: pa.Table, schema: pa.Schema, unhashed: Sequence[str] = ()) -> pa.Table:
    """Return the columns of today that files of then have, but for what is not hashed."""
    had = {*rows.column_names} - {*unhashed}
    return declared(rows, pa.schema([field for field in schema if field.name in had]))
