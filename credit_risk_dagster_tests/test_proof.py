"""The proof of a score fails where the score did use the future, or is not the model's."""

import shutil
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from credit_risk_dagster.datamart import Datamart
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.errors import ModelError, PlatformError
from credit_risk_dagster.model_store import ModelStore
from credit_risk_dagster.proof import Proof, prove_score
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.installation import generated, run, small_installation

PORTFOLIO = DemoPortfolio(last_month="2025-02", months=14, applicants_per_month=120)
SCORED = PORTFOLIO.month_keys[-2]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("scored")
    settings = small_installation(
        folder / "home", generated(PORTFOLIO, folder / "raw"), PORTFOLIO, tuning={"trials": 1}
    )
    with dg.DagsterInstance.ephemeral() as instance:
        run(settings, instance, PORTFOLIO.first_month, PORTFOLIO.last_month)
    return settings


@pytest.fixture
def tampered(scored: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(scored.home, tmp_path / "home")
    return scored.model_copy(update={"home": tmp_path / "home"})


def prove(settings: Settings) -> Proof:
    datamart = Datamart(settings.home)
    loan_id = datamart.read(PREDICTIONS, [SCORED]).column("loan_id")[0].as_py()
    return prove_score(settings, datamart, ModelStore(settings.home / "models"), loan_id)


def broken(proof: Proof) -> list[str]:
    return [claim.sentence for claim in proof.claims if not claim.holds]


def change_column(path: Path, name: str, change: pa.Array) -> None:
    rows = pq.read_table(path, partitioning=None)
    pq.write_table(rows.set_column(rows.schema.get_field_index(name), name, change), path)


def test_an_honest_score_is_proved(scored: Settings) -> None:
    proof = prove(scored)

    assert broken(proof) == []
    assert len(proof.claims) == 5
    assert proof.scores[0]["reason_1"] is not None
    assert proof.model is not None
    assert max(proof.model["fitted_on_cohorts"]) < SCORED
    assert {row["Name"] for row in proof.raw["attributes"]} <= {"masked"}


def test_a_mean_that_counted_a_later_month_breaks_the_proof(tampered: Settings) -> None:
    path = Datamart(tampered.home).file(FEATURES_TABLE, SCORED)
    rows = pq.read_table(path, partitioning=None)
    change_column(path, "fe_1_mean", pc.add(rows.column("fe_1_mean"), 1.0))

    assert any("clickstream means are NOT" in sentence for sentence in broken(prove(tampered)))


def test_an_input_dated_after_the_application_breaks_the_proof(tampered: Settings) -> None:
    path = Datamart(tampered.home).file(FEATURES_TABLE, SCORED)
    rows = pq.read_table(path, partitioning=None)
    days = pc.add(rows.column("latest_input_date").cast(pa.int32()), pa.scalar(31, pa.int32()))
    later = days.cast(pa.date32())
    change_column(path, "latest_input_date", later)

    assert any("newest input" in sentence for sentence in broken(prove(tampered)))


def test_a_score_that_is_not_the_models_breaks_the_proof(tampered: Settings) -> None:
    path = Datamart(tampered.home).file(PREDICTIONS, SCORED)
    rows = pq.read_table(path, partitioning=None)
    change_column(path, "probability", pc.multiply(rows.column("probability"), 0.9))

    assert any("when it is asked again" in sentence for sentence in broken(prove(tampered)))


def test_a_model_file_that_was_changed_is_not_opened(tampered: Settings) -> None:
    for model in (tampered.home / "models").glob("*/model.skops"):
        model.write_bytes(model.read_bytes() + b" ")

    with pytest.raises(ModelError, match="not the one that was recorded"):
        prove(tampered)


def test_a_loan_that_never_applied_is_an_error_that_names_the_months(scored: Settings) -> None:
    datamart, models = Datamart(scored.home), ModelStore(scored.home / "models")

    with pytest.raises(PlatformError, match="holds 2024-01 to 2025-02"):
        prove_score(scored, datamart, models, "CUS_0x0_2024_01_01")
