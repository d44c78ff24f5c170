import shutil
from pathlib import Path

import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.scored import scored_installation


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with a model in production; not to be changed."""
    return scored_installation(tmp_path_factory)


@pytest.fixture
def one_month(scored: Settings, tmp_path: Path) -> Settings:
    """A copy of the tables, of which the month that trained is to be changed at will."""
    settings = scored.model_copy(update={"home": tmp_path / "home"})
    shutil.copytree(Datamart(scored.home).folder, Datamart(settings.home).folder)
    return settings
