"""The metrics store as metrics: the newest month, no zero for what is not known."""

from pathlib import Path
from typing import Any

import pytest

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.observability.exporter.collector import MetricsCollector
from credit_risk_dagster.observability.exporter.server import parts
from credit_risk_dagster.observability.exporter.store import store_metrics
from credit_risk_dagster.resources.metrics_store import ALERTS, FACTS, MetricsStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.observability.exporter.samples import at, samples
from credit_risk_dagster_tests.postgres import running_postgres

OLD, NEW = "2024-05-01", "2024-06-01"


def fact(basis: str, metric: str, subject: str, value: float | None, **others: Any) -> Any:
    return {
        "basis": basis,
        "metric": metric,
        "subject": subject,
        "value": value,
        "lower": None,
        "upper": None,
        "sample_size": 100,
        "band": None,
        "status": "measured",
        "model_id": None,
        "model_version": None,
        "computed_at": at("2024-06-02"),
    } | others


def fill(store: MetricsStore) -> None:
    """Publish two months."""
    old = [fact("current", "auc", "overall", 0.7)]
    new = [
        fact("current", "auc", "overall", 0.8, lower=0.75, upper=0.85),
        fact("issued", "auc", "overall", None, status="pending", band="no scores were issued"),
        fact("score", "psi", "probability", 0.04, upper=0.2),
        fact("vintage", "cumulative_arrears_rate", "2024-01", 0.1),
        fact("roll", "roll_rate", "0 to 1", 0.1),
    ]
    store.replace_month(FACTS, OLD, old, source="performance")
    store.replace_month(FACTS, NEW, new, source="performance")
    opened = {"condition": "drift", "sentence": "It drifts.", "severity": "ERROR"}
    for month, recovered in ((OLD, at("2024-06-03")), (NEW, None)):
        row = opened | {"opened_at": at("2024-06-02"), "recovered_at": recovered}
        store.replace_month(ALERTS, month, [row])


@pytest.fixture
def store(tmp_path: Path) -> MetricsStore:
    return MetricsStore(f"sqlite:///{tmp_path / 'metrics.db'}")


def test_the_newest_months_figures_are_served_with_their_intervals(store: MetricsStore) -> None:
    fill(store)

    assert samples(store_metrics(store)) == {
        "credit_risk_facts_month_timestamp_seconds": at(NEW).timestamp(),
        'credit_risk_auc{basis="current",subject="overall"}': 0.8,
        'credit_risk_auc_lower{basis="current",subject="overall"}': 0.75,
        'credit_risk_auc_upper{basis="current",subject="overall"}': 0.85,
        'credit_risk_psi{basis="score",subject="probability"}': 0.04,
        'credit_risk_psi_upper{basis="score",subject="probability"}': 0.2,
        'credit_risk_open_alerts{severity="WARN"}': 0,
        'credit_risk_open_alerts{severity="ERROR"}': 1,
    }


def test_a_store_that_is_not_there_is_named_and_not_made(
    store: MetricsStore, tmp_path: Path
) -> None:
    with pytest.raises(PlatformError, match=r"no metrics store sqlite:.*metrics\.db yet"):
        samples(store_metrics(store))
    assert not list(tmp_path.iterdir())

    store.engine.connect().close()
    with pytest.raises(PlatformError, match="is empty: the first month that runs fills it"):
        samples(store_metrics(store))


@pytest.mark.slow
def test_a_database_that_goes_away_is_down_and_comes_back(tmp_path: Path) -> None:
    with running_postgres() as server:
        settings = Settings(home=tmp_path, metrics_url=server.create_database("monitoring"))
        fill(MetricsStore(settings.metrics_store_url))
        store = {"store": parts(settings)["store"]}
        collected = MetricsCollector(store, seconds_fresh=0)
        auc, up = 'credit_risk_auc{basis="current",subject="overall"}', "credit_risk_exporter_up"

        before = samples(collected.collect())
        server.stop()
        during = samples(collected.collect())
        server.start()
        after = samples(collected.collect())

    assert before[auc] == after[auc] == 0.8
    assert during == {f'{up}{{part="store"}}': 0}
    assert after[f'{up}{{part="store"}}'] == 1
