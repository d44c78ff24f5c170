"""The SQL store of what dashboards and alerts read: monitoring facts, conditions and alerts."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.months import first_day

SCHEMA = sa.MetaData()

DIALECTS: dict[str, Any] = {"sqlite": sqlite, "postgresql": postgresql}
"""Both know INSERT … ON CONFLICT DO UPDATE."""

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


class MetricsStore:
    """A database with the tables above, which are made at first use."""

    def __init__(self, url: str) -> None:
        """Name the database; connects to nothing yet.

        Raises:
            PlatformError: if it is of a kind that is not known here.
        """
        self.url = sa.make_url(url)
        if self.url.get_backend_name() not in DIALECTS:
            raise PlatformError(
                f"The metrics store is a database of kind {self.url.get_backend_name()}; "
                "CREDIT_RISK_METRICS_URL has to name sqlite or postgresql."
            )
        self.engine = sa.create_engine(self.url, pool_pre_ping=True)
        self._is_ready = False

    def create(self) -> None:
        """Make the tables that are not there yet.

        Raises:
            PlatformError: if the database cannot be reached.
        """
        if self.url.get_backend_name() == "sqlite" and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        with self.explained():
            SCHEMA.create_all(self.engine)
        self._is_ready = True

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Open a transaction: all of it is written, or nothing.

        Raises:
            PlatformError: if the database fails.
        """
        if not self._is_ready:
            self.create()
        with self.explained(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn an error of the database into one that says which database it is."""
        try:
            yield
        except SQLAlchemyError as error:
            shown = self.url.render_as_string(hide_password=True)
            cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise PlatformError(
                f"The metrics store {shown} failed: {cause}. Check CREDIT_RISK_METRICS_URL and "
                "that the database is up; then run the month again."
            ) from error

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
                connection.execute(self._upsert(table), [{**row, **fixed} for row in rows])

    def _upsert(self, table: sa.Table) -> Any:
        insert = DIALECTS[self.url.get_backend_name()].insert(table)
        keys = {column.name for column in table.primary_key}
        return insert.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={c.name: insert.excluded[c.name] for c in table.columns if c.name not in keys},
        )

    def rows(self, statement: sa.Select[Any]) -> list[dict[str, Any]]:
        """Return the rows of a query as records."""
        with self.transaction() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]
