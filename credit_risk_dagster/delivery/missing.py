"""Why a month of a source cannot be read: what is in the way, and which file to deliver."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.decisions import Decisions, FileDecision
from credit_risk_dagster.delivery.entries import SeenFile, TakenFile
from credit_risk_dagster.delivery.files import DeliveredFile, expected_names
from credit_risk_dagster.delivery.ruling import Status

SHOWN_FILES = 3


def missing_text(
    source: Source,
    month: str,
    decisions: Decisions,
    found: Mapping[str, DeliveredFile],
    folder: Path,
) -> str:
    """Return the error of a month that has no delivery.

    Args:
        source: the source.
        month: the month.
        decisions: what is decided of the source.
        found: its files that are there, by path.
        folder: the raw folder.
    """
    reasons = list(in_the_way(month, decisions, found))
    if not reasons:
        looked_at = [path for path, file in found.items() if file.month in (month, None)]
        reasons = [
            f"no row of it is in {', '.join(looked_at)}"
            if looked_at
            else "there is no file of this source for it, and no cumulative one"
        ]
    said = "; ".join(reasons[:SHOWN_FILES])
    return (
        f"{source.name}: nothing was delivered for {month[:7]}: {said}. Deliver "
        f"{expected_names(source, month)} to {folder}."
    )


def in_the_way(
    month: str, decisions: Decisions, found: Mapping[str, DeliveredFile]
) -> Iterator[str]:
    """Yield what became of the files that hold a month, or may hold it, and do not count."""
    if month in decisions.open:
        yield decisions.open[month].said
    chosen = decisions.months.get(month)
    for file in chosen.files if chosen is not None else ():
        if not file.is_there:
            yield f"{file.path}, which holds it, has left the raw folder"
    of_month = {path for path, file in found.items() if file.month in (month, None)}
    for one in decisions.files:
        if one.file.path in of_month and _is_in_the_way(one, of_month):
            yield _said(one)
        elif isinstance(one.file, TakenFile) and _holds_only_rejected(one.file, month):
            lines = one.file.contents.months[month].rejected
            yield f"all of its {lines} lines in {one.file.path} were rejected"


def _said(one: FileDecision) -> str:
    if one.status is not Status.REFUSED:
        return f"{one.file.path} is {one.status}: {one.reason}"
    return one.reason.removeprefix(f"{one.file.source}: ").removesuffix(".")


def _is_in_the_way(one: FileDecision, there: Collection[str]) -> bool:
    if isinstance(one.file, SeenFile):
        return one.file.path in there
    return one.status is Status.REFUSED and one.file.is_there


def _holds_only_rejected(file: TakenFile, month: str) -> bool:
    content = file.contents.months.get(month)
    counts = file.is_there and file.contents.fault is None
    return counts and content is not None and not content.rows.rows
