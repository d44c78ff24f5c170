"""The database of an installation: SQLite in its home, or PostgreSQL.

What is kept in it are monitoring facts, alerts, an index of what the tables hold, and the ledger of
deliveries.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from credit_risk_dagster.errors import PlatformError

DIALECTS: dict[str, Any] = {"sqlite": sqlite, "postgresql": postgresql}
"""Both know INSERT … ON CONFLICT DO UPDATE."""


class Database:
    """A database with some tables, which are made at first use."""

    def __init__(self, url: str, tables: sa.MetaData) -> None:
        """Name the database and the tables; connects to nothing yet.

        Raises:
            PlatformError: if it is of a kind that is not known here.
        """
        self.url = sa.make_url(url)
        self.tables = tables
        if self.url.get_backend_name() not in DIALECTS:
            raise PlatformError(
                f"The metrics store is a database of kind {self.url.get_backend_name()}; "
                "CREDIT_RISK_METRICS_URL has to name sqlite or postgresql."
            )
        self.engine = sa.create_engine(self.url, pool_pre_ping=True)
        self._is_ready = False

    @property
    def is_made(self) -> bool:
        """Whether there is a database: a file in the home is made at first use only."""
        is_file = self.url.get_backend_name() == "sqlite" and self.url.database
        return not is_file or Path(str(self.url.database)).exists()

    def create(self) -> None:
        """Make the tables that are not there yet.

        Raises:
            PlatformError: if the database cannot be reached.
        """
        if self.url.get_backend_name() == "sqlite" and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        with self.explained():
            self.tables.create_all(self.engine)
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

    def upsert(self, table: sa.Table) -> Any:
        """Return the statement that inserts rows of a table, or updates those that are there."""
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
