"""The exporter's own process: what it serves, and a thousand scrapes.

That it ends when it is told to, without a stack trace in its log, is asserted wherever it is run.
"""

import re
import socket
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.observability.exporter.server import serve
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.observability.exporter.samples import at
from credit_risk_dagster_tests.scored import CARRIED_OVER, copy_of, scored_installation
from credit_risk_dagster_tests.watched import running_exporter

pytestmark = pytest.mark.slow

SCRAPES = 1_000
GROWTH_BYTES = 4_000_000


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A scored installation, whose facts are in SQLite as by default."""
    return copy_of(scored_installation(tmp_path_factory), tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="module")
def exporter(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_exporter(settings, tmp_path_factory.mktemp("exporter") / "log") as port:
        yield f"http://127.0.0.1:{port}/metrics"


def value(text: str, name: str) -> float:
    (found,) = re.findall(rf"^{re.escape(name)} (\S+)$", text, flags=re.MULTILINE)
    return float(found)


def test_every_part_is_served(exporter: str) -> None:
    with urlopen(exporter, timeout=30) as answer:
        text = answer.read().decode()

    for part in ("store", "datamart", "dagster"):
        assert value(text, f'credit_risk_exporter_up{{part="{part}"}}') == 1
    month = at(CARRIED_OVER).timestamp()
    assert value(text, "credit_risk_facts_month_timestamp_seconds") == month
    assert 0.5 < value(text, 'credit_risk_oot_auc{basis="production",subject="overall"}') <= 1
    assert value(text, 'credit_risk_runs{job="monthly",status="failure"}') == 0


def test_a_thousand_scrapes_do_not_make_it_grow(exporter: str) -> None:
    def resident_bytes(scrapes: int) -> float:
        for _ in range(scrapes):
            with urlopen(exporter, timeout=30) as answer:
                text = answer.read().decode()
        return value(text, "process_resident_memory_bytes")

    before = resident_bytes(50)

    assert resident_bytes(SCRAPES) - before < GROWTH_BYTES


def test_a_port_that_is_taken_is_an_error_in_words(settings: Settings) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PlatformError, match=f"Cannot listen on 127.0.0.1 port {port}: Addr"):
            serve(settings, "127.0.0.1", port)
