"""What becomes of each file and which delivery is a month's: a function of what is known.

The newest complete delivery that holds a month is the month's, whatever came in which order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.candidates import (
    Candidate,
    candidates,
    latest,
    withdrawn,
)
from credit_risk_dagster.delivery.entries import Action, Entries, SeenFile, TakenFile, Verb
from credit_risk_dagster.delivery.fingerprint import fingerprint
from credit_risk_dagster.months import add_months

MONTHS_COMPARED, FEWEST_COMPARED = 6, 3

WAIVED = "waived"
"""The fingerprint of a month that a person lets run without the source."""


class Status(StrEnum):
    """What becomes of a file."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class FileDecision:
    """What became of a file: status, why, and the months whose delivery it is."""

    file: TakenFile | SeenFile
    status: Status
    reason: str
    months: tuple[str, ...] = ()
    for_person: bool = False
    """Whether it waits for a person, or for a part that has not come."""


@dataclass(frozen=True)
class MonthDecision:
    """What a month of a source is read from.

    Attributes:
        fingerprint: of its rows.
        files: what they are read from; none where it was waived.
        is_there: whether all of them are still in the folder.
        waived: by whom, when and why, if it was.
    """

    fingerprint: str
    files: tuple[TakenFile, ...] = ()
    is_there: bool = True
    waived: str | None = None


@dataclass(frozen=True)
class OpenMonth:
    """Why a month of which something came has no delivery: what became of the newest file."""

    status: Status
    said: str


@dataclass(frozen=True)
class Hold:
    """A delivery that waits for a person: its month holds far less than the months before it."""

    candidate: Candidate
    month: str
    why: str


@dataclass(frozen=True)
class Decisions:
    """All that was decided of a source.

    Attributes:
        files: of every file, by path and time.
        months: of every month that can be run or was.
        open: of months that came and cannot be run, why.
        holds: what waits from now on, and was not taken down yet.
    """

    files: tuple[FileDecision, ...] = ()
    months: Mapping[str, MonthDecision] = field(default_factory=dict)
    open: Mapping[str, OpenMonth] = field(default_factory=dict)
    holds: tuple[Hold, ...] = ()


def decide(source: Source, entries: Entries, minimum_share: float) -> Decisions:
    """Decide on everything that is known of a source.

    Args:
        source: the source.
        entries: its files, and what people decided.
        minimum_share: as the setting `deliveries.minimum_share`.
    """
    found = candidates(entries)
    newest = max((month for one in found for month in one.months), default=None)
    ruling = _Ruling(source, entries.actions, minimum_share, newest)
    for month in sorted({month for one in found for month in one.months}):
        ruling.decide_month(month, [one for one in found if month in one.months])
    months = {**_waived(source, entries.actions), **ruling.months}
    without = {**_withdrawn_months(entries), **ruling.open}
    return Decisions(
        files=tuple(_file_decisions(entries, found, ruling)),
        months=dict(sorted(months.items())),
        open={month: one for month, one in sorted(without.items()) if month not in months},
        holds=tuple(ruling.holds),
    )


