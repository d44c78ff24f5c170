"""Dagster as metrics: failing checks of the newest month, runs, and an instance that comes back."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from credit_risk_dagster.checks.history import failed_checks_by_month, failed_checks_of_month
from credit_risk_dagster.contract.reference import LOANS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.observability.exporter.runs import DagsterReader, check_metrics
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.deliveries import (
    FIRST,
    LAST,
    change_rows,
    delivered,
)
from credit_risk_dagster_tests.observability.exporter.samples import samples
from credit_risk_dagster_tests.reference_tables import BRONZE_LOANS, SILVER_LOANS
from credit_risk_dagster_tests.table_runs import run_tables

REPEATED = ("silver/loans", "no_duplicates")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return delivered("monthly", tmp_path, tmp_path_factory)


def failing(settings: Settings, instance: dg.DagsterInstance) -> set[tuple[str, str]]:
    """Return the checks that the metrics of Dagster say fail."""
    return {
        (sample.labels["table"], sample.labels["check"])
        for metric in check_metrics(instance, Datamart(settings.home))
        for sample in metric.samples
        if sample.name == "credit_risk_check_failed"
    }


def of_month(instance: dg.DagsterInstance, month: str) -> set[tuple[str, str]]:
    of_month = failed_checks_of_month(instance, month)
    assert of_month == failed_checks_by_month(instance).get(month, [])
    return {(check.table, check.name) for check in of_month}


def test_the_checks_that_fail_are_those_of_the_newest_month(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    tables = (BRONZE_LOANS, SILVER_LOANS)
    change_rows(settings, LOANS, lambda rows: [*rows, rows[0]], FIRST)
    change_rows(settings, LOANS, lambda rows: [*rows, rows[0]], LAST)
    run_tables(settings, instance, FIRST, LAST, *tables)
    at_first = failing(settings, instance)
    run_tables(settings, instance, FIRST, FIRST, *tables)
    after_an_older_month = failing(settings, instance)
    change_rows(settings, LOANS, lambda rows: rows[:-1], LAST)
    run_tables(settings, instance, LAST, LAST, *tables)

    assert REPEATED in at_first
    assert after_an_older_month == at_first == of_month(instance, FIRST) & at_first
    assert REPEATED not in failing(settings, instance)
    assert failing(settings, instance) == of_month(instance, LAST)


def test_there_is_nothing_to_fail_before_the_first_month(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert failing(settings, instance) == set()


def test_an_instance_that_cannot_be_opened_is_opened_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    reader = DagsterReader(settings)
    assert samples(reader.metrics())['credit_risk_runs{job="monthly",status="failure"}'] == 0

    reader._close()
    config = settings.dagster_home / "dagster.yaml"
    config.write_text("storage: nowhere\n")
    with pytest.raises(dg.DagsterInvalidConfigError):
        reader.metrics()
    config.unlink()
    assert samples(reader.metrics())['credit_risk_runs{job="monthly",status="failure"}'] == 0
