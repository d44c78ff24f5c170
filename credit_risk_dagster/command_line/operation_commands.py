"""The commands of an operator: tables, backup, restore, upgrade, maintain, reindex, doctor."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from credit_risk_dagster.operations.doctor.finding import Finding, worst
from credit_risk_dagster.settings import Settings, load_settings

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
    repair: Annotated[
        bool, typer.Option("--repair", help="First repair damaged logs, as far as that can be.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
    home: Home = None,
) -> None:
    """Check a deployment and say for each thing whether it is well and what to do."""
    from credit_risk_dagster.operations.doctor.diagnosis import diagnose_home

    if repair:
        _repair(load_settings(home))
    findings = diagnose_home(home)
    if as_json:
        lines = [finding.to_dict() for finding in findings]
        sys.stdout.write(
            json.dumps({"status": worst(findings), "findings": lines}, indent=2) + "\n"
        )
    else:
        _print_findings(findings)
    raise typer.Exit(1 if worst(findings) == "failed" else 0)


def _repair(settings: Settings) -> None:
    from credit_risk_dagster.automation.at_work import alone
    from credit_risk_dagster.operations.doctor.stored import repair_logs
    from credit_risk_dagster.resources.instance import open_instance
    from credit_risk_dagster.resources.one_run import only_run

    with open_instance(settings) as instance, alone(settings, instance), only_run(settings, print):
        for line in repair_logs(settings):
            out.print(line, highlight=False)


def maintain(home: Home = None) -> None:
    """Remove what killed runs left, and table versions past their retention."""
    from credit_risk_dagster.automation import maintenance
    from credit_risk_dagster.automation.at_work import alone
    from credit_risk_dagster.resources.instance import open_instance
    from credit_risk_dagster.resources.one_run import only_run

    settings = load_settings(home)
    with open_instance(settings) as instance, alone(settings, instance), only_run(settings, print):
        done = maintenance.maintain(settings, datetime.now(UTC))
    out.print(
        f"Removed {done.left_by_killed_runs} files that killed runs left and {done.expired} files "
        f"of versions older than {settings.retention_days} days: {done.bytes:,} bytes.",
        highlight=False,
    )


def upgrade(home: Home = None) -> None:
    """Take over a home of the release before; the old files are kept."""
    from credit_risk_dagster.automation.at_work import alone
    from credit_risk_dagster.operations.upgrade import OLD_TABLES, upgrade_home
    from credit_risk_dagster.resources.instance import open_instance
    from credit_risk_dagster.resources.tables import open_index

    settings = load_settings(home)
    with open_instance(settings) as instance, alone(settings, instance):
        counts = upgrade_home(settings)
        open_index(settings).rebuild()
    out.print(
        f"Took over {sum(counts.values())} months of {len(counts)} tables, each compared by "
        f"content hash. The old files are in {settings.home / OLD_TABLES}: remove them once you "
        "are content. Next: `credit-risk doctor`, then run all months once, which makes what this "
        "release has added; decisions and issued scores stay as they are.",
        highlight=False,
        soft_wrap=True,
    )


def reindex(home: Home = None) -> None:
    """Make the index of the tables anew from their logs."""
    from credit_risk_dagster.resources.tables import open_index

    commits = open_index(load_settings(home)).rebuild()
    out.print(f"The index was made anew from {commits} commits.", highlight=False)


def tables(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    home: Home = None,
) -> None:
    """List the tables: versions, rows, months, and where they are for any other reader."""
    from credit_risk_dagster.command_line.table_list import print_tables, table_list

    listed = table_list(load_settings(home))
    if as_json:
        sys.stdout.write(json.dumps(listed, indent=2) + "\n")
    else:
        print_tables(out, listed)


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
