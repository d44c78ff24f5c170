"""What people decide of deliveries, checked before it is taken down for good."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.decisions import Decisions, FileDecision
from credit_risk_dagster.delivery.delivered import known_decisions
from credit_risk_dagster.delivery.entries import Action, SeenFile, TakenFile, Verb
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.ruling import Status
from credit_risk_dagster.delivery.waived import can_be_waived
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster.settings import Settings


def accept_file(
    settings: Settings, ledger: DeliveryLedger, file: str, why: str, by: str, now: datetime
) -> Action:
    """Let a file count that waits for a person, or was withdrawn.

    Args:
        settings: the installation.
        ledger: its ledger.
        file: its path in the raw folder, or its name.
        why: the reason.
        by: who decides.
        now: when.

    Raises:
        DeliveryError: if there is no such file, or it is refused or counts as it is.
    """
    source, one = _file(known_decisions(settings, ledger), file)
    path = one.file.path
    if one.status is Status.REFUSED:
        raise DeliveryError(f"{path} is refused: {one.reason} A refused file cannot be accepted.")
    if isinstance(one.file, SeenFile):
        raise DeliveryError(
            f"{path} has not been taken yet, so nothing speaks against it. It counts once it was."
        )
    if one.status not in (Status.WAITING, Status.WITHDRAWN):
        raise DeliveryError(f"{path} neither waits nor is withdrawn: it is {one.status}.")
    return _kept(ledger, Action(now, by, Verb.ACCEPT, source, why, path))


def withdraw_file(
    settings: Settings, ledger: DeliveryLedger, file: str, why: str, by: str, now: datetime
) -> Action:
    """Let a file count no more; arguments and errors as those of `accept_file`."""
    source, one = _file(known_decisions(settings, ledger), file)
    if one.status is Status.WITHDRAWN:
        raise DeliveryError(f"{one.file.path} is withdrawn already, {one.reason}.")
    if isinstance(one.file, SeenFile):
        raise DeliveryError(
            f"{one.file.path} has not been taken yet. Move it out of the raw folder."
        )
    return _kept(ledger, Action(now, by, Verb.WITHDRAW, source, why, one.file.path))


def withdraw_month(
    settings: Settings,
    ledger: DeliveryLedger,
    source: str,
    month: str,
    why: str,
    by: str,
    now: datetime,
) -> Action:
    """Let all that came of a month of a source so far count no more.

    Raises:
        DeliveryError: if there is no such source, or nothing of the month.
    """
    decisions = known_decisions(settings, ledger)[_source(source).name]
    taken = (one.file for one in decisions.files if isinstance(one.file, TakenFile))
    if not any(month in file.contents.months for file in taken):
        raise DeliveryError(f"Nothing of {source} was delivered for {month[:7]}: see the list.")
    return _kept(ledger, Action(now, by, Verb.WITHDRAW, source, why, month=month))


def waive_month(
    settings: Settings,
    ledger: DeliveryLedger,
    source: str,
    month: str,
    why: str,
    by: str,
    now: datetime,
) -> Action:
    """Let a month run without a source.

    Raises:
        DeliveryError: if there is no such source, it cannot be waived, or the month was delivered.
    """
    if not can_be_waived(_source(source)):
        raise DeliveryError(f"{source} cannot be waived: without its rows there is no month.")
    chosen = known_decisions(settings, ledger)[source].months.get(month)
    if chosen is not None and chosen.files:
        command = f"withdraw --source {source} --month {month[:7]}"
        raise DeliveryError(
            f"{source} was delivered for {month[:7]}, by {chosen.files[0].path}. Withdraw that "
            f"first: `credit-risk deliveries {command} --why …`."
        )
    return _kept(ledger, Action(now, by, Verb.WAIVE, source, why, month=month))


def _kept(ledger: DeliveryLedger, action: Action) -> Action:
    if not action.why.strip():
        raise DeliveryError("Say why, with --why: it is kept with the decision.")
    ledger.keep_action(action)
    return action


def _source(name: str) -> Source:
    for source in CONTRACT.sources:
        if source.name == name:
            return source
    known = ", ".join(source.name for source in CONTRACT.sources)
    raise DeliveryError(f"There is no source {name}. There are {known}.")


def _file(decisions: Mapping[str, Decisions], file: str) -> tuple[str, FileDecision]:
    """Return the decision on what a file holds now, by its path or the end of it."""
    found = {one.file.path: (name, one) for name, one in _present(decisions)}
    if file in found:
        return found[file]
    ending = [path for path in found if file.endswith(f"/{path}") or path.endswith(f"/{file}")]
    if len(ending) == 1:
        return found[ending[0]]
    said = f"are {len(ending)} files" if ending else "is no file"
    raise DeliveryError(f"There {said} {file} in the ledger: `credit-risk deliveries` lists them.")


def _present(decisions: Mapping[str, Decisions]) -> Iterator[tuple[str, FileDecision]]:
    """Yield the decisions on files, those on what a file holds now last."""
    every = [(name, one) for name, decided in decisions.items() for one in decided.files]
    for is_now in (False, True):
        for name, one in every:
            if is_now == (isinstance(one.file, SeenFile) or one.file.is_there):
                yield name, one
