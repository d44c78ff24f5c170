"""The metrics store, as metrics: the newest month's facts and the open alerts."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.resources.metrics_store import ALERTS, FACTS, MetricsStore

NOT_EXPORTED = ("vintage", "roll")
"""Bases with a long history of their own and many subjects: they are for SQL."""

SEVERITIES = ("WARN", "ERROR")
"""Counted even where there was never an alert of them: a 0 is known, nothing is not."""

BOUNDS = {
    "value": ("", "{metric} of the newest month."),
    "lower": ("_lower", "Lower end of the interval of {metric}."),
    "upper": ("_upper", "Upper end of the interval of {metric}; of a shift: what noise may give."),
}


def store_metrics(store: MetricsStore) -> Iterator[Metric]:
    """Return the newest month's facts and the number of open alerts.

    Raises:
        PlatformError: if the database cannot be read, or nothing was ever published to it.
    """
    _require_file(store)
    with store.explained(), store.engine.connect() as connection:
        if not sa.inspect(connection).has_table(FACTS.name):
            raise PlatformError(
                f"The metrics store {_shown(store)} is empty: the first month that runs fills it."
            )
        month = connection.scalar(sa.select(sa.func.max(FACTS.c.snapshot_date)))
        facts = connection.execute(
            sa.select(FACTS).where(
                FACTS.c.snapshot_date == month, FACTS.c.basis.not_in(NOT_EXPORTED)
            )
        ).all()
        is_open = sa.func.count().filter(ALERTS.c.recovered_at.is_(None)).label("is_open")
        alerts = connection.execute(
            sa.select(ALERTS.c.severity, is_open).group_by(ALERTS.c.severity)
        ).all()
    if month is not None:
        yield _month_metric(month)
    yield from _fact_metrics(facts)
    yield _alert_metric(alerts)


def _require_file(store: MetricsStore) -> None:
    """Refuse a missing SQLite file, which connecting to it would create."""
    name = store.url.database
    if store.url.get_backend_name() == "sqlite" and not (name and Path(name).exists()):
        raise PlatformError(
            f"There is no metrics store {_shown(store)} yet: the first month that runs makes it."
        )


def _shown(store: MetricsStore) -> str:
    return store.url.render_as_string(hide_password=True)


def _month_metric(month: date) -> Metric:
    metric = GaugeMetricFamily(
        "credit_risk_facts_month_timestamp_seconds",
        "The month that the metrics of drift, performance and portfolio are of.",
    )
    metric.add_metric([], datetime(month.year, month.month, month.day, tzinfo=UTC).timestamp())
    return metric


def _fact_metrics(facts: Sequence[sa.Row[Any]]) -> Iterator[Metric]:
    """Return a metric for each name; a figure that is not known has no sample, never a zero."""
    families: dict[str, GaugeMetricFamily] = {}
    for fact in facts:
        for bound, (suffix, text) in BOUNDS.items():
            figure = getattr(fact, bound)
            if figure is None:
                continue
            name = f"credit_risk_{fact.metric}{suffix}"
            if name not in families:
                families[name] = GaugeMetricFamily(
                    name, text.format(metric=fact.metric), labels=["basis", "subject"]
                )
            families[name].add_metric([fact.basis, fact.subject], figure)
    yield from families.values()


def _alert_metric(alerts: Sequence[sa.Row[Any]]) -> Metric:
    metric = GaugeMetricFamily(
        "credit_risk_open_alerts", "Alerts that have not recovered.", labels=["severity"]
    )
    counts = dict.fromkeys(SEVERITIES, 0)
    counts |= {row.severity: row.is_open for row in alerts}
    for severity, count in counts.items():
        metric.add_metric([severity], count)
    return metric
