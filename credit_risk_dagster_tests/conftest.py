"""What tests of several folders share."""

from collections.abc import Iterator

import pytest

from credit_risk_dagster.engine import Engine
from credit_risk_dagster.resources.engine import engine_resource
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.postgres import PostgresServer, running_postgres


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The product's Spark engine, on the one session of the whole test run."""
    home = tmp_path_factory.mktemp("spark")
    return engine_resource(Settings(home=home, engine="pyspark")).open()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server, up from the first test that asks for it."""
    with running_postgres() as server:
        yield server
