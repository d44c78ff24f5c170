"""The databases that an installation keeps outside of its home: dumped, loaded, examined."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations import postgresql
from credit_risk_dagster.operations.trees import copy_database

CONNECT_SECONDS = 5


def shown(url: str) -> str:
    """Return a database's address without its password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def is_postgresql(url: str) -> bool:
    """Return whether an address is of a PostgreSQL database."""
    return sa.make_url(url).get_backend_name() == "postgresql"


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite database; None for any other address."""
    address = sa.make_url(url) if "://" in url else None
    if address is None or address.get_backend_name() != "sqlite" or not address.database:
        return None
    return Path(address.database).resolve()


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    """Connect to a database for one transaction.

    Raises:
        PlatformError: naming the database, if it cannot be reached or fails.
    """
    arguments = {"connect_timeout": CONNECT_SECONDS} if is_postgresql(url) else {}
    engine = sa.create_engine(url, poolclass=NullPool, connect_args=arguments)
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise PlatformError(
            f"The database {shown(url)} failed: {cause}. Check that it is up, its address and its "
            "password."
        ) from error
    finally:
        engine.dispose()


def refuse_unsupported(name: str, url: str) -> None:
    """Check that a database is of a kind that is backed up here.

    Raises:
        PlatformError: if it is not.
    """
    if not is_postgresql(url) and sqlite_file(url) is None:
        raise PlatformError(
            f"{name} is kept in {shown(url)}; backup and restore know PostgreSQL and SQLite. Use "
            "that database's own tools, and set the store aside."
        )


def dump(url: str, file: Path) -> None:
    """Write a database to a file, as of one moment.

    Raises:
        PlatformError: if it cannot be dumped.
    """
    source = sqlite_file(url)
    if source is not None:
        copy_database(source, file)
        return
    with connected(url) as connection:
        release = postgresql.server_release(connection)
    postgresql.dump(sa.make_url(url), release, file)


def load(url: str, file: Path) -> None:
    """Fill an empty database from its dump: all of it, or nothing.

    Raises:
        PlatformError: if it cannot be loaded.
    """
    target = sqlite_file(url)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        copy_database(file, target)
        return
    with connected(url) as connection:
        release = postgresql.server_release(connection)
    postgresql.load(sa.make_url(url), release, file)


def refuse_filled(name: str, url: str) -> None:
    """Check that a database can be restored into.

    Raises:
        PlatformError: if it holds tables, or cannot be reached.
    """
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return
    with connected(url) as connection:
        tables = sa.inspect(connection).get_table_names()
    if tables:
        raise PlatformError(
            f"The database of {name}, {shown(url)}, is not empty: it holds {tables[0]} and "
            f"{len(tables) - 1} more tables. Stop the services that use it and give restore an "
            "empty database."
        )
