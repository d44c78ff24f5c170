"""One run at a time, also where two hosts share an installation: a lock in its database."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg
import sqlalchemy as sa

from credit_risk_dagster.datamart.database import Database
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import Settings

LOCK_NUMBER = 0x43524544_52495343
"""Of PostgreSQL's advisory locks, which are its database's own and end with their session."""

PATIENCE_SECONDS = 3600
SECONDS_BETWEEN_LOOKS = 5

Say = Callable[[str], None]


@contextmanager
def only_run(settings: Settings, say: Say, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Keep runs of other hosts from the tables, once the one that is at work has ended.

    SQLite is of one host, whose runs keep each other away by a file and by Dagster's pool.

    Args:
        settings: the installation.
        say: is told when another run is waited for.
        patience: for how many seconds it is waited for.

    Raises:
        PlatformError: if the other run has not ended by then, or the database fails.
    """
    database = Database(settings.metrics_store_url, sa.MetaData())
    if database.url.get_backend_name() != "postgresql":
        yield
        return
    with database.explained():
        connection = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        _wait_for(database, connection, say, patience)
        yield
    finally:
        connection.invalidate()  # a session that ends gives up its lock, however it ends
        connection.close()
        database.engine.dispose()


def _wait_for(database: Database, connection: sa.Connection, say: Say, patience: float) -> None:
    taken = sa.select(sa.func.pg_try_advisory_lock(LOCK_NUMBER))
    until = time.monotonic() + patience
    while True:
        with database.explained():
            if connection.execute(taken).scalar():
                return
        if time.monotonic() > until:
            raise PlatformError(
                "A run of another host is at work in this installation. Wait for its end, and run "
                "the month again; if its process is gone, its session in PostgreSQL "
                "(pg_stat_activity) holds the lock still: end it there."
            )
        say("A run of another host is at work in this installation: this one waits for its end.")
        time.sleep(SECONDS_BETWEEN_LOOKS)


def datamart_resource(settings: Settings) -> dg.ResourceDefinition:
    """Return the tables of an installation, as a run has them: for itself alone."""

    @dg.resource(description="The tables of the installation, for one run at a time.")
    def tables(context: dg.InitResourceContext) -> Iterator[Datamart]:
        with only_run(settings, context.log.info if context.log else print):
            yield open_datamart(settings)

    return tables
