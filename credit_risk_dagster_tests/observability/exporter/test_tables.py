"""The datamart as metrics: how fresh every table is, and the model in production."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.contract.reference import LOANS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.observability.exporter.tables import datamart_metrics
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster_tests.deliveries import FIRST, LAST, MIDDLE, delivered, file_of
from credit_risk_dagster_tests.observability.exporter.samples import at, samples
from credit_risk_dagster_tests.reference_tables import BRONZE_LOANS, SILVER_LOANS
from credit_risk_dagster_tests.scored import CARRIED_OVER, scored_installation
from credit_risk_dagster_tests.table_runs import run_tables

MONTH = "credit_risk_newest_month_timestamp_seconds"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def test_every_table_says_its_newest_month_and_when_it_was_written_and_delivered(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance
) -> None:
    settings = delivered("monthly", tmp_path, tmp_path_factory)
    changed = datetime(2024, 4, 3, 12, tzinfo=UTC).timestamp()
    os.utime(file_of(settings, LOANS, LAST), (changed, changed))
    began = datetime.now(UTC).timestamp()
    run_tables(settings, instance, FIRST, LAST, BRONZE_LOANS)
    run_tables(settings, instance, FIRST, MIDDLE, SILVER_LOANS)
    found = samples(datamart_metrics(settings))

    months = {name: value for name, value in found.items() if name.startswith(MONTH)}
    assert months == {
        f'{MONTH}{{table="bronze/loans"}}': at(LAST).timestamp(),
        f'{MONTH}{{table="silver/loans"}}': at(MIDDLE).timestamp(),
    }
    assert found['credit_risk_delivery_timestamp_seconds{source="loans"}'] == changed
    written = found['credit_risk_partition_written_timestamp_seconds{table="silver/loans"}']
    assert began < written < datetime.now(UTC).timestamp()


@pytest.mark.slow
def test_the_model_in_production_is_named_with_its_version(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = scored_installation(tmp_path_factory)
    record = production_record(Datamart(settings.home), CARRIED_OVER)
    found = samples(datamart_metrics(settings))

    labels = f'model_id="{record["model_id"]}",version="{record["mlflow_version"]}"'
    assert found[f"credit_risk_production_model_info{{{labels}}}"] == 1
    assert {name for name in found if name.startswith(MONTH)} == {
        f'{MONTH}{{table="{table.path}"}}' for table in ALL_TABLES
    }
    assert found['credit_risk_limit{name="minimum_auc"}'] == settings.policy.minimum_auc


def test_an_installation_without_a_month_has_limits_and_no_freshness(tmp_path: Path) -> None:
    found = samples(datamart_metrics(Settings(home=tmp_path)))

    assert {name.split("{")[0] for name in found} == {"credit_risk_limit"}
    assert not list(tmp_path.iterdir())
