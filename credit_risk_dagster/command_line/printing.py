"""What the command line prints: months as a table, a run's outcome, a proof."""

import shlex
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from credit_risk_dagster.automation.runs import RunOutcome
from credit_risk_dagster.command_line.proof import Proof
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.monitoring.facts import PENDING

BAND_COLOURS = {"stable": "green", "moderate": "yellow", "significant": "red"}
SHOWN_ERRORS = 3
ERROR = "ERROR"
"""The severity of a check that counts as failed, wherever failed checks are counted."""


def print_status(console: Console, records: Sequence[Mapping[str, Any]]) -> None:
    """Print one line a month, and one for the months before there was enough history to train on.

    OOT AUC is that of the logistic regression and of XGBoost, trained in the month; current and
    issued are the AUC on the two bases of performance; failed counts the checks that failed,
    without warnings.
    """
    waiting = list(takewhile(_waits, records))
    if waiting:
        _print_waiting(console, waiting)
    if len(waiting) < len(records):
        console.print(_months_table(records[len(waiting) :]))


def _waits(record: Mapping[str, Any]) -> bool:
    return record["decision"] == "too_little_history" and record["production_model_id"] is None


def _print_waiting(console: Console, records: Sequence[Mapping[str, Any]]) -> None:
    first, last = records[0]["month"][:7], records[-1]["month"][:7]
    span = first if first == last else f"{first} to {last}"
    count = "1 month" if len(records) == 1 else f"{len(records)} months"
    console.print(f"{span}: too little history to train on, {count}.")
    failed: dict[str, list[str]] = {}
    for record in records:
        for check in _failed(record):
            failed.setdefault(f"{check['table']} {check['name']}", []).append(record["month"][:7])
    for name, months in failed.items():
        console.print(f"[red]check failed[/] {name}: {', '.join(months)}")


def _failed(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [check for check in record["failed_checks"] if check["severity"] == ERROR]


def _months_table(records: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(header_style="bold", box=None, padding=(0, 1, 0, 0))
    table.add_column("month", no_wrap=True)
    table.add_column("decision", width=10)
    table.add_column("in production", width=16)
    for name in ("OOT AUC", "current", "issued", "PSI", "scored", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for record in records:
        table.add_row(*_cells(record))
    return table


def print_outcome(console: Console, outcome: RunOutcome, home: Path) -> None:
    """Print how a run ended and where to look next, in the home that it ran in."""
    for error in outcome.errors[:SHOWN_ERRORS]:
        console.print(Panel(error, title="failed", border_style="red"))
    failed = [check for check in outcome.checks if check.severity == ERROR]
    for check in failed:
        console.print(f"[red]check failed[/] {check.table} {check.name}: {check.description}")
    ended = "[green]succeeded[/]" if outcome.succeeded else "[red]failed[/]"
    warned = len(outcome.checks) - len(failed)
    counted = f"checks: {len(failed)} failed, {warned} with a warning"
    console.print(f"Run {outcome.run_id} {ended}; {counted}.")
    where = f"--home {shlex.quote(str(home))}"
    console.print(
        f"Next: `credit-risk dev {where}` for Dagit, `credit-risk status --json {where}` for every "
        f"figure, `credit-risk explain LOAN_ID {where}` for one score.",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def print_alerts(console: Console, records: Sequence[Mapping[str, Any]]) -> None:
    """Print alerts, the newest first."""
    if not records:
        console.print("No alert is open.")
        return
    table = Table(header_style="bold", box=None, padding=(0, 1, 0, 0))
    for name in ("month", "condition", "since", "over", "what was found"):
        table.add_column(name, no_wrap=name in ("month", "since", "over"))
    for record in records:
        over = record["recovered_at"]
        table.add_row(
            f"{record['snapshot_date']:%Y-%m}",
            record["condition"],
            f"{record['opened_at']:%Y-%m-%d %H:%M}",
            f"{over:%Y-%m-%d %H:%M}" if over else "open",
            record["sentence"],
        )
    console.print(table)


def print_proof(console: Console, proof: Proof) -> None:
    """Print a proof, the claims last."""
    console.print(f"[bold]{proof.loan_id}[/], applied in {proof.application_month[:7]}")
    rows = Table(title="Raw rows that were read (personal data masked)")
    for name in ("source", "rows", "first", "last", "file, line of the newest"):
        rows.add_column(name)
    for source, found in proof.raw.items():
        newest = found[-1] if found else None
        month = CONTRACT.source(source).month_header
        rows.add_row(
            source,
            str(len(found)),
            found[0][month] if found else "none",
            newest[month] if newest else "",
            f"{newest['source_file']}, {newest['line_number']}" if newest else "",
        )
    console.print(rows)
    for source, text in proof.corrections.items():
        if text:
            console.print(f"Taken as missing in {source}: {text}")
    _print_pairs(console, "Features at application", proof.features)
    for score in proof.scores:
        _print_pairs(console, f"Score, revision {score['revision']}", score)
    for correction in proof.corrections_since:
        changed = {
            name: f"{one['issued']}, corrected to {one['corrected']}"
            for name, one in correction["features"].items()
        }
        title = f"Features behind revision {correction['revision']}"
        _print_pairs(console, title, changed or {"features": "as at application"})
    _print_pairs(console, "Model", proof.model or {"model": "none was in production"})
    _print_pairs(console, "Outcome", proof.outcome)
    _print_pairs(console, "Content hashes", proof.hashes)
    for claim in proof.claims:
        mark = "[green]holds[/]" if claim.holds else "[red]BROKEN[/]"
        console.print(f"{mark}  {claim.sentence}")


def _print_pairs(console: Console, title: str, pairs: Mapping[str, Any]) -> None:
    table = Table(title=title, show_header=False)
    for name, value in pairs.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        table.add_row(name, shown)
    console.print(table)


def _cells(record: Mapping[str, Any]) -> list[str]:
    candidates = [candidate for candidate in record["candidates"].values() if candidate]
    aucs = "\n".join(_figure(candidate["oot_auc"]) for candidate in candidates)
    performance, drift = record["performance"], record["drift"]
    return [
        record["month"][:7],
        (record["decision"] or "").replace("_", " "),
        _model(record),
        aucs,
        _auc(performance.get("current")),
        _auc(performance.get("issued")),
        _psi(drift),
        str(record["rows_scored"]),
        str(len(_failed(record))),
    ]


def _model(record: Mapping[str, Any]) -> str:
    """Leave out the hash: the month and the candidate tell models apart at a glance."""
    if record["production_action"] is None:
        return "not run"
    model_id: str | None = record["production_model_id"]
    return model_id.rpartition("-")[0].replace("_", " ") if model_id else "none yet"


def _figure(auc: float | None) -> str:
    """Return an AUC, or a dash where one class is missing."""
    return "-" if auc is None else f"{auc:.3f}"


def _auc(basis: Mapping[str, Any] | None) -> str:
    if basis is None:
        return ""
    return "pending" if basis["status"] == PENDING else _figure(basis["auc"])


def _psi(drift: Mapping[str, Any] | None) -> str:
    if drift is None:
        return ""
    colour = BAND_COLOURS[drift["psi_band"]]
    return f"[{colour}]{drift['psi']:.2f}[/]"
