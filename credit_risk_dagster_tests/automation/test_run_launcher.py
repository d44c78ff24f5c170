"""Whether run monitoring learns what became of a run, from a real code location."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test
from dagster._grpc.client import DagsterGrpcClient

from credit_risk_dagster.automation.run_launcher import WatchedRunLauncher
from credit_risk_dagster_tests.ports import free_port

LAUNCHER = {
    "run_launcher": {
        "module": "credit_risk_dagster.automation.run_launcher",
        "class": "WatchedRunLauncher",
    },
    "run_monitoring": {"enabled": True},
}
EMPTY = "import dagster as dg\ndefs = dg.Definitions()\n"
STARTED_WITHIN_SECONDS = 60


@pytest.fixture(scope="module")
def code_location(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A code location that has just been started; its port."""
    file, port = tmp_path_factory.mktemp("location") / "location.py", free_port()
    file.write_text(EMPTY)
    command = [sys.executable, "-m", "credit_risk_dagster.automation.code_location", "api", "grpc"]
    process = subprocess.Popen([*command, "--port", str(port), "--python-file", str(file)])
    client, deadline = DagsterGrpcClient(port=port), time.monotonic() + STARTED_WITHIN_SECONDS
    try:
        while client.health_check_query() != "SERVING":
            assert time.monotonic() < deadline, "the code location does not answer"
            time.sleep(0.2)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STARTED_WITHIN_SECONDS)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(overrides=LAUNCHER, temp_dir=str(tmp_path)) as instance:
        yield instance


def run_at(instance: dg.DagsterInstance, port: int | None) -> dg.DagsterRun:
    """Return a run that was started in the code location at a port."""
    tags = {} if port is None else {GRPC_INFO_TAG: f'{{"host": "127.0.0.1", "port": {port}}}'}
    return create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED, tags=tags)


def launcher_of(instance: dg.DagsterInstance) -> WatchedRunLauncher:
    assert isinstance(instance.run_launcher, WatchedRunLauncher)
    return instance.run_launcher


def test_run_monitoring_may_ask(instance: dg.DagsterInstance) -> None:
    assert launcher_of(instance).supports_check_run_worker_health


def test_a_run_that_a_restarted_code_location_does_not_know_is_lost(
    instance: dg.DagsterInstance, code_location: int
) -> None:
    health = launcher_of(instance).check_run_worker_health(run_at(instance, code_location))

    assert health.status is WorkerStatus.NOT_FOUND
    assert "the code location was restarted" in str(health.msg)


def test_a_code_location_that_does_not_answer_says_nothing_of_its_runs(
    instance: dg.DagsterInstance,
) -> None:
    with pytest.raises(DagsterUserCodeUnreachableError):
        launcher_of(instance).check_run_worker_health(run_at(instance, free_port()))


def test_a_run_that_was_not_launched_in_a_code_location_is_not_lost(
    instance: dg.DagsterInstance,
) -> None:
    health = launcher_of(instance).check_run_worker_health(run_at(instance, None))

    assert health.status is WorkerStatus.RUNNING
