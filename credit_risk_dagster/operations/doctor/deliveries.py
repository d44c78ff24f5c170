"""The raw folder: can it be read, what has each source delivered, and which files do not count."""

from collections.abc import Iterator

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.decisions import Decisions, FileDecision
from credit_risk_dagster.delivery.delivered import known_decisions
from credit_risk_dagster.delivery.entries import TakenFile
from credit_risk_dagster.delivery.files import passed_over
from credit_risk_dagster.delivery.header import read_header
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.look import sort_files
from credit_risk_dagster.delivery.ruling import Status
from credit_risk_dagster.errors import DeliveryError, PlatformError
from credit_risk_dagster.operations.databases import sqlite_file
from credit_risk_dagster.operations.doctor.finding import Finding, failed, ok, warning
from credit_risk_dagster.settings import Settings

TAKEN_BY = "The sensor takes it when it has settled; `credit-risk run` takes it at once."


def delivery_findings(settings: Settings) -> Iterator[Finding]:
    """Compare the raw folder with the ledger; opens new files for their header alone."""
    folder = settings.raw_folder
    if not folder.is_dir():
        yield failed(
            "raw folder",
            f"{folder} does not exist.",
            "Set CREDIT_RISK_RAW to the folder in which extracts arrive, or mount it.",
        )
        return
    ledger = DeliveryLedger(_database(settings))
    try:
        decisions = known_decisions(settings, ledger)
    except PlatformError as error:
        yield failed("ledger of deliveries", str(error), "Bring the database up; then look again.")
        return
    for source in CONTRACT.sources:
        yield from _source_findings(settings, ledger, source, decisions[source.name])


def _database(settings: Settings) -> str:
    """Return the database of the ledger; where there is none, one that leaves nothing."""
    file = sqlite_file(settings.metrics_store_url)
    return settings.metrics_store_url if file is None or file.exists() else "sqlite://"


def _source_findings(
    settings: Settings, ledger: DeliveryLedger, source: Source, decisions: Decisions
) -> Iterator[Finding]:
    check = f"delivery of {source.name}"
    try:
        known, new = sort_files(settings, ledger, source)
    except DeliveryError as error:
        yield failed(check, str(error), "Open the folder to the platform; then look again.")
        return
    for one in passed_over(settings.raw_folder, source):
        yield warning(
            check,
            f"{one.relative} is {one.reason}, and was passed over.",
            "Copy what it leads to into the raw folder, or mount it there.",
        )
    unread = [file.relative for file in new]
    for file in new:
        name = f"{check}: {file.relative}"
        try:
            read_header(file, source)
        except DeliveryError as error:
            unread.remove(file.relative)
            yield failed(name, str(error), "Correct the file, or ask for it again.")
    if unread:
        shown = ", ".join(unread[:3]) + (", …" if len(unread) > 3 else "")
        yield warning(f"{check}: new", f"Not taken yet: {shown}.", TAKEN_BY)
    there = {file.relative for file in known}
    yield from (_file_finding(check, one) for one in decisions.files if _is_shown(one, there))
    yield _span(check, source, decisions, settings, there, bool(unread))


def _is_shown(one: FileDecision, there: set[str]) -> bool:
    is_there = isinstance(one.file, TakenFile) and one.file.is_there and one.file.path in there
    return is_there and one.status in (Status.REFUSED, Status.WAITING)


def _file_finding(check: str, one: FileDecision) -> Finding:
    name, path = f"{check}: {one.file.path}", one.file.path
    if one.status is Status.REFUSED:
        remedy = f"Correct the file, or `credit-risk deliveries withdraw {path} --why …`."
        return failed(name, one.reason, remedy)
    remedy = f"Ask for what is missing, or `credit-risk deliveries accept {path} --why …`."
    return warning(name, f"Waiting: {one.reason}", remedy)


def _span(
    check: str,
    source: Source,
    decisions: Decisions,
    settings: Settings,
    there: set[str],
    is_new: bool,
) -> Finding:
    span = [
        month
        for month, one in decisions.months.items()
        if one.files and all(file.path in there for file in one.files)
    ]
    if span:
        return ok(check, f"{len(span)} months, {span[0][:7]} to {span[-1][:7]}.")
    if is_new:
        return ok(check, "Its files have not been taken yet.")
    return warning(
        check,
        f"Nothing of {source.files[0]} that counts is in {settings.raw_folder}.",
        "Ask for the extract; months do not start without it.",
    )
