"""What the doctor says of the clock and of the month that is due."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from credit_risk_dagster.operations.doctor.finding import Finding
from credit_risk_dagster.operations.doctor.months import time_findings
from credit_risk_dagster.settings import Settings

NOW = datetime.now(UTC)


def seen(
    settings: Settings, now: datetime = NOW, instance: dg.DagsterInstance | None = None
) -> dict[str, Finding]:
    return {finding.check: finding for finding in time_findings(settings, instance, now)}


def test_a_clock_that_is_behind_what_was_written_has_failed(installation: Settings) -> None:
    found = seen(installation, NOW - timedelta(days=365))["clock"]

    assert found.status == "failed"
    assert "Set the clock" in found.remedy
    assert seen(installation, datetime.now(UTC))["clock"].status == "ok"


def test_a_run_from_the_future_is_seen_too(installation: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_run(dg.DagsterRun("monthly", run_id="7" * 8))
        behind = datetime.now(UTC) - timedelta(minutes=6)
        empty = installation.model_copy(update={"home": installation.raw_folder})
        found = seen(empty, behind, instance)["clock"]

    assert found.status == "failed"
    assert "run 77777777 says" in found.found


def test_nothing_written_is_nothing_to_compare_with(patient: Settings) -> None:
    empty = patient.model_copy(update={"home": patient.raw_folder})

    assert "nothing was written yet" in seen(empty)["clock"].found


@pytest.mark.parametrize(
    ("today", "status", "words"),
    [
        ("2024-02-04", "ok", "2024-02 is complete; 2024-03 is due by 2024-03-05."),
        ("2024-03-04", "ok", "2024-02 is complete; 2024-03 is due by 2024-03-05."),
        ("2024-03-05", "failed", "2024-03 was due on day 5 and is not complete; the newest"),
        ("2024-06-01", "failed", "2024-05 was due on day 5 and is not complete; the newest"),
        ("2022-12-31", "ok", "The first month, 2023-01, is not due yet."),
    ],
)
def test_the_month_that_is_due_is_told_from_the_deadline(
    installation: Settings, today: str, status: str, words: str
) -> None:
    running_on = installation.model_copy(update={"last_month": None})

    found = seen(running_on, datetime.fromisoformat(f"{today}T12:00:00+00:00"))["freshness"]

    assert found.status == status
    assert found.found.startswith(words)


def test_an_installation_with_a_last_month_is_never_late_after_it(installation: Settings) -> None:
    assert seen(installation)["freshness"].found == "2024-02, the last month, is complete."


def test_an_installation_without_a_month_says_how_to_begin(patient: Settings) -> None:
    empty = patient.model_copy(update={"home": patient.raw_folder})

    assert seen(empty)["freshness"].status == "warning"
