"""Runs of some tables and their checks through Dagster, and what is left of them afterwards."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from credit_risk_dagster.assets.monthly import MONTHLY_JOB, asset_key
from credit_risk_dagster.automation.runs import month_tags
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.maintenance import orphans
from credit_risk_dagster.datamart.place import REFUSED
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_tables(
    settings: Settings,
    instance: dg.DagsterInstance,
    first: str,
    last: str,
    *tables: Table,
    tags: Mapping[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run months of some tables (all, if none is named) with their checks, as the job does."""
    job = build_definitions(settings).resolve_job_def(MONTHLY_JOB)
    return job.execute_in_process(
        instance=instance,
        asset_selection=[asset_key(table) for table in tables] or None,
        tags={**month_tags(first, last), **(tags or {})},
        run_config=QUIET,
        raise_on_error=False,
    )


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Return what the platform says of each failed step; fail if an error is not in its words."""
    said: dict[str, str] = {}
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data.user_failure_data
            assert failure is not None, event.step_failure_data.error
            assert failure.description is not None
            said[str(event.step_key)] = failure.description
    return said


def failed_steps(result: dg.ExecuteInProcessResult) -> list[str]:
    """Return the steps that failed, in order."""
    return [str(event.step_key) for event in result.all_events if event.is_step_failure]


def started_steps(result: dg.ExecuteInProcessResult) -> set[str]:
    """Return the steps that were run, whatever became of them."""
    return {str(event.step_key) for event in result.all_events if event.is_step_start}


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Return what each check found, by `table check`."""
    found = result.get_asset_check_evaluations()
    named = {f"{'/'.join(one.asset_key.path)} {one.check_name}": one for one in found}
    assert len(named) == len(found), "a check was evaluated twice"
    return named


def failed(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Return what each check that did not hold said, by `table check`."""
    return {
        name: str(one.description) for name, one in evaluations(result).items() if not one.passed
    }


def materialized(instance: dg.DagsterInstance, table: Table) -> list[str]:
    """Return the months of a table that Dagster knows as materialized."""
    return sorted(instance.get_materialized_partitions(asset_key(table)))


def assert_nothing_half_written(settings: Settings) -> None:
    """Every file of a table is one that a commit named, and every month is what was written."""
    datamart = Datamart(settings.home)
    assert orphans(datamart, ALL_TABLES) == []
    for table in ALL_TABLES:
        for record in datamart.records(table).values():
            assert datamart.damaged_files(table, record) == []


def refused(settings: Settings, table: Table, month: str) -> Path:
    """Return the folder in which refused rows of a partition are kept aside."""
    return Datamart(settings.home).folder / table.path / REFUSED / month
