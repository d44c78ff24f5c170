import shutil
from pathlib import Path

import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster_tests.scored import TRAINED, scored_installation


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with a model in production; not to be changed."""
    return scored_installation(tmp_path_factory)


@pytest.fixture
def one_month(scored: Settings, tmp_path: Path) -> Settings:
    """A copy of every table's partition of the month that trained; to be changed at will."""
    settings = scored.model_copy(update={"home": tmp_path / "home"})
    whole, copy = Datamart(scored.home), Datamart(settings.home)
    for table in ALL_TABLES:
        folder = whole.required_manifest(table, TRAINED).folder
        shutil.copytree(whole.folder / table.path / folder, copy.folder / table.path / folder)
        manifest = f"{table.path}/{TRAINED}.json"
        shutil.copy(whole.folder / manifest, copy.folder / manifest)
    return settings
