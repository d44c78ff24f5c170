"""The proof of a score fails where the score did use the future, or is not the model's."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from credit_risk_dagster.command_line.proof import Proof, prove_score
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.errors import ModelError, PlatformError
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import FEATURES_TABLE, LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.checks.tampering import rewrite, with_values
from credit_risk_dagster_tests.scored import CARRIED_OVER, copy_of, scored_installation

SCORED = CARRIED_OVER


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with a model in production; not to be changed."""
    return scored_installation(tmp_path_factory)


@pytest.fixture
def tampered(scored: Settings, tmp_path: Path) -> Settings:
    return copy_of(scored, tmp_path)


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


def revised(settings: Settings) -> None:
    """Let a correction have replaced the features: what is there now was scored as revision 1."""

    def change(rows: pa.Table) -> pa.Table:
        issued = with_values(probability=0.123456)(rows)
        return pa.concat_tables([issued, with_values(revision=1)(rows)])

    rewrite(settings, PREDICTIONS, SCORED, change)


def test_a_score_that_a_correction_has_superseded_is_claimed_by_its_record(
    tampered: Settings,
) -> None:
    revised(tampered)
    proof = prove(tampered)

    assert broken(proof) == []
    assert [score["revision"] for score in proof.scores] == [0, 1]
    assert proof.claims[-1].sentence == (
        f"the issued score, revision 0, 0.123456 by {proof.scores[0]['model_id']}, is as it was "
        "recorded; a correction has replaced the features behind it, so it is not computed again"
    )


def test_a_superseded_score_that_was_changed_breaks_the_proof(tampered: Settings) -> None:
    revised(tampered)
    path = Datamart(tampered.home).file(PREDICTIONS, SCORED)
    rows = pq.read_table(path, partitioning=None)
    issued = pc.equal(rows.column("revision"), 0)
    change_column(path, "probability", pc.if_else(issued, 0.5, rows.column("probability")))

    (sentence,) = broken(prove(tampered))
    assert sentence.startswith("the issued score, revision 0, 0.500000 by")
    assert "is NOT as it was recorded" in sentence


def test_an_outcome_is_pending_until_its_month_was_run_and_then_known_or_never(
    tampered: Settings,
) -> None:
    datamart, models = Datamart(tampered.home), ModelStore(tampered.home / "models")
    applied, matures = "2023-02-01", "2023-08-01"
    loan_id = datamart.read(LABELS, [matures]).column("loan_id")[0].as_py()

    def outcome() -> dict[str, Any]:
        proof = prove_score(tampered, datamart, models, loan_id)
        assert proof.application_month == applied
        return proof.outcome

    assert outcome()["status"] in ("default", "no default")
    rewrite(tampered, LABELS, matures, lambda rows: rows.slice(1))
    assert outcome() == {
        "status": "no label: not in the book at month on book 6",
        "matured_in": matures,
    }
    (datamart.folder / LABELS.path / f"{matures}.json").unlink()
    assert outcome() == {"status": "pending", "matures_in": matures}


def test_a_model_file_that_was_changed_is_not_opened(tampered: Settings) -> None:
    for model in (tampered.home / "models").glob("*/model.skops"):
        model.write_bytes(model.read_bytes() + b" ")

    with pytest.raises(ModelError, match="not the one that was recorded"):
        prove(tampered)


def test_a_loan_that_never_applied_is_an_error_that_names_the_months(scored: Settings) -> None:
    datamart, models = Datamart(scored.home), ModelStore(scored.home / "models")

    with pytest.raises(PlatformError, match="holds 2023-01 to 2024-02"):
        prove_score(scored, datamart, models, "CUS_0x0_2024_01_01")
