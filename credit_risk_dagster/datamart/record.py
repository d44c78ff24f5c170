"""The record of a month of a table: what it holds, what it was made of, and by which definition."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

EARLIER_BESIDE = "earlier_beside"
"""The fact that covers what earlier months keep beside their rows, for a table that reads it on."""

UNCOMPARED = ("version", "input_versions", "files", "provenance")
"""What two records of the same content may differ in."""


@dataclass(frozen=True)
class StoredFile:
    """A Parquet file of a month: its path in the table's folder, bytes, rows and SHA-256."""

    path: str
    size: int
    rows: int
    sha256: str


@dataclass(frozen=True)
class Beside:
    """A month of a table kept beside another: content, and the version that holds it."""

    rows: int
    content_hash: str
    version: int
    files: tuple[StoredFile, ...] = ()


@dataclass(frozen=True)
class Input:
    """What a month was made of: a partition, or a delivery.

    Attributes:
        content_hash: as of `MonthRecord.hash_as_input`; of a delivery, of its rows.
        version: the version of its table that was read; None for a delivery.
        origin: as of `MonthRecord`; of a delivery, its content hash.
        recipe: as of `MonthRecord`; of a delivery, nothing.
    """

    content_hash: str
    version: int | None = None
    origin: str = ""
    recipe: str = ""


Inputs = Mapping[str, Input]
"""By the name of the partition, `silver/loans/2024-09-01`, or `delivery/loans/2024-09-01`."""


@dataclass(frozen=True)
class MonthRecord:
    """What a reader must know of a month of a table.

    Attributes:
        table: the table's place, for example `silver/loans`.
        month: the month key.
        version: the version of the table whose commit carries this record.
        rows: number of rows.
        columns: column names and types.
        content_hash: SHA-256 of the rows in key order.
        inputs: content hash of every partition and delivery that it was made of, by name.
        input_versions: the table version of every partition that it was made of, by name.
        definition: the version of the definition that made it.
        origin: hash of the origins of its inputs, by name: the same only where it rests on the
            same deliveries. Those of another refinement are compared by `deliveries_behind`.
        recipe: hash of all definitions that it rests on, its own included.
        beside: rows, content hash, version and files of every table kept beside the rows.
        facts: counts and figures that belong to the content.
        files: the files that hold the rows.
        provenance: where it came from and when: recorded, never compared.
    """

    table: str
    month: str
    version: int
    rows: int
    columns: dict[str, str]
    content_hash: str
    inputs: dict[str, str]
    input_versions: dict[str, int]
    definition: str
    origin: str
    recipe: str
    beside: dict[str, Beside] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    files: tuple[StoredFile, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """The month's name, for example `silver/loans/2024-09-01`."""
        return f"{self.table}/{self.month}"

    def says_the_same_as(self, other: "MonthRecord") -> bool:
        """Return whether two records differ in provenance, files and versions at most."""
        return _compared(self) == _compared(other)

    @property
    def hash_as_input(self) -> str:
        """What tells a month that is made of this one that it has changed.

        The content hash; of a month whose readers read on in the tables beside it and beside the
        months before it, a hash of all of these.
        """
        if EARLIER_BESIDE not in self.facts:
            return self.content_hash
        beside = [f"{name} {one.content_hash}" for name, one in self.beside.items()]
        earlier = f"{EARLIER_BESIDE} {self.facts[EARLIER_BESIDE]}"
        return _hash([f"rows {self.content_hash}", earlier, *beside])

    def as_input(self) -> Input:
        """Return the month as something that another one is made of."""
        return Input(self.hash_as_input, self.version, self.origin, self.recipe)


def _compared(record: MonthRecord) -> dict[str, Any]:
    compared = {name: value for name, value in vars(record).items() if name not in UNCOMPARED}
    beside = record.beside.items()
    return compared | {"beside": {name: (one.rows, one.content_hash) for name, one in beside}}


def to_json(record: MonthRecord) -> dict[str, Any]:
    """Return a record as what JSON can hold; table, month and version stand where it is kept."""
    content = asdict(record)
    for name in ("table", "month", "version"):
        del content[name]
    return content


def from_json(table: str, month: str, version: int, content: Mapping[str, Any]) -> MonthRecord:
    """Return the record that a log entry carries."""
    beside = {
        name: Beside(**one | {"files": _files(one["files"])})
        for name, one in content["beside"].items()
    }
    return MonthRecord(
        table=table,
        month=month,
        version=version,
        **{**content, "beside": beside, "files": _files(content["files"])},
    )


def _files(listed: Iterable[Mapping[str, Any]]) -> tuple[StoredFile, ...]:
    return tuple(StoredFile(**one) for one in listed)


def earlier_beside(before: MonthRecord | None, name: str) -> str:
    """Return the fact that covers a table beside a month, and beside all months before it.

    Args:
        before: the month; None where there is none before the first.
        name: the table beside.
    """
    if before is None:
        return ""
    return _hash(
        [f"then {before.facts[EARLIER_BESIDE]}", f"now {before.beside[name].content_hash}"]
    )


def origin_of(inputs: Inputs) -> str:
    """Return the hash of the origins of some inputs, by name."""
    return _hash(f"{name} {one.origin}" for name, one in inputs.items())


def recipe_of(definition: str, inputs: Inputs) -> str:
    """Return the hash of a definition and of all definitions behind some inputs.

    Months do not count: two months made by the same definitions have the same recipe.
    """
    tables = {f"{name.rpartition('/')[0]} {one.recipe}" for name, one in inputs.items()}
    return _hash([f"own {definition}", *tables])


def _hash(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]
