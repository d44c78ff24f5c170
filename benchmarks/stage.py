"""One stage of the platform in this process, measured: the command starts one process a stage."""

import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

import dagster as dg

from benchmarks.meter import CHECKS, EventMeter
from benchmarks.usage import NOTHING, Figures, peak_megabytes, usage_now
from credit_risk_dagster.assets.monthly import MONTHLY_JOB, asset_key
from credit_risk_dagster.automation.runs import month_tags, run_months
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import Settings, load_settings
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE, LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import FACT_TABLES, REPORT
from credit_risk_dagster.tables.panel import SO_FAR
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.silver import SILVER
from credit_risk_dagster.tables.training import CANDIDATE_TABLES, TRAINING_DECISION

WHOLE = "whole"
TABLE_STAGES: Mapping[str, tuple[Table, ...]] = {
    "bronze": tuple(BRONZE.values()),
    "silver": (*SILVER.values(), *SO_FAR.values()),
    "gold": (FEATURES_TABLE, LABELS, COHORT),
}
STAGES: Mapping[str, tuple[Table, ...]] = {
    **TABLE_STAGES,
    "training": (TRAINING_DECISION, *CANDIDATE_TABLES.values(), PRODUCTION_MODEL),
    "scoring": (PREDICTIONS,),
    "monitoring": (*FACT_TABLES.values(), REPORT),
}


def run_stage(settings: Settings, stage: str, first: str, last: str, meter: EventMeter) -> None:
    """Run a stage of a range of months with its checks, or the whole as `credit-risk run` does.

    Raises:
        SystemExit: with what failed.
    """
    definitions = build_definitions(settings)
    with cast(AbstractContextManager[dg.DagsterInstance], open_instance(settings)) as instance:
        meter.attach(instance)
        if stage == WHOLE:
            errors = list(run_months(settings, instance, definitions, first, last).errors)
        else:
            errors = run_tables(instance, definitions, STAGES[stage], first, last)
    if errors:
        raise SystemExit(f"{stage} failed: {'; '.join(errors)}")


def run_tables(
    instance: dg.DagsterInstance,
    definitions: dg.Definitions,
    tables: tuple[Table, ...],
    first: str,
    last: str,
) -> list[str]:
    """Run a range of months of some tables with their checks; return the steps that failed."""
    result = definitions.resolve_job_def(MONTHLY_JOB).execute_in_process(
        instance=instance,
        asset_selection=[asset_key(table) for table in tables],
        tags=month_tags(first, last),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )
    return [str(event.step_key) for event in result.all_events if event.is_step_failure]


def rows_of(datamart: Datamart, tables: tuple[Table, ...], months: list[str] | None = None) -> int:
    """Return the rows of tables and of those beside them, of some months or of all."""
    records = [
        record
        for table in tables
        for month, record in datamart.records(table).items()
        if months is None or month in months
    ]
    return sum(
        record.rows + sum(beside.rows for beside in record.beside.values()) for record in records
    )


def figures(meter: EventMeter, rows: int) -> Figures:
    """Return what this process took: all of it, and the parts of its CPU seconds."""
    total, begun = usage_now(), meter.first_step or NOTHING
    checks = sum(used.cpu for step, used in meter.steps.items() if step.endswith(CHECKS))
    return {
        "cpu": total.cpu,
        "start_cpu": begun.cpu,
        "checks_cpu": checks,
        "events_cpu": meter.event_cpu,
        "work_cpu": total.cpu - begun.cpu - checks - meter.event_cpu,
        "events": meter.written,
        "event_writes_cpu": meter.write_cpu,
        "peak_mb": peak_megabytes(),
        "read": total.read - begun.read,
        "written": total.written - begun.written,
        "rows": rows,
    }


def main(home: Path, stage: str, first: str, last: str, report: Path) -> None:
    """Run a stage and write its figures."""
    settings, meter = load_settings(home), EventMeter()
    run_stage(settings, stage, first, last, meter)
    rows = rows_of(open_datamart(settings), STAGES.get(stage, ALL_TABLES))
    found = figures(meter, rows)
    steps = {step: used.cpu for step, used in meter.steps.items()}
    report.write_text(json.dumps(found | {"steps": steps}), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:5], Path(sys.argv[5]))
