"""A standalone Spark cluster on this machine: a master and workers of the installed pyspark."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyspark
import requests

from credit_risk_dagster.resources.java import prepare_java
from credit_risk_dagster_tests.ports import free_port, wait_for_port

HOST = "127.0.0.1"
WORKER_MEMORY = "2g"


@dataclass
class SparkCluster:
    """A master and its workers, each a process that can be killed."""

    port: int
    page: int
    workers: list[subprocess.Popen[bytes]]

    @property
    def master(self) -> str:
        return f"spark://{HOST}:{self.port}"

    def state(self) -> dict[str, object]:
        """What the master says of itself: its workers and applications."""
        answer = requests.get(f"http://{HOST}:{self.page}/json/", timeout=10)
        state: dict[str, object] = answer.json()
        return state

    def wait_for_workers(self, count: int, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while self.state()["aliveworkers"] != count:
            assert time.monotonic() < until, self.state()
            time.sleep(0.5)

    def applications(self, which: str) -> list[dict[str, object]]:
        found = self.state()[which]
        assert isinstance(found, list)
        return found


@contextmanager
def spark_cluster(folder: Path, workers: int = 2) -> Iterator[SparkCluster]:
    """Run a cluster; everything of it is gone afterwards."""
    prepare_java(folder / "java")
    launcher = str(Path(pyspark.__file__).parent / "bin" / "spark-class")
    environment = {
        **os.environ,
        "SPARK_LOCAL_IP": HOST,
        "SPARK_NO_DAEMONIZE": "1",
        "SPARK_WORKER_DIR": str(folder / "work"),
    }
    port, page = free_port(), free_port()
    running: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (folder / f"{name}.log").open("wb") as log:
            command = [launcher, f"org.apache.spark.deploy.{arguments[0]}", *arguments[1:]]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        running.append(process)
        return process

    try:
        where = ["--host", HOST, "--port", str(port), "--webui-port", str(page)]
        start("master", "master.Master", *where)
        wait_for_port(port)
        wait_for_port(page)
        cluster = SparkCluster(port, page, [])
        for number in range(workers):
            size = ["--cores", "1", "--memory", WORKER_MEMORY, "--webui-port", str(free_port())]
            started = start(
                f"worker_{number}", "worker.Worker", "--host", HOST, *size, cluster.master
            )
            cluster.workers.append(started)
        cluster.wait_for_workers(workers)
        yield cluster
    finally:
        for process in reversed(running):
            process.kill()
        for process in running:
            process.wait()
