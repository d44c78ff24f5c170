"""The command `credit-risk`: demo, run, dev, status, explain."""

import json
import os
import shutil
import subprocess
import sys
import threading
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from credit_risk_dagster.datamart import Datamart
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.model_store import ModelStore
from credit_risk_dagster.months import month_of, month_range, parse_month
from credit_risk_dagster.printing import print_outcome, print_proof, print_status
from credit_risk_dagster.settings import SETTINGS_FILE, Settings, load_settings, save_settings

app = typer.Typer(
    help="Run, inspect and explain the monthly credit-risk platform.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
out, err = Console(), Console(stderr=True)

REPORTS_PORT = 3070
REPORTS_URL = f"http://127.0.0.1:{REPORTS_PORT}"
DEMO_MONTHS, DEMO_APPLICANTS = 30, 500
FRESH = ("raw", "tables", "models", "reports", "mlflow", "dagster", SETTINGS_FILE)

Home = Annotated[Path | None, typer.Option(help="The home of the installation; default: datamart.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def demo(
    months: Annotated[int, typer.Option(min=1, help="Snapshot months.")] = DEMO_MONTHS,
    applicants: Annotated[int, typer.Option(min=1, help="Applicants a month.")] = DEMO_APPLICANTS,
    ending: Annotated[str | None, typer.Option(help="Last month, YYYY-MM; default: now.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Other seeds give other borrowers.")] = 1,
    drift_from: Annotated[str | None, typer.Option(help="Month from which drift sets in.")] = None,
    home: Home = None,
) -> None:
    """Generate a lender's extracts and run every month of them."""
    from credit_risk_dagster.demo.generator import generate
    from credit_risk_dagster.demo.portfolio import DemoPortfolio

    folder = load_settings(home).home
    _start_afresh(folder)
    portfolio = DemoPortfolio(
        last_month=parse_month(ending) if ending else month_of(date.today()),
        months=months,
        applicants_per_month=applicants,
        seed=seed,
        drift_from=drift_from,
    )
    raw = folder / "raw"
    with out.status(f"Generating {months} months of {applicants} applicants"):
        generate(portfolio, raw)
    _run(folder, raw, portfolio.first_month, portfolio.last_month)


@app.command()
def run(
    raw: Annotated[Path | None, typer.Option(help="The folder of the raw extracts.")] = None,
    months: Annotated[
        str | None, typer.Option(help="One month or a range: 2024-01 or 2023-01..2024-12.")
    ] = None,
    home: Home = None,
) -> None:
    """Run months on given raw data; the first run fixes the first month of the installation."""
    settings = load_settings(home)
    first, last = _months(months, settings)
    if not (settings.home / SETTINGS_FILE).exists():
        _run(settings.home, raw or settings.raw_folder, first, last)
        return
    if raw is not None and raw.resolve() != settings.raw_folder.resolve():
        raise PlatformError(
            f"{settings.home} was set up on another raw folder. Give --home another folder for "
            "this data, or change CREDIT_RISK_RAW in its settings.env."
        )
    _run_and_report(settings, first, last)


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="Dagit's port.")] = 3000,
    home: Home = None,
) -> None:
    """Start Dagit and its daemon on this installation, and serve its reports."""
    from credit_risk_dagster.runs import prepare_home

    settings = load_settings(home)
    prepare_home(settings)
    settings.reports_folder.mkdir(parents=True, exist_ok=True)
    _serve_reports(settings.reports_folder)
    environment = {**os.environ, "CREDIT_RISK_HOME": str(settings.home.resolve())}
    dagster = Path(sys.executable).with_name("dagster")
    command = [str(dagster), "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    out.print(f"Dagit: http://127.0.0.1:{port}   reports: {REPORTS_URL}")
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603


@app.command()
def status(
    as_json: AsJson = False,
    months: Annotated[str | None, typer.Option(help="One month or a range.")] = None,
    home: Home = None,
) -> None:
    """Show what is known of every month: decision, model, performance, drift, rows, checks."""
    records = _records(load_settings(home), months)
    if as_json:
        sys.stdout.write(json.dumps(records, indent=2) + "\n")
    else:
        print_status(out, records)


@app.command()
def explain(
    loan_id: Annotated[str, typer.Argument(help="For example CUS_0x1037_2023_01_01.")],
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Show one applicant from raw rows to score: the proof that it used nothing of the future."""
    from credit_risk_dagster.proof import prove_score

    settings = load_settings(home)
    datamart, models = Datamart(settings.home), ModelStore(settings.home / "models")
    proof = prove_score(settings, datamart, models, loan_id)
    if as_json:
        sys.stdout.write(json.dumps(proof.to_dict(), indent=2, default=str) + "\n")
    else:
        print_proof(out, proof)
    raise typer.Exit(0 if all(claim.holds for claim in proof.claims) else 1)


def main() -> None:
    """Run the command; an error that an operator can act on is printed without a stack trace."""
    try:
        app()
    except (PlatformError, ValueError) as error:
        err.print(f"[bold red]Error[/] {error}", highlight=False)
        sys.exit(1)


def _start_afresh(home: Path) -> None:
    """Remove an earlier demo; refuse a home that holds anything else."""
    marker = home / ".demo"
    held = [name for name in FRESH if (home / name).exists()]
    if held and not marker.exists():
        raise PlatformError(
            f"{home} holds data that is not a demo: {', '.join(held)}. "
            "Give --home another folder for the demo."
        )
    for name in held:
        path = home / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    home.mkdir(parents=True, exist_ok=True)
    marker.write_text("Made by credit-risk demo, which may remove it.\n", encoding="utf-8")


def _run(home: Path, raw: Path, first: str, last: str) -> None:
    """Fix raw folder and first month beside the data, then run."""
    save_settings(
        load_settings(home),
        raw=os.path.relpath(raw),
        first_month=first,
        reports_url=REPORTS_URL,
    )
    _run_and_report(load_settings(home), first, last)


def _run_and_report(settings: Settings, first: str, last: str) -> None:
    from credit_risk_dagster.runs import open_instance, run_months

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=err,
    )
    with open_instance(settings) as instance, bar:
        task = bar.add_task(f"{first[:7]} to {last[:7]}", total=None)

        def progress(done: int, total: int, at_work: str) -> None:
            bar.update(task, completed=done, total=total, description=at_work[:60].ljust(60))

        outcome = run_months(settings, instance, first, last, progress)
    print_status(out, _records(settings, f"{first}..{last}"))
    print_outcome(out, outcome)
    if not outcome.succeeded:
        raise typer.Exit(1)


def _records(settings: Settings, months: str | None) -> list[dict[str, object]]:
    from credit_risk_dagster.runs import open_instance
    from credit_risk_dagster.status import failed_checks_by_month, month_records
    from credit_risk_dagster.tables.catalogue import ALL_TABLES

    datamart = Datamart(settings.home)
    known = sorted({month for table in ALL_TABLES for month in datamart.months(table)})
    if months is not None:
        first, last = _months(months, settings)
        known = [month for month in known if first <= month <= last]
    if not known:
        raise PlatformError(
            f"No month has been run in {settings.home} yet. "
            "Start with `credit-risk demo`, or `credit-risk run --raw FOLDER --months A..B`."
        )
    with open_instance(settings) as instance:
        return month_records(datamart, known, failed_checks_by_month(instance))


def _months(text: str | None, settings: Settings) -> tuple[str, str]:
    if text is None:
        return settings.first_month, settings.latest_month(date.today())
    first, _, last = text.partition("..")
    span = parse_month(first), parse_month(last or first)
    if not month_range(*span):
        raise PlatformError(f"{text} ends before it begins: write the earlier month first.")
    return span


def _serve_reports(folder: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", REPORTS_PORT), handler)
    except OSError:
        err.print(f"Port {REPORTS_PORT} is taken: reports are not served, open them in {folder}.")
        return
    threading.Thread(target=server.serve_forever, daemon=True).start()
