"""Serves the metrics over HTTP until it is told to stop."""

import logging
import signal
import threading
from functools import partial

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.observability.exporter.collector import MetricsCollector, Read
from credit_risk_dagster.observability.exporter.runs import DagsterReader
from credit_risk_dagster.observability.exporter.store import store_metrics
from credit_risk_dagster.observability.exporter.tables import datamart_metrics
from credit_risk_dagster.resources.metrics_store import MetricsStore
from credit_risk_dagster.settings import Settings

log = logging.getLogger(__name__)


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve the metrics of an installation at `/metrics` until SIGTERM or SIGINT.

    Args:
        settings: the installation's.
        host: the address to listen on.
        port: the port to listen on.

    Raises:
        PlatformError: if the port is taken or the address is not one of this machine.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("credit_risk_dagster").setLevel(logging.INFO)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(MetricsCollector(parts(settings)))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise PlatformError(
            f"Cannot listen on {host} port {port}: {error.strerror}. Give --host and --port others."
        ) from error
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    log.info("Metrics of %s on http://%s:%s/metrics", settings.home, host, port)
    stopped.wait()
    server.shutdown()
    thread.join()


def parts(settings: Settings) -> dict[str, Read]:
    """Return the parts of the platform that are read, by name."""
    return {
        "store": partial(store_metrics, MetricsStore(settings.metrics_store_url)),
        "datamart": partial(datamart_metrics, settings),
        "dagster": DagsterReader(settings).metrics,
    }
