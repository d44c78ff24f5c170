"""What the doctor says of the daemon and of runs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from credit_risk_dagster.operations.doctor.activity import activity_findings
from credit_risk_dagster.operations.doctor.finding import Finding
from credit_risk_dagster.settings import Settings


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp() as instance:
        yield instance


def seen(
    settings: Settings, instance: dg.DagsterInstance, automation: bool = False
) -> dict[str, Finding]:
    changed = settings.model_copy(update={"automation": automation})
    return {finding.check: finding for finding in activity_findings(changed, instance, None)}


def beat(instance: dg.DagsterInstance, ago: timedelta) -> None:
    when = (datetime.now(UTC) - ago).timestamp()
    for name in instance.get_required_daemon_types():
        instance.add_daemon_heartbeat(DaemonHeartbeat(when, name, "1", []))


def test_without_a_daemon_months_are_started_by_hand_unless_automation_is_on(
    installation: Settings, instance: dg.DagsterInstance
) -> None:
    assert seen(installation, instance)["daemon"].status == "ok"
    assert seen(installation, instance, automation=True)["daemon"].status == "failed"


def test_a_daemon_that_beats_is_well_and_one_that_fell_silent_is_not(
    installation: Settings, instance: dg.DagsterInstance
) -> None:
    beat(instance, timedelta(seconds=5))
    assert seen(installation, instance, automation=True)["daemon"].status == "ok"

    beat(instance, timedelta(days=1))
    silent = seen(installation, instance)["daemon"]
    assert silent.status == "warning"
    assert "Not heard of: " in silent.found
    assert seen(installation, instance, automation=True)["daemon"].status == "failed"
