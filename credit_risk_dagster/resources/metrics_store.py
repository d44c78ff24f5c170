"""The SQL store of what dashboards and alerts read: monitoring facts, conditions and alerts."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from credit_risk_dagster.datamart.database import Database
from credit_risk_dagster.months import first_day

SCHEMA = sa.MetaData()

_when = sa.DateTime(timezone=True)

FACTS = sa.Table(
    "monitoring_facts",
    SCHEMA,
    sa.Column("snapshot_date", sa.Date, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("basis", sa.Text, primary_key=True),
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("value", sa.Double),
    sa.Column("lower", sa.Double),
    sa.Column("upper", sa.Double),
    sa.Column("sample_size", sa.BigInteger, nullable=False),
    sa.Column("band", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("model_id", sa.Text),
    sa.Column("model_version", sa.Text),
    sa.Column("computed_at", _when, nullable=False),
)
"""One row per figure of a month; the same figures as the tables of the monitoring layer."""

CONDITIONS = sa.Table(
    "monitoring_conditions",
    SCHEMA,
    sa.Column("snapshot_date", sa.Date, primary_key=True),
    sa.Column("condition", sa.Text, primary_key=True),
    sa.Column("light", sa.Text, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("computed_at", _when, nullable=False),
)
"""The traffic lights of a month."""

ALERTS = sa.Table(
    "alerts",
    SCHEMA,
    sa.Column("condition", sa.Text, primary_key=True),
    sa.Column("snapshot_date", sa.Date, primary_key=True),
    sa.Column("opened_at", _when, primary_key=True),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("recovered_at", _when),
)
"""What people were told of: one row from the alert to its recovery."""

NOTICES = sa.Table(
    "alert_notices",
    SCHEMA,
    sa.Column("condition", sa.Text, primary_key=True),
    sa.Column("snapshot_date", sa.Date, primary_key=True),
    sa.Column("opened_at", _when, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("sent_at", _when, nullable=False),
)
"""Which channel took which notice (`opened` or `recovered`), so that none is sent twice."""


class MetricsStore(Database):
    """The monitoring facts, conditions and alerts of an installation."""

    def __init__(self, url: str) -> None:
        """Name the database; connects to nothing yet.

        Raises:
            PlatformError: if it is of a kind that is not known here.
        """
        super().__init__(url, SCHEMA)

    def replace_month(
        self, table: sa.Table, month: str, rows: Sequence[Mapping[str, Any]], **among: str
    ) -> None:
        """Make the rows of a month what is given: insert, update, and remove what is gone.

        Args:
            table: one of the tables above that has a `snapshot_date`.
            month: the month key.
            rows: all of its columns but `snapshot_date` and those of `among`.
            among: fixed values of further key columns that the rows share.
        """
        fixed = {"snapshot_date": first_day(month), **among}
        keys = [column.name for column in table.primary_key if column.name not in fixed]
        named = (
            [
                sa.tuple_(*(table.c[key] for key in keys)).not_in(
                    [tuple(row[key] for key in keys) for row in rows]
                )
            ]
            if rows
            else []
        )
        gone = sa.delete(table).where(
            *(table.c[name] == value for name, value in fixed.items()), *named
        )
        with self.transaction() as connection:
            connection.execute(gone)
            if rows:
                connection.execute(self.upsert(table), [{**row, **fixed} for row in rows])
