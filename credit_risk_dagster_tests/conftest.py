"""What tests of several folders share."""

from collections.abc import Iterator

import pytest

from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.resources.engine import engine_resource
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.object_store import S3Server, s3_server
from credit_risk_dagster_tests.postgres import PostgresServer, running_postgres

LONGEST = (
    "test_native.py",
    "test_second_lender.py",
    "test_lender_sample.py",
    "test_cli.py",
    "test_identity.py",
    "test_engine_agreement.py",
    "test_panels.py",
    "test_second_lender.py",
    "test_point_in_time.py",
    "test_server.py",
    "test_notebooks.py",
    "test_portfolio.py",
    "test_java.py",
    "test_arrival.py",
)
"""Files that take longest, in the order in which they start: a long one that starts last runs alone
at the end, while the other processor waits."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST)

    items.sort(key=place)


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


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server with an empty bucket, named in the environment."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server
