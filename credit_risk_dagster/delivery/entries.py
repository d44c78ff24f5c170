"""What the ledger of deliveries knows: files, what was read of them, and what people decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from credit_risk_dagster.delivery.fingerprint import RowSum


class Verb(StrEnum):
    """What was decided of a file or a month; by people, but for `HOLD`."""

    ACCEPT = "accept"
    """The file counts, though it was held or withdrawn."""
    WITHDRAW = "withdraw"
    """The file counts no more, or what has come of the month so far."""
    WAIVE = "waive"
    """The month is run without the source."""
    HOLD = "hold"
    """The platform itself: the file waits for a person, whatever comes after it."""


@dataclass(frozen=True)
class Action:
    """One decision, which is kept for good.

    Attributes:
        at: when.
        by: who.
        verb: what.
        source: the source that it is about.
        why: the reason that was given.
        path: the file that it is about, as it was then; later contents are not meant.
        month: the month that it is about.
    """

    at: datetime
    by: str
    verb: Verb
    source: str
    why: str
    path: str | None = None
    month: str | None = None

    @property
    def said(self) -> str:
        """By whom, when and why."""
        return f"by {self.by} on {self.at:%Y-%m-%d}: {self.why}"


@dataclass(frozen=True)
class MonthContent:
    """What a file holds of a month: its rows, added up, and how many lines were rejected."""

    rows: RowSum
    rejected: int = 0


@dataclass(frozen=True)
class Contents:
    """What was read of a file.

    Attributes:
        sha256: of its bytes.
        months: what it holds of each month.
        undated: rejected lines whose month cannot be told.
        fault: why it is set aside as a whole, if it is.
    """

    sha256: str
    months: Mapping[str, MonthContent] = field(default_factory=dict)
    undated: int = 0
    fault: str | None = None


@dataclass(frozen=True)
class TakenFile:
    """A content of a file that was read.

    Attributes:
        source: whose file it is.
        path: where it is in the raw folder.
        size: its bytes.
        modified: when it was last changed before it was taken.
        first_seen: when this content was first seen.
        taken_at: when it was last taken; of two contents under one name, the later came after.
        is_there: whether the file still has this content.
        contents: what was read of it.
    """

    source: str
    path: str
    size: int
    modified: datetime
    first_seen: datetime
    taken_at: datetime
    is_there: bool
    contents: Contents


@dataclass(frozen=True)
class SeenFile:
    """A file that is there and was not taken yet.

    Attributes:
        source: whose file it is.
        path: where it is in the raw folder.
        size: its bytes.
        modified: when it was last changed.
        since: since when it has been seen like this.
        fault: why it cannot be opened, if it cannot.
    """

    source: str
    path: str
    size: int
    modified: datetime
    since: datetime
    fault: str | None = None


@dataclass(frozen=True)
class Entries:
    """All that is known of a source."""

    taken: tuple[TakenFile, ...] = ()
    seen: tuple[SeenFile, ...] = ()
    actions: tuple[Action, ...] = ()
