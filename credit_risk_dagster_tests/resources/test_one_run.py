"""Two hosts that share an installation: the tables are for one run at a time."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dagster as dg
import pytest

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.resources import one_run
from credit_risk_dagster.resources.one_run import only_run
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.automation.ticks import sensor_tick
from credit_risk_dagster_tests.postgres import PostgresServer

ANOTHER_HOST = """
import sys, time
from pathlib import Path
from credit_risk_dagster.resources.one_run import only_run
from credit_risk_dagster.settings import Settings

settings = Settings(home=Path(sys.argv[1]), metrics_url=sys.argv[2])
with only_run(settings, print):
    print("holds", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> str:
    return postgres.create_database("two_hosts")


@pytest.fixture
def settings(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(one_run, "SECONDS_BETWEEN_LOOKS", 0.1)
    return Settings(home=tmp_path, metrics_url=database)


def another_host(settings: Settings) -> "subprocess.Popen[str]":
    """A process with a home of its own that holds the tables."""
    home = settings.home / "another"
    process = subprocess.Popen(
        [sys.executable, "-c", ANOTHER_HOST, str(home), settings.metrics_store_url],
        stdout=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if "CREDIT_RISK" not in name},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holds\n"
    return process


def test_a_run_waits_for_that_of_another_host_and_says_so(settings: Settings) -> None:
    other = another_host(settings)
    said: list[str] = []
    started = time.monotonic()
    ends = threading.Timer(1.5, other.terminate)
    ends.start()
    with only_run(settings, said.append):
        waited = time.monotonic() - started
    ends.join()
    other.wait()
    assert waited >= 1.4
    assert "another host is at work" in said[0]


def test_a_host_that_dies_holds_nothing(settings: Settings) -> None:
    other = another_host(settings)
    other.send_signal(signal.SIGKILL)
    other.wait()
    with only_run(settings, lambda line: None, patience=10):
        pass


def test_a_run_that_waited_for_too_long_is_told_what_to_do(settings: Settings) -> None:
    other = another_host(settings)
    try:
        with (
            pytest.raises(PlatformError, match=r"another host is at work.*pg_stat_activity"),
            only_run(settings, lambda line: None, patience=0.3),
        ):
            pytest.fail("two runs have the tables")
    finally:
        other.kill()
        other.wait()


def test_runs_of_other_installations_are_not_waited_for(
    settings: Settings, postgres: PostgresServer
) -> None:
    unrelated = Settings(home=settings.home, metrics_url=postgres.create_database("unrelated"))
    with only_run(settings, lambda line: None), only_run(unrelated, lambda line: None, patience=0):
        pass


def test_sensors_look_while_a_run_is_at_work(settings: Settings) -> None:
    """A sensor that waited would tell nobody of what goes wrong in a long run."""
    with (
        only_run(settings, lambda line: None),
        dg.DagsterInstance.ephemeral() as instance,
    ):
        started = time.monotonic()
        for name in ("alerts", "training_due"):
            sensor_tick(name, settings, instance)
        assert time.monotonic() - started < 30


def test_an_installation_of_one_host_needs_no_such_lock(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with only_run(settings, lambda line: None), only_run(settings, lambda line: None, patience=0):
        pass
    assert not list(tmp_path.iterdir())
