"""Parts are read at most once in a while, and one that fails is missing, never stale."""

import logging
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest

from credit_risk_dagster.observability.exporter.collector import MetricsCollector, Read


class Part:
    """A part of the platform whose answers a test decides."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.readings = 0
        self.error: Exception | None = None
        self.answers = threading.Event()
        self.answers.set()

    def read(self) -> Iterable[Metric]:
        self.readings += 1
        reading = self.readings
        self.answers.wait()
        if self.error is not None:
            raise self.error
        yield GaugeMetricFamily(f"{self.name}_readings", "How often it was read.", value=reading)


@pytest.fixture
def fine() -> Part:
    return Part("fine")


@pytest.fixture
def shaky() -> Part:
    return Part("shaky")


def collector(*parts: Part, seconds_fresh: float = 0.0, patience: float = 5.0) -> MetricsCollector:
    reads: dict[str, Read] = {part.name: part.read for part in parts}
    return MetricsCollector(reads, seconds_fresh, patience)


def scrape(collected: MetricsCollector) -> dict[str, float]:
    """Return what a scrape gets, by metric and labels."""
    registry = CollectorRegistry()
    registry.register(collected)
    lines = generate_latest(registry).decode().splitlines()
    return {
        name: float(value)
        for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    }


def test_a_part_that_fails_is_down_and_missing_while_the_others_are_served(
    fine: Part, shaky: Part, caplog: pytest.LogCaptureFixture
) -> None:
    collected = collector(fine, shaky)
    before = scrape(collected)
    shaky.error = RuntimeError("the database\nis away")
    during = scrape(collected)

    assert before['credit_risk_exporter_up{part="shaky"}'] == 1
    assert before["shaky_readings"] == 1
    assert during['credit_risk_exporter_up{part="shaky"}'] == 0
    assert during['credit_risk_exporter_up{part="fine"}'] == 1
    assert "shaky_readings" not in during
    assert during["fine_readings"] == 2
    (line,) = caplog.messages
    assert line == (
        "shaky cannot be read, its metrics are missing. RuntimeError: the database is away"
    )
    assert caplog.records[0].exc_info is None


def test_a_fault_is_told_when_it_comes_when_it_changes_and_when_it_goes(
    shaky: Part, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    collected = collector(shaky)
    for error in (None, OSError("away"), OSError("away"), OSError("locked"), None, None):
        shaky.error = error
        scrape(collected)

    assert [message.split(".")[-1].strip() or message for message in caplog.messages] == [
        "OSError: away",
        "OSError: locked",
        "shaky can be read again.",
    ]
    assert scrape(collected)['credit_risk_exporter_up{part="shaky"}'] == 1


def test_a_part_that_hangs_holds_up_nobody_and_its_late_answer_is_not_used(
    fine: Part, shaky: Part
) -> None:
    collected = collector(fine, shaky, patience=0.2)
    shaky.answers.clear()
    hanging = [scrape(collected) for _ in range(3)]
    shaky.answers.set()
    time.sleep(0.1)
    again = scrape(collected)

    assert [found['credit_risk_exporter_up{part="shaky"}'] for found in hanging] == [0, 0, 0]
    assert [found["fine_readings"] for found in hanging] == [1, 2, 3]
    assert shaky.readings == 2, "a part that hangs is not asked again"
    assert again["shaky_readings"] == 2, "the answer is that of a new reading"


def test_scrapes_share_one_reading_until_it_is_too_old(fine: Part) -> None:
    collected = collector(fine, seconds_fresh=0.3)
    with ThreadPoolExecutor(8) as threads:
        at_once = list(threads.map(lambda _: scrape(collected), range(64)))
    time.sleep(0.31)
    later = scrape(collected)

    assert {found["fine_readings"] for found in at_once} == {1}
    assert later["fine_readings"] == 2