class _Ruling:
    """Decides month after month, since a month's volume is compared with those before it."""

    def __init__(
        self,
        source: Source,
        actions: Sequence[Action],
        minimum_share: float,
        newest: str | None,
    ) -> None:
        self.months: dict[str, MonthDecision] = {}
        self.open: dict[str, OpenMonth] = {}
        self.holds: list[Hold] = []
        self.verdicts: dict[tuple[str, str], tuple[Status, str]] = {}
        """What became of each month of each delivery, by its first file."""
        self._source, self._actions, self._share = source, actions, minimum_share
        self._newest = newest
        self._rows: dict[str, int] = {}

    def decide_month(self, month: str, newest_first: Sequence[Candidate]) -> None:
        """Take the first delivery of a month that nothing speaks against."""
        chosen: Candidate | None = None
        for one in newest_first:
            if chosen is not None:
                verdict = (Status.SUPERSEDED, f"by {chosen.name}")
            else:
                verdict = self._verdict(one, month)
                if verdict[0] is Status.ACCEPTED:
                    chosen = one
                else:
                    said = f"{one.name} is {verdict[0]}: {verdict[1]}"
                    self.open.setdefault(month, OpenMonth(verdict[0], said))
            self.verdicts[one.files[0].path, month] = verdict
        if chosen is not None:
            rows = chosen.months[month]
            self._rows[month] = rows.rows
            self.months[month] = MonthDecision(
                fingerprint(self._source, rows), chosen.files, chosen.is_there
            )

    def _verdict(self, one: Candidate, month: str) -> tuple[Status, str]:
        person = latest(self._actions, one, month, Verb.ACCEPT, Verb.WITHDRAW)
        if person is not None and person.verb is Verb.ACCEPT:
            return Status.ACCEPTED, f"accepted {person.said}"
        if person is not None:
            return Status.WITHDRAWN, person.said
        if one.incomplete is not None:
            return Status.WAITING, one.incomplete
        held = latest(self._actions, one, month, Verb.HOLD)
        if held is not None:
            return Status.WAITING, held.why
        thin = self._thin(one, month) if month == self._newest else None
        if thin is not None:
            self.holds.append(Hold(one, month, thin))
            return Status.WAITING, thin
        return Status.ACCEPTED, ""

    def _thin(self, one: Candidate, month: str) -> str | None:
        """Say by how much the month has fewer rows than those before it, if it has far fewer."""
        before = [add_months(month, -step) for step in range(1, MONTHS_COMPARED + 1)]
        rows = [self._rows[key] for key in before if key in self._rows]
        if len(rows) < FEWEST_COMPARED:
            return None
        usual, found = median(rows), one.months[month].rows
        if found >= self._share * usual:
            return None
        return (
            f"{month[:7]} has {found} rows where the {len(rows)} months before it had {usual:g} "
            f"(median); less than {self._share:.0%} of that waits for a person. If it is right: "
            f"`credit-risk deliveries accept {one.files[0].path} --why …`"
        )


def _waived(source: Source, actions: Sequence[Action]) -> dict[str, MonthDecision]:
    return {
        action.month: MonthDecision(WAIVED, waived=f"waived {action.said}")
        for action in actions
        if action.verb is Verb.WAIVE and action.month is not None and action.source == source.name
    }


def _withdrawn_months(entries: Entries) -> dict[str, OpenMonth]:
    """Return the months of files that count no more, which wait for another delivery."""
    found: dict[str, OpenMonth] = {}
    for file in entries.taken:
        action = withdrawn(entries.actions, file)
        if action is not None:
            said = f"{file.path} is {Status.WITHDRAWN}: {action.said}"
            held = (month for month, content in file.contents.months.items() if content.rows.rows)
            found |= {month: OpenMonth(Status.WITHDRAWN, said) for month in held}
    return found


def _file_decisions(
    entries: Entries, found: Sequence[Candidate], ruling: _Ruling
) -> Iterator[FileDecision]:
    counting = {(file.path, file.contents.sha256): one for one in found for file in one.files}
    for seen in entries.seen:
        if seen.fault is not None:
            yield FileDecision(seen, Status.REFUSED, seen.fault)
        else:
            said = f"seen like this since {seen.since:%Y-%m-%d %H:%M:%S} UTC, not taken yet"
            yield FileDecision(seen, Status.WAITING, said)
    for file in entries.taken:
        one = counting.get((file.path, file.contents.sha256))
        action = withdrawn(entries.actions, file)
        if action is not None:
            yield FileDecision(file, Status.WITHDRAWN, action.said)
        elif file.contents.fault is not None:
            yield FileDecision(file, Status.REFUSED, file.contents.fault)
        elif one is None:
            yield FileDecision(file, Status.SUPERSEDED, "by what the file holds now")
        else:
            yield _counting(file, one, ruling)


def _counting(file: TakenFile, one: Candidate, ruling: _Ruling) -> FileDecision:
    """Put together what became of the months of a delivery."""
    verdicts = {month: ruling.verdicts[one.files[0].path, month] for month in one.months}
    of = {
        status: [month for month, verdict in verdicts.items() if verdict[0] is status]
        for status in Status
    }
    order = (Status.WAITING, Status.ACCEPTED, Status.WITHDRAWN, Status.SUPERSEDED)
    status = next((status for status in order if of[status]), Status.WAITING)
    reasons = dict.fromkeys(verdicts[month][1] for month in of[status])
    reason = "; ".join(reason for reason in reasons if reason)
    if not verdicts:
        reason = one.incomplete or "a part without rows"
    if not file.is_there and status is Status.ACCEPTED:
        reason = "; ".join([*filter(None, [reason]), "gone: what was made of it stays"])
    waits = status is Status.WAITING and bool(verdicts)
    return FileDecision(file, status, reason, tuple(sorted(of[Status.ACCEPTED])), waits)
