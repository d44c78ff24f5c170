"""A real Prometheus with the product's own configuration, and its programs where they are found."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from credit_risk_dagster_tests.ports import free_port

TOP = Path(__file__).resolve().parents[1]
CONFIGURATION = TOP / "deploy" / "prometheus"
READY_WITHIN_SECONDS = 60

Series = dict[str, Any]


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    url: str

    def query(self, expression: str) -> list[Series]:
        """Return what an expression gives now."""
        return self._data("query", query=expression)

    def query_range(self, expression: str, seconds: int) -> list[Series]:
        """Return what an expression gave over the last seconds."""
        now = time.time()
        return self._data(
            "query_range",
            query=expression,
            start=now - seconds,
            end=now,
            step=max(1, seconds // 500),
        )

    def value(self, expression: str) -> float:
        """Return the one value that an expression gives now."""
        (series,) = self.query(expression)
        return float(series["value"][1])

    def wait_for(self, expression: str) -> list[Series]:
        """Return what an expression gives as soon as it gives anything."""
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not (found := self.query(expression)):
            assert time.monotonic() < deadline, f"{expression} stays empty"
            time.sleep(0.2)
        return found

    def _data(self, kind: str, **parameters: object) -> list[Series]:
        answer = requests.get(f"{self.url}/api/v1/{kind}", params=parameters, timeout=30).json()
        assert answer["status"] == "success", (parameters, answer)
        found: list[Series] = answer["data"]["result"]
        return found


def program(name: str) -> Path:
    """Return a program of Prometheus, or skip the test where there is none."""
    fetched = TOP / ".prometheus" / "bin" / name
    found = shutil.which(name) or (str(fetched) if fetched.exists() else None)
    if found is None:
        pytest.skip(f"no {name} here: .ci/fetch-prometheus fetches it")
    return Path(found)


@contextmanager
def running_prometheus(folder: Path, exporter_port: int) -> Iterator[Prometheus]:
    """Run the product's configuration and rules against an exporter, scraping every second."""
    shutil.copytree(CONFIGURATION, folder / "configuration")
    config = folder / "configuration" / "prometheus.yml"
    text = config.read_text().replace("exporter:9464", f"127.0.0.1:{exporter_port}")
    config.write_text(text.replace("_interval: 30s", "_interval: 1s"))
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(program("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server = Prometheus(f"http://{address}")
        wait_until_it_answers(f"{server.url}/-/ready", process, folder / "prometheus.log")
        yield server
    finally:
        process.terminate()
        process.wait(30)


def wait_until_it_answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a server that was started answers; fail with its log if it ends or does not."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while True:
        try:
            if requests.get(url, timeout=30).ok:
                return
        except requests.ConnectionError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
