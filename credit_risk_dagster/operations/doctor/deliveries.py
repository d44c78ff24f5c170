"""The raw folder: can it be read, what has each source delivered, and which files do not count."""

from collections.abc import Iterator

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.decisions import Decisions, FileDecision, Status
from credit_risk_dagster.delivery.delivered import known_decisions
from credit_risk_dagster.delivery.entries import TakenFile
from credit_risk_dagster.delivery.header import read_header
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.look import new_files
from credit_risk_dagster.errors import DeliveryError, PlatformError
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
    ledger = DeliveryLedger(settings.metrics_store_url)
    try:
        decisions = known_decisions(settings, ledger)
    except PlatformError as error:
        yield failed("ledger of deliveries", str(error), "Bring the database up; then look again.")
        return
    for source in CONTRACT.sources:
        yield from _source_findings(settings, ledger, source, decisions[source.name])


def _source_findings(
    settings: Settings, ledger: DeliveryLedger, source: Source, decisions: Decisions
) -> Iterator[Finding]:
    check = f"delivery of {source.name}"
    try:
        new = {file.relative: file for file in new_files(settings, ledger, source)}
    except DeliveryError as error:
        yield failed(check, str(error), "Open the folder to the platform; then look again.")
        return
    unread = list(new)
    for path, file in new.items():
        try:
            read_header(file, source)
        except DeliveryError as error:
            unread.remove(path)
            yield failed(f"{check}: {path}", str(error), "Correct the file, or ask for it again.")
    if unread:
        shown = ", ".join(unread[:3]) + (", …" if len(unread) > 3 else "")
        yield warning(f"{check}: new", f"Not taken yet: {shown}.", TAKEN_BY)
    yield from (_file_finding(check, one) for one in decisions.files if _is_shown(one, set(new)))
    yield _span(check, source, decisions, settings, bool(unread))


def _is_shown(one: FileDecision, new: set[str]) -> bool:
    is_there = isinstance(one.file, TakenFile) and one.file.is_there
    waits = one.status in (Status.REFUSED, Status.WAITING)
    return is_there and waits and one.file.path not in new


def _file_finding(check: str, one: FileDecision) -> Finding:
    name, path = f"{check}: {one.file.path}", one.file.path
    if one.status is Status.REFUSED:
        remedy = f"Correct the file, or `credit-risk deliveries withdraw {path} --why …`."
        return failed(name, one.reason, remedy)
    remedy = f"Ask for what is missing, or `credit-risk deliveries accept {path} --why …`."
    return warning(name, f"Waiting: {one.reason}", remedy)


def _span(
    check: str, source: Source, decisions: Decisions, settings: Settings, is_new: bool
) -> Finding:
    span = [month for month, one in decisions.months.items() if one.is_there and one.files]
    if span:
        return ok(check, f"{len(span)} months, {span[0][:7]} to {span[-1][:7]}.")
    if is_new:
        return ok(check, "Its files have not been taken yet.")
    return warning(
        check,
        f"Nothing of {source.files[0]} that counts is in {settings.raw_folder}.",
        "Ask for the extract; months do not start without it.",
    )
