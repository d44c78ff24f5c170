"""Bronze holds names and numbers of persons: its owner alone reads it, wherever it is."""

from pathlib import Path

import dagster as dg
import pytest

from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster_tests.deliveries import FIRST, delivered
from credit_risk_dagster_tests.reference_tables import BRONZE_ATTRIBUTES, SILVER_ATTRIBUTES
from credit_risk_dagster_tests.table_runs import failed, run_tables

TABLES = (BRONZE_ATTRIBUTES, SILVER_ATTRIBUTES)
OTHERS = 0o077


def open_to_others(folder: Path) -> list[str]:
    """Return files that somebody else could read, if the folders above them let him in."""
    return [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_mode & OTHERS
    ]


def test_bronze_is_readable_by_its_owner_alone(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = delivered("monthly", tmp_path, tmp_path_factory)
    with dg.instance_for_test() as instance:
        assert not failed(run_tables(settings, instance, FIRST, FIRST, *TABLES))

    bronze = settings.home / "tables" / "bronze"
    assert bronze.stat().st_mode & OTHERS == 0
    assert open_to_others(bronze) == []
    assert open_to_others(settings.home / "tables" / "silver")


def test_bronze_can_live_at_an_address_of_its_own(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = delivered("monthly", tmp_path, tmp_path_factory)
    apart = settings.model_copy(update={"bronze": str(tmp_path / "vault" / "bronze")})
    with dg.instance_for_test() as instance:
        assert not failed(run_tables(apart, instance, FIRST, FIRST, *TABLES))

    assert not (apart.home / "tables" / "bronze").exists()
    assert open_to_others(tmp_path / "vault") == []
    datamart = open_datamart(apart)
    assert datamart.read(BRONZE_ATTRIBUTES, [FIRST]).num_rows
    assert datamart.read(SILVER_ATTRIBUTES, [FIRST]).num_rows
