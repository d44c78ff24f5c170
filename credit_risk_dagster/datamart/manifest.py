"""The manifest of a partition: what it holds, what it was made of, and by which code."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Manifest:
    """What a reader must know of one partition.

    Attributes:
        table: the table's place, for example `silver/loans`.
        month: the partition's month key.
        rows: number of rows.
        columns: column names and types.
        content_hash: SHA-256 of the rows in key order.
        inputs: content hash of every partition and delivery that it was made of, by name.
        code_version: version of the code that made it.
        folder: where its files are, relative to the table's folder.
        beside: rows and content hash of every table kept beside the rows.
        facts: counts and figures that belong to the content.
        provenance: where it came from and when: recorded, never hashed.
    """

    table: str
    month: str
    rows: int
    columns: dict[str, str]
    content_hash: str
    inputs: dict[str, str]
    code_version: str
    folder: str
    beside: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """The partition's name, for example `silver/loans/2024-09-01`."""
        return f"{self.table}/{self.month}"

    def says_the_same_as(self, other: "Manifest") -> bool:
        """Return whether two manifests differ in provenance and place at most."""
        mine, theirs = asdict(self), asdict(other)
        for unhashed in ("provenance", "folder"):
            mine.pop(unhashed), theirs.pop(unhashed)
        return mine == theirs


def read_manifest(path: Path) -> Manifest | None:
    """Read a manifest; None if there is none."""
    try:
        return Manifest(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest by one rename, so that a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    text = json.dumps(asdict(manifest), indent=2, sort_keys=True, ensure_ascii=False)
    with beside.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
