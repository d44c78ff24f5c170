"""Facts and lights in a real database: the same ones change nothing, gone ones are removed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.resources.metrics_store import CONDITIONS, FACTS, MetricsStore

MONTH, OTHER = "2024-09-01", "2024-10-01"
NOON = datetime(2024, 9, 6, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MetricsStore]:
    if request.param == "sqlite":
        yield MetricsStore(f"sqlite:///{tmp_path / 'new' / 'metrics.db'}")
        return
    server = request.getfixturevalue("postgres")
    store = MetricsStore(server.create_database(f"metrics_{uuid4().hex[:12]}"))
    yield store
    store.engine.dispose()


def fact(metric: str, value: float | None, **changed: Any) -> dict[str, Any]:
    row = dict.fromkeys(column.name for column in FACTS.columns)
    row |= {"basis": "current", "metric": metric, "subject": "overall", "value": value}
    row |= {"sample_size": 300, "status": "measured", "computed_at": NOON}
    del row["snapshot_date"], row["source"]
    return row | changed


def stored(store: MetricsStore) -> dict[tuple[str, str, str], float | None]:
    rows = store.rows(sa.select(FACTS))
    return {(str(row["snapshot_date"]), row["source"], row["metric"]): row["value"] for row in rows}


def test_facts_are_inserted_updated_and_removed_for_their_month_and_source_alone(
    store: MetricsStore,
) -> None:
    store.replace_month(FACTS, MONTH, [fact("auc", 0.8), fact("gini", 0.6)], source="performance")
    store.replace_month(FACTS, MONTH, [fact("psi", 0.1)], source="drift")
    store.replace_month(FACTS, OTHER, [fact("auc", 0.7)], source="performance")
    store.replace_month(FACTS, MONTH, [fact("auc", 0.9), fact("f1", None)], source="performance")

    assert stored(store) == {
        (MONTH, "performance", "auc"): 0.9,
        (MONTH, "performance", "f1"): None,
        (MONTH, "drift", "psi"): 0.1,
        (OTHER, "performance", "auc"): 0.7,
    }


def test_the_same_facts_again_leave_every_row_as_it_was(store: MetricsStore) -> None:
    facts = [fact("auc", 0.1 + 0.2), fact("gini", 1e-300)]
    store.replace_month(FACTS, MONTH, facts, source="performance")
    before = store.rows(sa.select(FACTS).order_by(FACTS.c.metric))
    store.replace_month(FACTS, MONTH, facts, source="performance")

    assert store.rows(sa.select(FACTS).order_by(FACTS.c.metric)) == before
    assert before[0]["value"] == 0.1 + 0.2


def test_a_month_without_rows_is_emptied(store: MetricsStore) -> None:
    light = {"condition": "drift", "light": "red", "sentence": "x", "computed_at": NOON}
    store.replace_month(CONDITIONS, MONTH, [{**light, "value": 0.3}])
    store.replace_month(CONDITIONS, MONTH, [])
    assert store.rows(sa.select(CONDITIONS)) == []


def test_a_row_that_the_database_refuses_leaves_the_month_as_it_was(store: MetricsStore) -> None:
    store.replace_month(FACTS, MONTH, [fact("auc", 0.8)], source="performance")
    with pytest.raises(PlatformError, match="The metrics store "):
        store.replace_month(
            FACTS, MONTH, [fact("f1", 0.5), fact("auc", 0.9, status=None)], source="performance"
        )
    assert stored(store) == {(MONTH, "performance", "auc"): 0.8}


def test_months_are_dates(store: MetricsStore) -> None:
    store.replace_month(FACTS, MONTH, [fact("auc", 0.8)], source="performance")
    assert store.rows(sa.select(FACTS.c.snapshot_date)) == [{"snapshot_date": date(2024, 9, 1)}]


def test_a_database_that_cannot_be_reached_is_named_without_its_password() -> None:
    store = MetricsStore("postgresql+psycopg2://monitoring:hidden-word@127.0.0.1:1/monitoring")
    with pytest.raises(PlatformError) as failed:
        store.create()
    assert "postgresql+psycopg2://monitoring:***@127.0.0.1:1/monitoring failed" in str(failed.value)
    assert "hidden-word" not in str(failed.value)


def test_a_database_of_another_kind_is_refused() -> None:
    with pytest.raises(PlatformError, match="sqlite or postgresql"):
        MetricsStore("mysql://monitoring@127.0.0.1/monitoring")
