"""How the ledger of deliveries is written down: its tables, and what a row of each stands for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from credit_risk_dagster.delivery.entries import (
    Action,
    Contents,
    MonthContent,
    SeenFile,
    TakenFile,
    Verb,
)
from credit_risk_dagster.delivery.fingerprint import row_sum

LEDGER = sa.MetaData()

SEEN = sa.Table(
    "delivery_seen",
    LEDGER,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("modified", sa.Text, nullable=False),
    sa.Column("control", sa.Text, nullable=False),
    sa.Column("since", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text),
    sa.Column("read_as", sa.Text),
    sa.Column("fault", sa.Text),
)
"""The files that are in the raw folder: how each looked last, since when, and what it was taken as.

`control` is how its control file looked, `read_as` the rules by which it was read, and `fault` why
it cannot be opened.
"""

FILES = sa.Table(
    "delivery_files",
    LEDGER,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("modified", sa.Text, nullable=False),
    sa.Column("first_seen", sa.Text, nullable=False),
    sa.Column("taken_at", sa.Text, nullable=False),
    sa.Column("read_as", sa.Text, nullable=False),
    sa.Column("undated", sa.BigInteger, nullable=False),
    sa.Column("fault", sa.Text),
)
"""Every content of every file that was ever read."""

MONTHS = sa.Table(
    "delivery_months",
    LEDGER,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("snapshot_date", sa.Text, primary_key=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("row_hashes", sa.Text, nullable=False),
)
"""What each of them holds of each month."""

ACTIONS = sa.Table(
    "delivery_actions",
    LEDGER,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("verb", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("path", sa.Text),
    sa.Column("snapshot_date", sa.Text),
    sa.Column("why", sa.Text, nullable=False),
)
"""What was decided of files and months, by whom, when and why."""


@dataclass(frozen=True)
class Look:
    """How a file looked when it was looked at last; attributes as the columns of `SEEN`."""

    path: str
    source: str
    size: int
    modified: datetime
    control: str
    since: datetime
    sha256: str | None = None
    read_as: str | None = None
    fault: str | None = None

    def is_like(self, other: "Look") -> bool:
        """Return whether nothing about the file has changed between two looks."""
        mine = (self.source, self.size, self.modified, self.control)
        return mine == (other.source, other.size, other.modified, other.control)


def written(moment: datetime) -> str:
    """Write a moment so that texts have the order of moments; SQLite keeps no time zone."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def look_of(row: Mapping[str, Any]) -> Look:
    """Return how a file looked last."""
    moments = {name: datetime.fromisoformat(row[name]) for name in ("modified", "since")}
    return Look(**{**row, **moments})


def look_row(look: Look) -> dict[str, Any]:
    """Return the row of how a file looks."""
    return {**vars(look), "modified": written(look.modified), "since": written(look.since)}


def month_rows(path: str, contents: Contents) -> list[dict[str, Any]]:
    """Return the rows of what a file holds of its months."""
    return [
        {
            "path": path,
            "sha256": contents.sha256,
            "snapshot_date": month,
            "rows": content.rows.rows,
            "rejected": content.rejected,
            "row_hashes": content.rows.digits,
        }
        for month, content in contents.months.items()
    ]


def month_of_row(row: Mapping[str, Any]) -> MonthContent:
    """Return what a file holds of a month."""
    return MonthContent(row_sum(row["rows"], row["row_hashes"]), row["rejected"])


def contents_of(row: Mapping[str, Any], months: Mapping[str, MonthContent]) -> Contents:
    """Return what was read of a file."""
    return Contents(row["sha256"], dict(sorted(months.items())), row["undated"], row["fault"])


def taken_of(
    row: Mapping[str, Any], months: Mapping[str, MonthContent], is_now: Mapping[str, str | None]
) -> TakenFile:
    """Return a content of a file; `is_now` says what each file holds now."""
    return TakenFile(
        source=row["source"],
        path=row["path"],
        size=row["size"],
        modified=datetime.fromisoformat(row["modified"]),
        first_seen=datetime.fromisoformat(row["first_seen"]),
        taken_at=datetime.fromisoformat(row["taken_at"]),
        is_there=is_now.get(row["path"]) == row["sha256"],
        contents=contents_of(row, months),
    )


def seen_of(row: Mapping[str, Any]) -> SeenFile:
    """Return a file that was not taken yet."""
    return SeenFile(
        source=row["source"],
        path=row["path"],
        size=row["size"],
        modified=datetime.fromisoformat(row["modified"]),
        since=datetime.fromisoformat(row["since"]),
        fault=row["fault"],
    )


def action_of(row: Mapping[str, Any]) -> Action:
    """Return what was decided."""
    return Action(
        at=datetime.fromisoformat(row["at"]),
        by=row["by"],
        verb=Verb(row["verb"]),
        source=row["source"],
        why=row["why"],
        path=row["path"],
        month=row["snapshot_date"],
    )
