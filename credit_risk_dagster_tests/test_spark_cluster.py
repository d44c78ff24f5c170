"""Months on a real Spark cluster of a master and two workers; started by `pytest -m cluster`."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.installation import content, run
from credit_risk_dagster_tests.scored import CARRIED_OVER, WAITING, copy_of, scored_installation
from credit_risk_dagster_tests.spark_cluster import SparkCluster, spark_cluster

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    with spark_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with a model in production, and a month that is not run yet."""
    return scored_installation(tmp_path_factory)


def run_on(master: str, scored: Settings, folder: Path) -> Settings:
    """Run the newest months of a copy of the installation on Spark."""
    settings = copy_of(scored, folder, engine="pyspark", spark_master=master)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(settings.dagster_home))
        with open_instance(settings) as instance:
            run(settings, instance, CARRIED_OVER, WAITING)
    return settings


def rows_of(settings: Settings) -> dict[str, Any]:
    """What every partition holds: content hashes, also of the tables beside it."""
    return {partition: one[:2] for partition, one in content(settings).items()}


@pytest.fixture(scope="module")
def on_cluster(
    cluster: SparkCluster, scored: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    return run_on(cluster.master, scored, tmp_path_factory.mktemp("whole"))


def test_months_ran_on_the_workers_of_the_cluster(
    cluster: SparkCluster, on_cluster: Settings
) -> None:
    known = cluster.applications("activeapps") + cluster.applications("completedapps")
    assert known, "the master has seen the application"
    scores = open_datamart(on_cluster).required_record(PREDICTIONS, WAITING)
    assert scores.facts["status"] == "scored"
    assert scores.rows > 0


def test_a_worker_that_is_killed_half_way_changes_nothing(
    cluster: SparkCluster, on_cluster: Settings, scored: Settings, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill_when_at_work() -> None:
        """Kill a worker with its executor while silver of the month is being written."""
        silver = tmp_path / "home" / "tables" / "silver"
        while not list(silver.glob(f"*/snapshot_date={WAITING}/*.parquet")):
            time.sleep(0.05)
        worker = psutil.Process(cluster.workers[0].pid)
        family = [*worker.children(recursive=True), worker]
        for process in family:
            process.send_signal(signal.SIGKILL)
        killed.extend(process.pid for process in family)

    killer = threading.Thread(target=kill_when_at_work)
    killer.start()
    settings = run_on(cluster.master, scored, tmp_path)
    killer.join()
    assert len(killed) >= 2, "the worker and its executor"
    cluster.wait_for_workers(1)
    assert rows_of(settings) == rows_of(on_cluster)
