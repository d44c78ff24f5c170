"""Months run one at a time, and a run that died is found out and stands in nobody's way."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.test_utils import create_run_for_test

from credit_risk_dagster.automation.at_work import (
    COMMAND_TAG,
    UNFINISHED,
    alone,
    at_work_text,
    command_tags,
    run_at_work,
)
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.settings import Settings

STARTED, FAILED = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE

AT_WORK_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from dagster import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from credit_risk_dagster.automation.at_work import alone, command_tags
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.settings import Settings

settings = Settings(home=Path(sys.argv[1]))
with open_instance(settings) as instance, alone(settings, instance):
    run = create_run_for_test(instance, job_name="monthly", status=DagsterRunStatus.STARTED)
    instance.add_run_tags(run.run_id, command_tags(run.run_id))
    print(run.run_id, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def instance(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    with open_instance(settings) as opened:
        yield opened


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


@pytest.mark.parametrize("unfinished", UNFINISHED[1:])  # a queued run needs a code location
def test_nothing_runs_beside_a_run_that_is_not_finished(
    settings: Settings, unfinished: dg.DagsterRunStatus
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = create_run_for_test(instance, job_name="monthly", status=unfinished)
        with pytest.raises(PlatformError) as refused, alone(settings, instance):
            pass
        assert str(refused.value) == at_work_text(run.run_id)
        assert run_at_work(settings, instance) == run.run_id


def test_a_command_that_is_at_work_is_waited_for_and_one_that_was_killed_is_not(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("credit_risk_dagster.automation.at_work.PATIENCE_SECONDS", 0.1)
    script = [sys.executable, "-c", AT_WORK_UNTIL_KILLED, str(settings.home)]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        run_id = other.stdout.readline().strip()
        assert run_at_work(settings, instance) == run_id
        with pytest.raises(PlatformError, match=run_id), alone(settings, instance):
            pass
        assert status(instance, run_id) == STARTED
        other.kill()

    with alone(settings, instance):
        assert status(instance, run_id) == FAILED
    assert run_at_work(settings, instance) is None


def test_a_run_of_another_host_or_one_that_dagit_ran_again_is_not_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.home.mkdir()
    with dg.DagsterInstance.ephemeral() as instance:
        run = create_run_for_test(instance, job_name="monthly", status=STARTED)
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr("socket.gethostname", lambda: "elsewhere")
            instance.add_run_tags(run.run_id, command_tags(run.run_id))
        assert run_at_work(settings, instance) == run.run_id
        instance.add_run_tags(run.run_id, command_tags("the run that it repeats"))
        assert run_at_work(settings, instance) == run.run_id
        instance.add_run_tags(run.run_id, command_tags(run.run_id))
        assert run_at_work(settings, instance) is None


def test_the_tag_says_where_to_look_for_the_process() -> None:
    tag = command_tags("5f")[COMMAND_TAG]
    assert tag.startswith("run 5f on ")
    assert tag.rpartition("process ")[2].isdigit()


def test_the_embedded_instance_gives_up_runs_that_died(instance: dg.DagsterInstance) -> None:
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_max_runtime_seconds == 24 * 60 * 60
    with (Path(instance.root_directory) / "dagster.yaml").open(encoding="utf-8") as written:
        assert yaml.safe_load(written)["concurrency"]["pools"]["default_limit"] == 1
