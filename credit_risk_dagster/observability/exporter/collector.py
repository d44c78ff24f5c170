"""What a scrape gets: parts that are read at most once in a while and fail on their own."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

SECONDS_FRESH = 15.0
"""How long an answer is given again: Prometheus, a person and a health check share one reading."""

SECONDS_PATIENCE = 8.0
"""How long a part may take; less than Prometheus waits for a scrape by default."""

SHOWN_CHARACTERS = 300

Read = Callable[[], Iterable[Metric]]
"""Reads a part of the platform anew."""

log = logging.getLogger(__name__)


class MetricsCollector(Collector):
    """Reads every part when a scrape finds the last reading too old.

    A part that fails, or does not answer in time, gives no values at all: they are missing, not
    stale, and `credit_risk_exporter_up` says so. The others are served as ever.
    """

    def __init__(
        self,
        parts: Mapping[str, Read],
        seconds_fresh: float = SECONDS_FRESH,
        seconds_patience: float = SECONDS_PATIENCE,
    ) -> None:
        self._parts = parts
        self._seconds_fresh = seconds_fresh
        self._seconds_patience = seconds_patience
        self._threads = ThreadPoolExecutor(max_workers=len(parts), thread_name_prefix="part")
        self._at_work: dict[str, Future[list[Metric]]] = {}
        self._faults: dict[str, str | None] = {}
        self._lock = threading.Lock()
        self._metrics: list[Metric] = []
        self._too_old_from = 0.0

    def collect(self) -> list[Metric]:
        """Return the metrics of all parts; scrapes at the same time wait for one reading."""
        with self._lock:
            if time.monotonic() >= self._too_old_from:
                self._metrics = self._read_parts()
                self._too_old_from = time.monotonic() + self._seconds_fresh
            return self._metrics

    def _read_parts(self) -> list[Metric]:
        # A reading that was given up on and has ended since is old: its answer is not used.
        overdue = {name: read for name, read in self._at_work.items() if not read.done()}
        self._at_work = overdue | {
            name: self._threads.submit(_listed, read)
            for name, read in self._parts.items()
            if name not in overdue
        }
        wait(self._at_work.values(), self._seconds_patience)
        up = GaugeMetricFamily(
            "credit_risk_exporter_up",
            "Whether a part of the platform could be read; if not, its metrics are missing.",
            labels=["part"],
        )
        metrics: list[Metric] = [up]
        for name, reading in self._at_work.items():
            fault = self._fault(reading)
            self._tell(name, fault)
            up.add_metric([name], float(fault is None))
            if fault is None:
                metrics += reading.result()
        return metrics

    def _fault(self, reading: Future[list[Metric]]) -> str | None:
        if not reading.done():
            return f"no answer within {self._seconds_patience:g} seconds"
        error = reading.exception()
        if error is None:
            return None
        said = " ".join(str(error).split()) or "no message"
        return f"{type(error).__name__}: {said}"[:SHOWN_CHARACTERS]

    def _tell(self, name: str, fault: str | None) -> None:
        """Log a fault when it comes, when it changes and when it goes, not at every reading."""
        before = self._faults.get(name)
        self._faults[name] = fault
        if fault is not None and fault != before:
            log.error("%s cannot be read, its metrics are missing. %s", name, fault)
        elif fault is None and before is not None:
            log.info("%s can be read again.", name)


def _listed(read: Read) -> list[Metric]:
    return list(read())
