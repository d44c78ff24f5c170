"""The command `credit-risk`: demo, runs, Dagit, figures, proofs, operations, contracts."""

import json
import os
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from credit_risk_dagster.command_line.contract_commands import contract_commands
from credit_risk_dagster.command_line.delivery_commands import deliveries
from credit_risk_dagster.command_line.operation_commands import (
    backup,
    doctor,
    maintain,
    reindex,
    restore,
    tables,
    upgrade,
)
from credit_risk_dagster.command_line.printing import (
    print_alerts,
    print_outcome,
    print_proof,
    print_status,
)
from credit_risk_dagster.command_line.set_up import (
    begin_demo,
    known_months,
    mark_demo,
    require_snapshot,
    set_up,
)
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.months import month_of, month_range, parse_month
from credit_risk_dagster.resources.model_store import open_models
from credit_risk_dagster.resources.tables import open_datamart, open_index
from credit_risk_dagster.settings import Settings, load_settings

app = typer.Typer(
    help="Run, inspect and explain the monthly credit-risk platform.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
out, err = Console(), Console(stderr=True)

REPORTS_PORT = 3070
REPORTS_URL = f"http://127.0.0.1:{REPORTS_PORT}"
DEMO_MONTHS, DEMO_APPLICANTS = 30, 500

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

    settings = load_settings(home)
    portfolio = DemoPortfolio(
        last_month=parse_month(ending) if ending else month_of(date.today()),
        months=months,
        applicants_per_month=applicants,
        seed=seed,
        drift_from=drift_from,
    )
    require_snapshot(settings, portfolio.last_month)
    begin_demo(settings)
    with out.status(f"Generating {months} months of {applicants} applicants"):
        generate(portfolio, settings.home / "raw")
    mark_demo(settings.home)
    _run(settings, None, portfolio.first_month, portfolio.last_month)


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
    _run(settings, raw, *_months(months, settings))


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="Dagit's port.")] = 3000,
    home: Home = None,
) -> None:
    """Start Dagit and its daemon on this installation, and serve its reports; Ctrl-C ends all."""
    from credit_risk_dagster.command_line.dagit import (
        dagit_command,
        only_dagit,
        require_free,
        serve_dagit,
        serve_reports,
    )
    from credit_risk_dagster.resources.instance import prepare_home

    settings = load_settings(home)
    prepare_home(settings)
    settings.reports_folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "CREDIT_RISK_HOME": str(settings.home.resolve())}
    with only_dagit(settings) as lock:
        require_free(port)
        if not serve_reports(settings.reports_folder, REPORTS_PORT):
            err.print(
                f"Port {REPORTS_PORT} is taken: reports are not served, open them in "
                f"{settings.reports_folder}."
            )
        out.print(f"Dagit: http://127.0.0.1:{port}   reports: {REPORTS_URL}   end: Ctrl-C")
        code = serve_dagit(dagit_command(port), lock, environment)
    raise typer.Exit(code)


@app.command()
def status(
    as_json: AsJson = False,
    months: Annotated[str | None, typer.Option(help="One month or a range.")] = None,
    home: Home = None,
) -> None:
    """Show what is known of every month: decision, model, performance, drift, rows, checks."""
    settings = load_settings(home)
    records = _records(settings, months)
    if not records:
        raise PlatformError(
            f"No month{f' of {months}' if months else ''} has been run in {settings.home} yet. "
            "Start with `credit-risk demo`, or `credit-risk run --raw FOLDER --months A..B`."
        )
    if as_json:
        sys.stdout.write(json.dumps(records, indent=2) + "\n")
    else:
        print_status(out, records)


@app.command()
def explain(
    loan_id: Annotated[str, typer.Argument(help="The loan, as the loan book names it.")],
    as_of: Annotated[
        str | None,
        typer.Option(help="Read everything as it was known at the end of this day, YYYY-MM-DD."),
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Show one applicant from raw rows to score, as of the day on which the score was issued.

    The proof that it used nothing of the future.
    """
    from credit_risk_dagster.command_line.proof import prove_score

    settings = load_settings(home)
    datamart, models = open_datamart(settings), open_models(settings)
    moment = end_of_day(as_of) if as_of else None
    proof = prove_score(settings, datamart, models, loan_id, moment)
    if as_json:
        sys.stdout.write(json.dumps(proof.to_dict(), indent=2, default=str) + "\n")
    else:
        print_proof(out, proof)
    raise typer.Exit(0 if all(claim.holds for claim in proof.claims) else 1)


@app.command()
def alerts(
    as_json: AsJson = False,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    home: Home = None,
) -> None:
    """List the alerts that are open: what was told, of which month, since when."""
    from credit_risk_dagster.observability.alerting.ledger import alert_history
    from credit_risk_dagster.resources.metrics_store import MetricsStore

    store = MetricsStore(load_settings(home).metrics_store_url)
    records = alert_history(store, only_open=not everything)
    if as_json:
        sys.stdout.write(json.dumps(records, indent=2, default=str) + "\n")
    else:
        print_alerts(out, records)


@app.command()
def exporter(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 9464,
    home: Home = None,
) -> None:
    """Serve the latest figures, runs and checks to Prometheus."""
    from credit_risk_dagster.observability.exporter.server import serve

    serve(load_settings(home), host, port)


for command in (tables, backup, restore, upgrade, maintain, reindex, doctor):
    app.command()(command)
app.add_typer(deliveries, name="deliveries")
app.add_typer(contract_commands, name="contract")


def main() -> None:
    """Run the command; an error that an operator can act on is printed without a stack trace."""
    try:
        app()
    except (PlatformError, ValueError) as error:
        err.print(f"[bold red]Error[/] {escape(str(error))}", highlight=False)
        sys.exit(1)


def _run(settings: Settings, raw: Path | None, first: str, last: str) -> None:
    """Set up what is not set up yet, run, and report."""
    from credit_risk_dagster.automation.runs import run_months
    from credit_risk_dagster.definitions import build_definitions
    from credit_risk_dagster.resources.instance import open_instance

    settings = set_up(settings, raw, first, last, REPORTS_URL)
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

        definitions = build_definitions(settings)
        outcome = run_months(settings, instance, definitions, first, last, progress)
    print_outcome(out, outcome, settings.home)
    print_status(out, _records(settings, f"{first}..{last}"))
    if not outcome.succeeded:
        raise typer.Exit(1)


def _records(settings: Settings, months: str | None) -> list[dict[str, object]]:
    from credit_risk_dagster.checks.history import failed_checks_by_month
    from credit_risk_dagster.command_line.status import month_records
    from credit_risk_dagster.resources.instance import open_instance

    known = known_months(settings.home)
    if months is not None:
        first, last = _months(months, settings)
        known = [month for month in known if first <= month <= last]
    if not known:
        return []
    with open_instance(settings) as instance:
        return month_records(
            open_datamart(settings), open_index(settings), known, failed_checks_by_month(instance)
        )


def _months(text: str | None, settings: Settings) -> tuple[str, str]:
    if text is None:
        return settings.first_month, settings.latest_month(date.today())
    first, _, last = text.partition("..")
    span = parse_month(first), parse_month(last or first)
    if not month_range(*span):
        raise PlatformError(f"{text} ends before it begins: write the earlier month first.")
    return span


def end_of_day(text: str) -> datetime:
    """Return the last moment of a day, in UTC.

    Raises:
        PlatformError: if it is not written YYYY-MM-DD.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise PlatformError(f"{text!r} is not a day: write it as YYYY-MM-DD.") from None
    return datetime.combine(day, time.max, UTC)
