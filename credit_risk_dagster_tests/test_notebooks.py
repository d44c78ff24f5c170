"""The tour for the modeller runs from the first cell to the last, and what it shows is so."""

import json
from pathlib import Path
from typing import Any

import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster_tests.operations.installed import configured_installation
from credit_risk_dagster_tests.scored import CARRIED_OVER, PERSON, TRAINED

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

TOUR = Path(__file__).resolve().parents[1] / "notebooks" / "tour.ipynb"
CELL_SECONDS = 120

State = dict[Path, tuple[int, int]]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return configured_installation(tmp_path_factory)


def state(settings: Settings) -> State:
    """Return size and time of change of every file but SQLite's own working files."""
    files = (path for path in settings.home.rglob("*") if path.is_file())
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in files
        if path.suffix not in (".db-wal", ".db-shm")
    }


@pytest.fixture(scope="module")
def toured(
    installation: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, State, State]:
    """The executed notebook, and the installation before and after."""
    folder = tmp_path_factory.mktemp("tour")
    before = state(installation)
    notebook = nbformat.read(TOUR, as_version=4)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CREDIT_RISK_HOME", str(installation.home))
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
            environment.setenv(name, str(folder / name.lower()))
        client = nbclient.NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute()
    return notebook, before, state(installation)


@pytest.fixture(scope="module")
def results(toured: tuple[Any, State, State]) -> dict[str, Any]:
    """What the last cell prints."""
    found: dict[str, Any] = json.loads(toured[0].cells[-1].outputs[0].text)
    return found


@pytest.mark.slow
def test_the_candidates_have_the_same_figures_in_the_table_again_and_in_mlflow(
    results: dict[str, Any],
) -> None:
    figures = results["oot_auc"]

    assert set(figures) == {"logistic_regression", "scorecard", "xgboost"}
    assert results["oot_auc_recomputed"] == pytest.approx(figures, abs=1e-9)
    assert results["oot_auc_tracked"] == figures


@pytest.mark.slow
def test_one_applicant_is_followed_and_the_score_is_given_again(results: dict[str, Any]) -> None:
    assert results["loan_id"].endswith(CARRIED_OVER.replace("-", "_"))
    assert results["outcome"] == "pending"
    assert results["claims"] == [True] * 5
    assert results["scored_again"] == pytest.approx(results["issued"], abs=1e-9)
    assert results["current_auc"] == pytest.approx(results["current_auc_recorded"], abs=1e-9)


@pytest.mark.slow
def test_the_training_run_again_gives_the_model_in_production(
    results: dict[str, Any], installation: Settings
) -> None:
    production = Datamart(installation.home).read(PRODUCTION_MODEL, [TRAINED]).to_pylist()[0]

    assert results["trained_again"] == results["model_id"] == production["model_id"]


@pytest.mark.slow
def test_the_tour_shows_plots_and_no_personal_data(toured: tuple[Any, State, State]) -> None:
    text = nbformat.writes(toured[0])

    assert text.count('"image/png"') == 3
    assert not [value for value in PERSON.values() if value in text]
    assert "masked" in text


@pytest.mark.slow
def test_the_tour_writes_nothing_into_the_installation(toured: tuple[Any, State, State]) -> None:
    _, before, after = toured

    assert after == before


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(TOUR, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]

    nbformat.validate(notebook)
    assert [cell.id for cell in cells if cell.outputs or cell.execution_count is not None] == []
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert nbformat.writes(notebook) + "\n" == TOUR.read_text(encoding="utf-8")
