"""What was told of which alert, in the metrics store: the memory that survives a restart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from credit_risk_dagster.months import first_day
from credit_risk_dagster.observability.alerting.active import Alert
from credit_risk_dagster.resources.metrics_store import ALERTS, NOTICES, MetricsStore

OPENED, RECOVERED = "opened", "recovered"


@dataclass(frozen=True)
class Notice:
    """One message about one alert: that it has opened, or that it is over."""

    kind: str
    alert: Alert
    opened_at: datetime


def record_alerts(store: MetricsStore, active: Sequence[Alert], now: datetime) -> None:
    """Open what is new and close what is over; what goes on stays as it is.

    Args:
        store: the metrics store.
        active: everything that is wrong now.
        now: when this was found.
    """
    wanted = {(alert.condition, alert.month): alert for alert in active}
    with store.transaction() as connection:
        open_rows = connection.execute(
            sa.select(ALERTS).where(ALERTS.c.recovered_at.is_(None))
        ).mappings()
        known = {
            (row["condition"], row["snapshot_date"].isoformat()): dict(row) for row in open_rows
        }
        opened = [_row(alert, now) for key, alert in wanted.items() if key not in known]
        if opened:
            connection.execute(sa.insert(ALERTS), opened)
        for key, row in known.items():
            if key not in wanted:
                connection.execute(
                    sa.update(ALERTS).where(*_same(ALERTS, row)).values(recovered_at=now)
                )


def pending_notices(store: MetricsStore, channel: str) -> list[Notice]:
    """Return what a channel has not taken yet, oldest month first.

    A recovery is told only where the opening was, and not where the same condition has gone over
    into a later month: that month's own alert says so.
    """
    with store.transaction() as connection:
        alerts = [dict(row) for row in connection.execute(sa.select(ALERTS)).mappings()]
        taken = {
            (row["condition"], row["snapshot_date"], row["opened_at"], row["kind"])
            for row in connection.execute(
                sa.select(NOTICES).where(NOTICES.c.channel == channel)
            ).mappings()
        }
    notices = []
    for row in sorted(alerts, key=lambda row: (row["snapshot_date"], row["condition"])):
        key = (row["condition"], row["snapshot_date"], row["opened_at"])
        told = (*key, OPENED) in taken
        if row["recovered_at"] is None and not told:
            notices.append(_notice(OPENED, row))
        over = row["recovered_at"] is not None and (*key, RECOVERED) not in taken
        if told and over and not _goes_on(row, alerts):
            notices.append(_notice(RECOVERED, row))
    return notices


def mark_sent(store: MetricsStore, channel: str, notices: Sequence[Notice], now: datetime) -> None:
    """Remember that a channel took notices."""
    rows = [
        {
            "condition": notice.alert.condition,
            "snapshot_date": first_day(notice.alert.month),
            "opened_at": notice.opened_at,
            "kind": notice.kind,
            "channel": channel,
            "sent_at": now,
        }
        for notice in notices
    ]
    if rows:
        with store.transaction() as connection:
            connection.execute(sa.insert(NOTICES), rows)


def alert_history(store: MetricsStore, only_open: bool) -> list[dict[str, Any]]:
    """Return alerts as records, newest first; all, or those that are open."""
    statement = sa.select(ALERTS).order_by(ALERTS.c.opened_at.desc(), ALERTS.c.snapshot_date.desc())
    if only_open:
        statement = statement.where(ALERTS.c.recovered_at.is_(None))
    return store.rows(statement)


def _row(alert: Alert, now: datetime) -> dict[str, Any]:
    return {
        "condition": alert.condition,
        "snapshot_date": first_day(alert.month),
        "opened_at": now,
        "severity": alert.severity,
        "sentence": alert.sentence,
    }


def _same(table: sa.Table, row: dict[str, Any]) -> list[sa.ColumnElement[bool]]:
    return [column == row[column.name] for column in table.primary_key]


def _goes_on(row: dict[str, Any], alerts: Sequence[dict[str, Any]]) -> bool:
    return any(
        other["condition"] == row["condition"]
        and other["snapshot_date"] > row["snapshot_date"]
        and other["opened_at"] == row["recovered_at"]
        for other in alerts
    )


def _notice(kind: str, row: dict[str, Any]) -> Notice:
    alert = Alert(
        row["condition"], row["snapshot_date"].isoformat(), row["severity"], row["sentence"]
    )
    return Notice(kind, alert, row["opened_at"])
