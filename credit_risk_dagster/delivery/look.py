"""How the raw folder looks now, compared with when it was looked at last; no file is opened."""

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.control import control_state
from credit_risk_dagster.delivery.files import DeliveredFile, find_files
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.ledger_rows import Look
from credit_risk_dagster.settings import DeliverySettings, Settings

_READER = 1
"""To be raised when the same bytes are read as other rows."""

SECONDS_A_LOOK = 20
"""After these a look that has a limit takes no other file, however small: a tick has 60."""

Found = Mapping[str, Sequence[DeliveredFile]]
"""The files that are there, by source."""


@dataclass
class Sorting:
    """Sorts files into those to be read now, those that may still change, and too much at once."""

    at_once: bool
    settings: DeliverySettings
    now: datetime
    limit: int | None
    left: list[DeliveredFile] = field(default_factory=list)
    unsettled: list[DeliveredFile] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def is_ready(self, file: DeliveredFile, look: Look, rules: str) -> bool:
        """Return whether a file is to be read now; one that cannot be opened is tried again."""
        if look.read_as == rules:
            return False
        if not (look.control or self.is_settled(look)):
            self.unsettled.append(file)
            return False
        if self.limit is not None and self._is_too_much(file, self.limit):
            self.left += [file] if look.fault is None else []
            return False
        self.limit = None if self.limit is None else self.limit - file.size
        return True

    def _is_too_much(self, file: DeliveredFile, limit: int) -> bool:
        takes_long = time.monotonic() - self.began > SECONDS_A_LOOK
        return takes_long or file.size > limit

    def is_settled(self, look: Look) -> bool:
        """Return whether a file has not changed for long enough, or need not wait for that."""
        settled = timedelta(seconds=self.settings.settle_seconds)
        return self.at_once or self.now - look.since >= settled


def look_at(
    settings: Settings, ledger: DeliveryLedger, now: datetime, sources: Sequence[Source]
) -> tuple[Found, dict[str, Look]]:
    """Return the files that are there and how they look; take down what has changed.

    Raises:
        DeliveryError: if the folder cannot be looked at.
        PlatformError: if the database fails.
    """
    found = {one.name: find_files(settings.raw_folder, one) for one in sources}
    before = ledger.looks()
    looks: dict[str, Look] = {}
    for source in sources:
        for file in found[source.name]:
            look = _seen(file, source, now)
            known = before.get(file.relative)
            looks[file.relative] = known if known is not None and known.is_like(look) else look
    names = {source.name for source in sources}
    gone = {path for path, look in before.items() if look.source in names} - set(looks)
    changed = {path: look for path, look in looks.items() if before.get(path) is not look}
    if changed or gone:
        ledger.keep_looks(changed, gone)
    return found, looks


def sort_files(
    settings: Settings, ledger: DeliveryLedger, source: Source
) -> tuple[list[DeliveredFile], list[DeliveredFile]]:
    """Return the files of a source that were taken as they are now, and those that were not.

    Takes nothing down.

    Raises:
        DeliveryError: if the folder cannot be looked at.
        PlatformError: if the database fails.
    """
    known, rules = ledger.looks(), rules_of(settings, source)

    def is_taken(file: DeliveredFile) -> bool:
        before = known.get(file.relative)
        look = _seen(file, source, file.modified)
        return before is not None and before.is_like(look) and before.read_as == rules

    found = find_files(settings.raw_folder, source)
    return [one for one in found if is_taken(one)], [one for one in found if not is_taken(one)]


def has_changed(file: DeliveredFile) -> bool:
    """Return whether a file is not any more what it was when it was found."""
    try:
        status = file.path.stat()
    except OSError:
        return True
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return (status.st_size, modified) != (file.size, file.modified)


def rules_of(settings: Settings, source: Source) -> str:
    """Return what a file of a source is read by, as a hash."""
    columns = [f"{column.header} {column.begins} {column.ends}" for column in source.columns]
    unterminated = str(settings.accept_unterminated_line)
    return hash_of([str(_READER), *columns, repr(source.dialect), unterminated])


def state_of(files: Iterable[DeliveredFile]) -> str:
    """Return how files look, in a few characters that change when one of them does."""
    return hash_of([f"{file.relative} {file.size} {file.modified}" for file in files])


def hash_of(lines: Sequence[str]) -> str:
    """Return a hash of some lines."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _seen(file: DeliveredFile, source: Source, since: datetime) -> Look:
    return Look(
        path=file.relative,
        source=source.name,
        size=file.size,
        modified=file.modified,
        control=control_state(file),
        since=since,
    )
