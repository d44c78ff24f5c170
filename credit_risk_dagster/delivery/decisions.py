"""What becomes of each file and which delivery is a month's: a function of what is known.

The newest complete delivery that holds a month is the month's, whatever came in which order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.candidates import Candidate, candidates, withdrawn
from credit_risk_dagster.delivery.entries import Action, Entries, SeenFile, TakenFile, Verb
from credit_risk_dagster.delivery.ruling import (
    Hold,
    MonthDecision,
    OpenMonth,
    Ruling,
    Status,
)

WAIVED = "waived"
"""The fingerprint of a month that a person lets run without the source."""


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
    ruling = Ruling(source, entries.actions, minimum_share, newest)
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
    entries: Entries, found: Sequence[Candidate], ruling: Ruling
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


def _counting(file: TakenFile, one: Candidate, ruling: Ruling) -> FileDecision:
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
