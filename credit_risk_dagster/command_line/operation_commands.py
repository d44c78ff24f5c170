"""The commands of an operator: backup, restore, doctor."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from credit_risk_dagster.operations.doctor.finding import Finding, worst
from credit_risk_dagster.settings import load_settings

out = Console()

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}

Home = Annotated[Path | None, typer.Option(help="The home of the installation; default: datamart.")]
MlflowDatabase = Annotated[
    str | None,
    typer.Option(
        envvar="CREDIT_RISK_MLFLOW_DATABASE",
        help="The database behind an MLflow server; better set in the environment.",
    ),
]
MlflowArtifacts = Annotated[
    Path | None,
    typer.Option(
        envvar="CREDIT_RISK_MLFLOW_FOLDER",
        help="The folder of the artifacts that an MLflow server serves.",
    ),
]


def backup(
    folder: Annotated[Path, typer.Argument(help="Where the backup goes: a new or empty folder.")],
    with_raw: Annotated[
        bool, typer.Option("--with-raw", help="Back up the raw extracts as well.")
    ] = False,
    mlflow_database: MlflowDatabase = None,
    mlflow_artifacts: MlflowArtifacts = None,
    home: Home = None,
) -> None:
    """Back up tables, models, reports, settings, MLflow, Dagster's runs and the metrics store."""
    from credit_risk_dagster.operations.backup import take_backup
    from credit_risk_dagster.operations.places import MlflowServer
    from credit_risk_dagster.resources.instance import open_instance

    settings = load_settings(home)
    server = MlflowServer(mlflow_database, mlflow_artifacts)
    with open_instance(settings) as instance:
        manifest, sha256 = take_backup(settings, instance, folder, server, with_raw)
    size = sum(kept.size for kept in manifest.files.values())
    counted = ", ".join(
        f"{count} {name.replace('_', ' ')}" for name, count in manifest.counts.items()
    )
    out.print(
        f"Backed up {settings.home} to {folder}: {len(manifest.files)} files, {size:,} bytes."
    )
    out.print(f"It holds {counted}; {'with' if with_raw else 'without'} the raw extracts.")
    for missing in manifest.elsewhere:
        out.print(f"[yellow]Not in it[/]: {missing}. Back it up where it is kept.")
    out.print(
        f"Its manifest's SHA-256 is {sha256}. Keep it apart from the backup: "
        "`restore --sha256` shows that nobody changed both.",
        highlight=False,
        soft_wrap=True,
    )


def restore(
    folder: Annotated[Path, typer.Argument(help="The backup.")],
    sha256: Annotated[
        str | None, typer.Option(help="The SHA-256 that backup printed, to be checked.")
    ] = None,
    mlflow_database: MlflowDatabase = None,
    mlflow_artifacts: MlflowArtifacts = None,
    home: Home = None,
) -> None:
    """Restore a backup into an empty home, after every file of it has been verified."""
    from credit_risk_dagster.operations.places import MlflowServer
    from credit_risk_dagster.operations.restore import migrations, restore_backup

    target = load_settings(home).home
    server = MlflowServer(mlflow_database, mlflow_artifacts)
    manifest = restore_backup(folder, target, server, sha256)
    out.print(f"Restored the backup of {manifest.taken_at} to {target}.", highlight=False)
    for missing in manifest.elsewhere:
        out.print(f"[yellow]Not in it[/]: {missing}. Restore it where it is kept.")
    for command in migrations(manifest):
        out.print(f"It is of an older release: run {command} before anything else.")
    raw = load_settings(target).raw_folder
    state = "which is there" if raw.is_dir() else "[yellow]which is not there[/]"
    out.print(f"Extracts are read from {raw}, {state}. Next: `credit-risk doctor --home {target}`.")


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
    home: Home = None,
) -> None:
    """Check a deployment and say for each thing whether it is well and what to do."""
    from credit_risk_dagster.operations.doctor.diagnosis import diagnose_home

    findings = diagnose_home(home)
    if as_json:
        lines = [finding.to_dict() for finding in findings]
        sys.stdout.write(
            json.dumps({"status": worst(findings), "findings": lines}, indent=2) + "\n"
        )
    else:
        _print_findings(findings)
    raise typer.Exit(1 if worst(findings) == "failed" else 0)


def _print_findings(findings: list[Finding]) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        remedy = f"\n[bold]→ {finding.remedy}[/]" if finding.remedy else ""
        colour = COLOURS[finding.status]
        table.add_row(f"[{colour}]{finding.status}[/]", finding.check, finding.found + remedy)
    out.print(table, highlight=False)
