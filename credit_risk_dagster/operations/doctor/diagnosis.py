"""All that the doctor looks at, in the order in which it says it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from pydantic import ValidationError

from credit_risk_dagster.automation.at_work import unfinished_run
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations.doctor.activity import activity_findings
from credit_risk_dagster.operations.doctor.connections import connection_findings, dagster_fault
from credit_risk_dagster.operations.doctor.deliveries import delivery_findings
from credit_risk_dagster.operations.doctor.finding import Finding, failed, ok, worst
from credit_risk_dagster.operations.doctor.home import home_findings
from credit_risk_dagster.operations.doctor.months import time_findings
from credit_risk_dagster.operations.doctor.software import software_findings
from credit_risk_dagster.operations.doctor.stored import log_findings, stored_findings
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.settings import PREFIX, Settings, load_settings

NESTED = "__"


def diagnose_home(home: Path | None) -> list[Finding]:
    """Check the installation of a home, the validity of its settings first."""
    try:
        settings = load_settings(home)
    except PlatformError as error:
        return [failed("settings", str(error), "Correct it, or remove the line.")]
    except ValidationError as error:
        return [
            failed(
                "settings",
                f"{_variable(fault['loc'])}: {fault['msg']}.",
                "Correct it in the environment or in settings.env.",
            )
            for fault in error.errors()
        ]
    return diagnose(settings, datetime.now(UTC))


def diagnose(settings: Settings, now: datetime) -> list[Finding]:
    """Check an installation; change nothing of it."""
    return list(_findings(settings, now))


def _findings(settings: Settings, now: datetime) -> Iterator[Finding]:
    yield ok("settings", f"Valid; the engine is {settings.engine}.")
    yield from software_findings(settings)
    fault = dagster_fault(settings)
    if fault is not None:
        yield fault
    with _instance(settings, fault) as instance:
        run_at_work = unfinished_run(instance) if instance is not None else None
        logs = log_findings(settings) if settings.home.is_dir() else []
        logs_are_whole = worst(logs) == "ok"
        yield from home_findings(settings, run_at_work, logs_are_whole)
        yield from logs
        if logs and logs_are_whole:
            yield from stored_findings(settings)
        yield from delivery_findings(settings)
        yield from connection_findings(settings, instance)
        if logs_are_whole:
            yield from time_findings(settings, instance, now)
        if instance is not None:
            yield from activity_findings(settings, instance, run_at_work)


def _instance(
    settings: Settings, fault: Finding | None
) -> AbstractContextManager[dg.DagsterInstance | None]:
    """Open Dagster's instance, unless that fails or would make one."""
    if fault is not None or not settings.dagster_home.is_dir():
        return nullcontext()
    return open_instance(settings)


def _variable(place: tuple[int | str, ...]) -> str:
    return PREFIX + NESTED.join(str(part) for part in place).upper()
