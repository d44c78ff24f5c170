"""Months on a real Spark cluster of a master and two workers; started by `pytest -m cluster`."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.installation import content, generated, run, small_installation
from credit_risk_dagster_tests.spark_cluster import SparkCluster, spark_cluster

pytestmark = pytest.mark.cluster

PORTFOLIO = DemoPortfolio("2024-03", months=14, applicants_per_month=60)
FIRST, LAST = PORTFOLIO.first_month, PORTFOLIO.last_month


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    with spark_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def life(folder: Path, raw: Path, **chosen: Any) -> Settings:
    """Run all months of the portfolio with an engine."""
    overrides = {"policy": {"train_months": 4, "test_months": 1, "out_of_time_months": 1}}
    settings = small_installation(
        folder / "home", raw, PORTFOLIO, **(overrides | {"tuning": {"trials": 1}} | chosen)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(settings.dagster_home))
        with open_instance(settings) as instance:
            run(settings, instance, FIRST, LAST)
    return settings


def rows_of(settings: Settings) -> dict[str, Any]:
    """What every partition holds, but for the names of inputs' engines."""
    return {partition: one[:2] for partition, one in content(settings).items()}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated(PORTFOLIO, tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def on_cluster(
    cluster: SparkCluster, raw: Path, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    return life(
        tmp_path_factory.mktemp("whole"), raw, engine="pyspark", spark_master=cluster.master
    )


def test_a_life_on_the_cluster_ran_on_its_workers(
    cluster: SparkCluster, on_cluster: Settings
) -> None:
    known = cluster.applications("activeapps") + cluster.applications("completedapps")
    assert known, "the master has seen the application"


def test_what_the_cluster_makes_is_what_one_machine_makes(
    on_cluster: Settings, raw: Path, tmp_path: Path
) -> None:
    here = life(tmp_path, raw, engine="pyspark", spark_master="local[2]")
    assert rows_of(on_cluster) == rows_of(here)


def test_a_worker_that_is_killed_half_way_changes_nothing(
    cluster: SparkCluster, on_cluster: Settings, raw: Path, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill_when_at_work() -> None:
        """Kill a worker with its executor once some months of silver are there."""
        begun = tmp_path / "home" / "tables" / "silver"
        while not list(begun.rglob("*.parquet")):
            time.sleep(0.2)
        worker = psutil.Process(cluster.workers[0].pid)
        family = [*worker.children(recursive=True), worker]
        for process in family:
            process.send_signal(signal.SIGKILL)
        killed.extend(process.pid for process in family)

    killer = threading.Thread(target=kill_when_at_work)
    killer.start()
    settings = life(tmp_path, raw, engine="pyspark", spark_master=cluster.master)
    killer.join()
    assert len(killed) >= 2, "the worker and its executor"
    cluster.wait_for_workers(1)
    assert rows_of(settings) == rows_of(on_cluster)
