"""Takes what is new in the raw folder into the ledger, and decides what is a month's delivery.

A file is read once: when it is new or has changed, and has settled or has a control file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.contents import read_contents, sha256_of
from credit_risk_dagster.delivery.control import read_control
from credit_risk_dagster.delivery.decisions import Decisions, FileDecision, decide
from credit_risk_dagster.delivery.entries import Action, Contents, Entries, TakenFile, Verb
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.ledger_rows import Look
from credit_risk_dagster.delivery.look import Sorting, has_changed, hash_of, look_at, rules_of
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster.settings import Settings

PLATFORM = "credit-risk"
"""Who holds a file for a person."""


@dataclass(frozen=True)
class Arrivals:
    """What a look at the raw folder came to.

    Attributes:
        decisions: what is decided of every source looked at, by its name.
        found: the files that are there, by source and path.
        taken: what became of the files that were read now, by source.
        left: the files that are to be taken and were not: too much for one look.
        unsettled: the files that may still be changing.
    """

    decisions: Mapping[str, Decisions]
    found: Mapping[str, Mapping[str, DeliveredFile]]
    taken: Mapping[str, Sequence[FileDecision]]
    left: tuple[DeliveredFile, ...]
    unsettled: tuple[DeliveredFile, ...]


def take_arrivals(
    settings: Settings,
    ledger: DeliveryLedger,
    now: datetime,
    sources: Sequence[Source] = CONTRACT.sources,
    at_once: bool = False,
    limit: int | None = None,
) -> Arrivals:
    """Look at the raw folder, read what is new of it, and decide.

    Args:
        settings: the installation.
        ledger: its ledger.
        now: when this is.
        sources: the sources to look for.
        at_once: whether files are taken that have not settled, as for a person who asks.
        limit: how many bytes are read at most; files that exceed what is left of it are left.

    Raises:
        DeliveryError: if the folder cannot be looked at.
        PlatformError: if the database fails.
    """
    found, looks = look_at(settings, ledger, now, sources)
    sorting = Sorting(at_once, settings.deliveries, now, limit)
    taken = {
        one.name: [
            file.relative
            for file in found[one.name]
            if sorting.is_ready(file, looks[file.relative], rules_of(settings, one))
            and _take(settings, ledger, one, file, looks[file.relative], sorting)
        ]
        for one in sources
    }
    decisions = _decide(settings, ledger, now, sources)
    return Arrivals(
        decisions=decisions,
        found={name: {file.relative: file for file in files} for name, files in found.items()},
        taken={name: _of_paths(decisions[name], paths) for name, paths in taken.items()},
        left=tuple(sorting.left),
        unsettled=tuple(sorting.unsettled),
    )


def known_decisions(settings: Settings, ledger: DeliveryLedger) -> dict[str, Decisions]:
    """Return what is decided of every source by what the ledger knows; looks at no folder.

    Raises:
        PlatformError: if the database fails.
    """
    return _decided(settings, ledger.entries(), CONTRACT.sources)


def _take(
    settings: Settings,
    ledger: DeliveryLedger,
    source: Source,
    file: DeliveredFile,
    look: Look,
    sorting: Sorting,
) -> bool:
    """Read a file into the ledger; return whether it was taken."""
    try:
        sha256 = sha256_of(file, source)
    except DeliveryError as error:
        if not has_changed(file):
            ledger.keep_looks({file.relative: replace(look, fault=str(error))}, set())
        return False
    contents, read_as = _contents(settings, ledger, source, file, sha256)
    if has_changed(file) or (contents.fault is not None and not sorting.is_settled(look)):
        return False  # it may still be on its way
    taken = replace(look, sha256=sha256, read_as=rules_of(settings, source), fault=None)
    ledger.keep_contents(taken, contents, read_as, sorting.now)
    return True


def _contents(
    settings: Settings,
    ledger: DeliveryLedger,
    source: Source,
    file: DeliveredFile,
    sha256: str,
) -> tuple[Contents, str]:
    """Return what a file holds, read only if it never was, and by which rules."""
    rules = rules_of(settings, source)
    try:
        control = read_control(file, source)
        rules = hash_of([rules, control.text if control else ""])
        known = ledger.contents(file.relative, sha256, rules)
        accept = settings.accept_unterminated_line
        return known or read_contents(file, source, sha256, control, accept), rules
    except DeliveryError as error:
        return Contents(sha256, fault=str(error)), rules


def _decide(
    settings: Settings, ledger: DeliveryLedger, now: datetime, sources: Sequence[Source]
) -> dict[str, Decisions]:
    """Decide, and take down which files wait for a person from now on."""
    decided = _decided(settings, ledger.entries(), sources)
    holds = [(name, hold) for name, one in decided.items() for hold in one.holds]
    if not holds:
        return decided
    for name, hold in holds:
        path = hold.candidate.files[0].path
        ledger.keep_action(Action(now, PLATFORM, Verb.HOLD, name, hold.why, path, hold.month))
    return _decided(settings, ledger.entries(), sources)


def _decided(
    settings: Settings, entries: Mapping[str, Entries], sources: Iterable[Source]
) -> dict[str, Decisions]:
    share = settings.deliveries.minimum_share
    return {one.name: decide(one, entries.get(one.name, Entries()), share) for one in sources}


def _of_paths(decisions: Decisions, paths: Sequence[str]) -> list[FileDecision]:
    """Return what became of files that are there now."""
    return [
        one
        for one in decisions.files
        if isinstance(one.file, TakenFile) and one.file.is_there and one.file.path in paths
    ]
