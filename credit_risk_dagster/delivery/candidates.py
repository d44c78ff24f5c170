"""The deliveries that may be a month's: files that count, parts put together, the newest first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from credit_risk_dagster.delivery.entries import Action, Entries, MonthContent, TakenFile, Verb
from credit_risk_dagster.delivery.fingerprint import RowSum
from credit_risk_dagster.delivery.parts import part_of


@dataclass(frozen=True)
class Candidate:
    """A delivery: one file, or all parts of it.

    Attributes:
        files: its files, in the order of their paths.
        incomplete: what it lacks, if it lacks something.
    """

    files: tuple[TakenFile, ...]
    incomplete: str | None = None

    @cached_property
    def rank(self) -> tuple[datetime, datetime, str]:
        """What is greater for a newer one: last change, then when it was seen, then its name."""
        return (
            max(file.modified for file in self.files),
            self.first_seen,
            self.files[0].path,
        )

    @cached_property
    def first_seen(self) -> datetime:
        """When the last of its files was first seen."""
        return max(file.first_seen for file in self.files)

    @cached_property
    def is_there(self) -> bool:
        """Whether all its files still have this content."""
        return all(file.is_there for file in self.files)

    @cached_property
    def months(self) -> Mapping[str, RowSum]:
        """The rows of every month that it holds; one of rejected lines alone it does not hold."""
        found: dict[str, RowSum] = {}
        for file in self.files:
            for month, content in file.contents.months.items():
                if content.rows.rows:
                    found[month] = found.get(month, RowSum()) + content.rows
        return found

    @property
    def name(self) -> str:
        """Its files, for people."""
        return ", ".join(file.path for file in self.files)

    def rejected(self, month: str) -> int:
        """Return how many lines of a month were rejected."""
        nothing = MonthContent(RowSum())
        return sum(file.contents.months.get(month, nothing).rejected for file in self.files)


def latest(
    actions: Sequence[Action], candidate: Candidate, month: str, *verbs: Verb
) -> Action | None:
    """Return the latest action of some kinds that means a delivery, for a month, or None."""
    paths = {file.path for file in candidate.files}
    meant = [
        action
        for action in actions
        if action.verb in verbs
        and (action.path is None or action.path in paths)
        and action.month in (month, None)
        and action.at >= candidate.first_seen
    ]
    return max(meant, key=lambda action: action.at, default=None)


def withdrawn(actions: Sequence[Action], file: TakenFile) -> Action | None:
    """Return the action by which a file counts no more, or None if it counts."""
    about = [
        action
        for action in actions
        if action.path == file.path
        and action.month is None
        and action.verb in (Verb.ACCEPT, Verb.WITHDRAW)
        and action.at >= file.first_seen
    ]
    last = max(about, key=lambda action: action.at, default=None)
    return last if last is not None and last.verb is Verb.WITHDRAW else None


def counting_files(entries: Entries) -> list[TakenFile]:
    """Return the files that may count: neither refused nor withdrawn, one content for each name.

    That is what the file holds now; where that does not count, what it held before: it cannot be
    read again, but what was made of it stays.
    """
    of_name: dict[str, TakenFile] = {}
    for file in sorted(entries.taken, key=lambda one: (one.is_there, one.taken_at)):
        if file.contents.fault is None and withdrawn(entries.actions, file) is None:
            of_name[file.path] = file
    return sorted(of_name.values(), key=lambda one: one.path)


def candidates(entries: Entries) -> list[Candidate]:
    """Return all deliveries of a source, the newest first."""
    groups: dict[str, list[TakenFile]] = {}
    for file in counting_files(entries):
        part = part_of(file.path)
        groups.setdefault(file.path if part.part is None else f"{part.delivery}/", []).append(file)
    found = [Candidate(tuple(files), _incomplete(files, entries)) for files in groups.values()]
    return sorted(found, key=lambda one: one.rank, reverse=True)


def _incomplete(files: Sequence[TakenFile], entries: Entries) -> str | None:
    """Return which part of a delivery has not come yet, was refused or withdrawn."""
    parts = [part_of(file.path) for file in files]
    if parts[0].part is None:
        return None
    others = {*_other_parts(parts[0].delivery, entries)} - {file.path for file in files}
    if others:
        return f"{', '.join(sorted(others))} belongs to it and does not count yet"
    there = {part.part for part in parts}
    expected = max((part.parts or 0 for part in parts), default=0)
    first = 0 if 0 in there else 1
    numbers = range(first, first + expected)
    missing = [str(number) for number in numbers if number not in there]
    return f"part {', '.join(missing)} of {expected} is missing" if missing else None


def _other_parts(delivery: str, entries: Entries) -> Iterator[str]:
    """Yield the files in the folder that are parts of a delivery, whatever became of them."""
    waiting = (file.path for file in entries.seen)
    read = (file.path for file in entries.taken if file.is_there)
    for path in (*waiting, *read):
        part = part_of(path)
        if part.delivery == delivery and part.part is not None:
            yield path
