"""A model that is lost or damaged comes back when its months are run again, as its error says."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.models.storage import MODEL_FILE, REMEDY
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.training import CANDIDATE_TABLES
from credit_risk_dagster_tests.installation import content
from credit_risk_dagster_tests.scored import CARRIED_OVER, TRAINED, copy_of, scored_installation
from credit_risk_dagster_tests.table_runs import failures, run_tables

pytestmark = pytest.mark.slow

TABLES = (*CANDIDATE_TABLES.values(), PRODUCTION_MODEL, PREDICTIONS)


def test_running_the_months_from_its_training_on_again_brings_a_model_back(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = copy_of(scored_installation(tmp_path_factory), tmp_path)
    before = content(settings)
    in_production, _ = recorded(settings, PRODUCTION_MODEL, TRAINED)
    for file in (settings.home / "models").glob(f"*/{MODEL_FILE}"):
        if file.parent.name == in_production:
            shutil.rmtree(file.parent)
        else:
            file.write_bytes(file.read_bytes()[:-1])

    with dg.DagsterInstance.ephemeral() as instance:
        lost = run_tables(settings, instance, CARRIED_OVER, CARRIED_OVER, PREDICTIONS)
        again = run_tables(settings, instance, TRAINED, CARRIED_OVER, *TABLES)

    assert REMEDY in failures(lost)["inference__predictions"]
    assert again.success
    models = ModelStore(settings.home / "models")
    for table in (*CANDIDATE_TABLES.values(), PRODUCTION_MODEL):
        assert models.holds(*recorded(settings, table, TRAINED))
    assert models.holds(*recorded(settings, PRODUCTION_MODEL, CARRIED_OVER))
    assert content(settings) == before


def recorded(settings: Settings, table: Table, month: str) -> tuple[str, str]:
    (row,) = Datamart(settings.home).read(table, [month]).to_pylist()
    return row["model_id"], row["model_sha256"]
