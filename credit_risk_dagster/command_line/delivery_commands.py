"""The command `deliveries`: what came, what became of it, and what a person decides of it."""

import getpass
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from credit_risk_dagster.delivery.decisions import Decisions, FileDecision
from credit_risk_dagster.delivery.delivered import take_arrivals
from credit_risk_dagster.delivery.entries import Action, TakenFile
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.people import (
    accept_file,
    waive_month,
    withdraw_file,
    withdraw_month,
)
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster.months import parse_month
from credit_risk_dagster.settings import Settings, load_settings

deliveries = typer.Typer(
    help="List what was delivered and what became of it; accept, withdraw, waive.",
    invoke_without_command=True,
    no_args_is_help=False,
)
out = Console()

COLOURS = {"accepted": "green", "waiting": "yellow", "refused": "red", "withdrawn": "magenta"}

Home = Annotated[Path | None, typer.Option(help="The home of the installation; default: datamart.")]
File = Annotated[str, typer.Argument(help="The path of the file in the raw folder, or its name.")]
Why = Annotated[str, typer.Option(help="The reason, which is kept with the decision.")]
By = Annotated[str | None, typer.Option(help="Who decides; default: the user logged in.")]
Source = Annotated[str | None, typer.Option(help="The source, for example loans.")]
Month = Annotated[str | None, typer.Option(help="The month, YYYY-MM.")]


@deliveries.callback()
def list_deliveries(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    months: Annotated[
        bool, typer.Option("--months", help="List months and where each comes from.")
    ] = False,
    home: Home = None,
) -> None:
    """List what was delivered, the newest first, and what became of it."""
    if context.invoked_subcommand is not None:
        return
    settings = load_settings(home)
    decisions = _looked_at(settings)
    records = _month_records(decisions) if months else _file_records(decisions)
    if as_json:
        sys.stdout.write(json.dumps(records, indent=2) + "\n")
    else:
        _print(records)


@deliveries.command()
def accept(file: File, why: Why, by: By = None, home: Home = None) -> None:
    """Let a file count that waits for a person, or was withdrawn."""
    settings, ledger = _opened(home)
    action = accept_file(settings, ledger, file, why, by or getpass.getuser(), datetime.now(UTC))
    _told(action, f"{action.path} counts: the months that it holds are due.")


@deliveries.command()
def withdraw(
    why: Why,
    file: Annotated[str | None, typer.Argument(help="The path of the file, or its name.")] = None,
    source: Source = None,
    month: Month = None,
    by: By = None,
    home: Home = None,
) -> None:
    """Let a file count no more, or all that came of a month of a source."""
    settings, ledger = _opened(home)
    who, now = by or getpass.getuser(), datetime.now(UTC)
    if file is not None and source is None and month is None:
        action = withdraw_file(settings, ledger, file, why, who, now)
    elif file is None and source is not None and month is not None:
        action = withdraw_month(settings, ledger, source, parse_month(month), why, who, now)
    else:
        raise DeliveryError("Name a FILE, or both --source and --month.")
    _told(
        action,
        "The delivery before it is taken again, where there is one; other months wait for a new "
        "one, and what was made of them stays until then.",
    )


@deliveries.command()
def waive(
    source: Annotated[str, typer.Option(help="The source, as the contract calls it.")],
    month: Annotated[str, typer.Option(help="The month, YYYY-MM.")],
    why: Why,
    by: By = None,
    home: Home = None,
) -> None:
    """Let a month run without a source."""
    settings, ledger = _opened(home)
    who, now = by or getpass.getuser(), datetime.now(UTC)
    action = waive_month(settings, ledger, source, parse_month(month), why, who, now)
    _told(action, f"{month} is run without {source}, until that is delivered after all.")


def _opened(home: Path | None) -> tuple[Settings, DeliveryLedger]:
    settings = load_settings(home)
    return settings, DeliveryLedger(settings.metrics_store_url)


def _looked_at(settings: Settings) -> dict[str, Decisions]:
    """Look at the folder, so that the list has what came since; read nothing."""
    ledger = DeliveryLedger(settings.metrics_store_url)
    return dict(take_arrivals(settings, ledger, datetime.now(UTC), limit=0).decisions)


def _told(action: Action, consequence: str) -> None:
    what = action.path or f"{action.source} of {str(action.month)[:7]}"
    out.print(f"Taken down: {action.verb} {what}, {action.said}. {consequence}", highlight=False)


def _file_records(decisions: dict[str, Decisions]) -> list[dict[str, Any]]:
    every = [(name, one) for name, decided in decisions.items() for one in decided.files]
    every.sort(key=lambda named: named[1].file.modified, reverse=True)
    return [_file_record(name, one) for name, one in every]


def _file_record(source: str, one: FileDecision) -> dict[str, Any]:
    file = one.file
    record: dict[str, Any] = {
        "file": file.path,
        "source": source,
        "decision": str(one.status),
        "reason": one.reason,
        "months": [month[:7] for month in one.months],
        "size": file.size,
        "modified": file.modified.isoformat(timespec="seconds"),
    }
    if isinstance(file, TakenFile):
        months = file.contents.months.items()
        record |= {
            "is_there": file.is_there,
            "first_seen": file.first_seen.isoformat(timespec="seconds"),
            "sha256": file.contents.sha256,
            "rows": {month[:7]: content.rows.rows for month, content in months},
            "rejected": {month[:7]: content.rejected for month, content in months},
            "undated": file.contents.undated,
        }
    return record


def _month_records(decisions: dict[str, Decisions]) -> list[dict[str, Any]]:
    records = []
    for source, decided in decisions.items():
        for month, chosen in decided.months.items():
            paths = [file.path for file in chosen.files]
            gone = "" if chosen.is_there else "has left the raw folder; what was made of it stays"
            decision = "waived" if chosen.waived else "accepted"
            reason = (chosen.waived or "").removeprefix("waived ") or gone
            records.append(_month_record(source, month, decision, reason, paths))
        for month, without in decided.open.items():
            records.append(_month_record(source, month, str(without.status), without.said, []))
    return sorted(records, key=lambda one: (one["month"], one["source"]), reverse=True)


def _month_record(
    source: str, month: str, decision: str, reason: str, files: list[str]
) -> dict[str, Any]:
    return {
        "month": month[:7],
        "source": source,
        "decision": decision,
        "reason": reason,
        "files": files,
    }


def _print(records: list[dict[str, Any]]) -> None:
    if not records:
        out.print("Nothing has been delivered yet.")
        return
    columns = [
        name
        for name in ("month", "file", "source", "decision", "months", "files")
        if name in records[0]
    ]
    table = Table(*columns, "reason", box=None, padding=(0, 2, 0, 0))
    for record in records:
        colour = COLOURS.get(record["decision"], "default")
        shown = {name: escape(value) for name, value in record.items() if isinstance(value, str)}
        shown["decision"] = f"[{colour}]{record['decision']}[/]"
        for name in ("months", "files"):
            shown[name] = _span(record.get(name, []))
        table.add_row(*(shown[name] for name in columns), escape(record["reason"]))
    out.print(table, highlight=False)


def _span(names: list[str]) -> str:
    if len(names) <= 2:
        return ", ".join(names)
    return f"{names[0]} … {names[-1]} ({len(names)})"
