"""The proof of a score: what was known when it was issued, and what fails where that is not so."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from credit_risk_dagster.command_line.proof import Proof, prove_score
from credit_risk_dagster.contract.reference import CLICKSTREAM, LOANS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.errors import ModelError, PartitionError, PlatformError
from credit_risk_dagster.months import add_months
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.gold import FEATURES_TABLE, LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.checks.tampering import Change, rewrite, tamper, with_values
from credit_risk_dagster_tests.deliveries import Row, change_rows
from credit_risk_dagster_tests.installation import inputs_by_name
from credit_risk_dagster_tests.redefined import another_definition_of_features
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_FEATURES
from credit_risk_dagster_tests.scored import (
    CARRIED_OVER,
    TRAINED,
    WAITING,
    copy_of,
    scored_installation,
)
from credit_risk_dagster_tests.table_runs import run_tables

pytestmark = pytest.mark.slow

SCORED = CARRIED_OVER
CLICKED = {f"{name}_{part}" for name in CLICKSTREAM_FEATURES for part in ("mean", "sum_of_squares")}
BEFORE_SCORING = [table for table in ALL_TABLES if table.layer not in ("inference", "monitoring")]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with a model in production; not to be changed."""
    return scored_installation(tmp_path_factory)


@pytest.fixture
def tampered(scored: Settings, tmp_path: Path) -> Settings:
    return copy_of(scored, tmp_path)


@pytest.fixture(scope="module")
def unscored(scored: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy in which the next month is ready to be scored; not to be changed."""
    settings = copy_of(scored, tmp_path_factory.mktemp("unscored"))
    run(settings, WAITING, WAITING, *BEFORE_SCORING)
    return settings


def run(settings: Settings, first: str, last: str, *tables: Table) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_tables(settings, instance, first, last, *tables).success


def loans(settings: Settings, month: str = SCORED) -> list[str]:
    """Return the loans that were scored in a month."""
    rows = Datamart(settings.home).read(PREDICTIONS, [month])
    return list(dict.fromkeys(rows.column("loan_id").to_pylist()))


def prove(settings: Settings, loan_id: str | None = None, as_of: datetime | None = None) -> Proof:
    datamart, models = Datamart(settings.home), ModelStore(settings.home / "models")
    return prove_score(settings, datamart, models, loan_id or loans(settings)[0], as_of)


def broken(proof: Proof) -> list[str]:
    return [claim.sentence for claim in proof.claims if not claim.holds]


def with_column(name: str, change: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> Change:
    """Return the change of one column by its values."""

    def of_rows(rows: pa.Table) -> pa.Table:
        place = rows.schema.get_field_index(name)
        return rows.set_column(place, rows.schema.field(name), change(rows.column(name)))

    return of_rows


def test_an_honest_score_is_proved(scored: Settings) -> None:
    proof = prove(scored)

    assert broken(proof) == []
    assert len(proof.claims) == 5
    assert proof.corrections_since == []
    assert proof.scores[0]["reason_1"] is not None
    assert proof.model is not None
    assert max(proof.model["fitted_on_cohorts"]) < SCORED
    assert {row["Name"] for row in proof.raw["attributes"]} <= {"masked"}


def scored_on(unscored: Settings, folder: Path, change: Change, **inputs: Input) -> Proof:
    """Score a month on features that were changed first; return the proof of a score of it."""
    settings = copy_of(unscored, folder)
    datamart = Datamart(settings.home)
    made_of = inputs_by_name(datamart, datamart.required_record(FEATURES_TABLE, WAITING).inputs)
    rewrite(settings, FEATURES_TABLE, WAITING, change, inputs={**made_of, **inputs})
    run(settings, WAITING, WAITING, PREDICTIONS)
    return prove(settings, loans(settings, WAITING)[0])


def test_a_score_of_features_that_were_not_changed_is_proved(
    unscored: Settings, tmp_path: Path
) -> None:
    assert broken(scored_on(unscored, tmp_path, lambda rows: rows)) == []


def test_a_mean_that_counted_a_later_month_breaks_the_proof(
    unscored: Settings, tmp_path: Path
) -> None:
    proof = scored_on(unscored, tmp_path, with_column("fe_1_mean", lambda mean: pc.add(mean, 1.0)))

    (sentence,) = broken(proof)
    assert "means of clickstream are NOT" in sentence


def test_an_input_dated_after_the_application_breaks_the_proof(
    unscored: Settings, tmp_path: Path
) -> None:
    later = datetime.fromisoformat(add_months(WAITING, 1)).date()
    proof = scored_on(unscored, tmp_path, with_values(latest_input_date=later))

    assert broken(proof) == ["the newest input of the features is dated 2024-04-01"]


def test_a_partition_of_a_later_month_breaks_the_proof(unscored: Settings, tmp_path: Path) -> None:
    later = {f"silver/clickstream/{add_months(WAITING, 1)}": Input("0" * 64)}
    proof = scored_on(unscored, tmp_path, lambda rows: rows, **later)

    assert broken(proof) == ["the newest partition that was read is 2024-04-01"]


def test_a_score_that_is_not_the_models_breaks_the_proof(tampered: Settings) -> None:
    rewrite(
        tampered, PREDICTIONS, SCORED, with_column("probability", lambda p: pc.multiply(p, 0.9))
    )
    proof = prove(tampered)

    (sentence,) = broken(proof)
    assert sentence.startswith(
        f"the issued score, {proof.scores[0]['probability']:.6f} by {proof.scores[0]['model_id']}, "
        "is NOT what this model gives from the features of then when it is asked again ("
    )


def test_a_score_of_another_model_than_that_in_production_breaks_the_proof(
    tampered: Settings,
) -> None:
    rewrite(tampered, PREDICTIONS, SCORED, with_values(model_id="another"))

    (sentence,) = broken(prove(tampered))
    assert "by another, is NOT of the model and features of then" in sentence


@pytest.mark.parametrize("table", [FEATURES_TABLE, PREDICTIONS], ids=lambda table: table.path)
def test_rows_that_were_changed_behind_their_record_prove_nothing(
    tampered: Settings, table: Table
) -> None:
    loan_id = loans(tampered)[0]
    tamper(tampered, table, SCORED, lambda rows: rows.slice(1))

    with pytest.raises(PartitionError, match=f"{table.path}/{SCORED} is damaged: tables/"):
        prove(tampered, loan_id)


@dataclass(frozen=True)
class Corrected:
    """An installation whose issued scores rest on a delivery that was corrected afterwards.

    Attributes:
        settings: the installation.
        before: the proof of a score before the correction.
        at: a moment between the scoring and the correction.
        taken: a loan that the correction has taken away.
        brought: a loan that it has brought.
    """

    settings: Settings
    before: Proof
    at: datetime
    taken: str
    brought: str


@pytest.fixture(scope="module")
def corrected(scored: Settings, tmp_path_factory: pytest.TempPathFactory) -> Corrected:
    settings = copy_of(scored, tmp_path_factory.mktemp("corrected"))
    proved, taken, *_ = loans(settings)
    before = prove(settings, proved)
    at, brought = datetime.now(UTC), "CUS_0xfeed_2024_02_01"

    def clicked_more(rows: list[Row]) -> list[Row]:
        more = dict.fromkeys(CLICKSTREAM_FEATURES, "400")
        customer = before.features["customer_id"]
        return [row | more if row["Customer_ID"] == customer else row for row in rows]

    def other_loans(rows: list[Row]) -> list[Row]:
        (gone,) = (row for row in rows if row["loan_id"] == taken)
        new = {**gone, "loan_id": brought, "Customer_ID": "CUS_0xfeed"}
        return [*(row for row in rows if row is not gone), new]

    change_rows(settings, CLICKSTREAM, clicked_more, SCORED)
    change_rows(settings, LOANS, other_loans, SCORED)
    run(settings, SCORED, SCORED)
    return Corrected(settings, before, at, taken, brought)


def test_a_corrected_score_is_proved_as_it_was_issued(corrected: Corrected) -> None:
    """Rows, features, model and hashes are those of then, and the issued score is given again."""
    before, proof = corrected.before, prove(corrected.settings, corrected.before.loan_id)

    assert broken(proof) == []
    assert proof.scores[0] == before.scores[0]
    assert proof.claims[:5] == before.claims
    for name in ("raw", "corrections", "features", "model", "outcome", "hashes"):
        assert getattr(proof, name) == getattr(before, name), name


def test_what_a_correction_changed_stands_beside_and_its_score_is_given_again_too(
    corrected: Corrected,
) -> None:
    proof = prove(corrected.settings, corrected.before.loan_id)
    issued, revised = proof.scores

    assert (issued["revision"], revised["revision"]) == (0, 1)
    assert issued["probability"] != revised["probability"]
    (correction,) = proof.corrections_since
    assert correction["revision"] == 1
    assert set(correction["features"]) == CLICKED
    for name, change in correction["features"].items():
        assert change["issued"] == proof.features[name]
        assert change["corrected"] > change["issued"]
    shown = f"{revised['probability']:.6f}"
    assert proof.claims[-1].sentence == (
        f"revision 1, {shown} by {revised['model_id']}, is what this model gives from the features "
        f"of then when it is asked again ({shown})"
    )


def test_as_of_a_moment_before_the_correction_nothing_is_known_of_it(corrected: Corrected) -> None:
    assert prove(corrected.settings, corrected.before.loan_id, corrected.at) == corrected.before


def test_as_of_a_moment_after_it_everything_is_read_as_corrected(corrected: Corrected) -> None:
    settings, before = corrected.settings, corrected.before
    proof = prove(settings, before.loan_id, datetime.now(UTC))

    assert broken(proof) == []
    assert {name for name in before.features if proof.features[name] != before.features[name]} == (
        CLICKED
    )
    assert proof.raw["clickstream"][-1]["fe_1"] == "400"
    assert proof.scores == prove(settings, before.loan_id).scores
    assert proof.hashes != before.hashes


def test_an_applicant_whom_a_correction_took_away_is_proved_as_of_then(
    corrected: Corrected,
) -> None:
    proof = prove(corrected.settings, corrected.taken)
    assert broken(proof) == []
    assert [score["revision"] for score in proof.scores] == [0]

    with pytest.raises(PlatformError, match=r"was not among the applicants of 2024-02 at that"):
        prove(corrected.settings, corrected.taken, datetime.now(UTC))


def test_an_applicant_whom_a_correction_brought_has_the_score_of_the_correction_alone(
    corrected: Corrected,
) -> None:
    proof = prove(corrected.settings, corrected.brought)
    assert broken(proof) == []
    assert [score["revision"] for score in proof.scores] == [1]
    assert proof.corrections_since == []

    with pytest.raises(PlatformError, match="No application with the loan CUS_0xfeed_2024_02_01"):
        prove(corrected.settings, corrected.brought, corrected.at)


@pytest.mark.long
def test_a_correction_of_what_a_model_learned_from_has_each_score_given_by_its_own_model(
    scored: Settings, tmp_path: Path
) -> None:
    settings = copy_of(scored, tmp_path)
    issued = prove(settings, loans(settings, TRAINED)[0])

    def paid(rows: list[Row]) -> list[Row]:
        matured = [row for row in rows if row["installment_num"] == "6"][:10]
        return [row | {"overdue_amt": "0"} if row in matured else row for row in rows]

    learned_from = add_months(TRAINED, -1)
    change_rows(settings, LOANS, paid, learned_from)
    run(settings, learned_from, TRAINED)
    proof = prove(settings, issued.loan_id)

    assert broken(proof) == []
    assert proof.model == issued.model
    assert proof.scores[0] == issued.scores[0]
    models = [score["model_id"] for score in proof.scores]
    assert len(set(models)) == 2
    for model, claim in zip(models, proof.claims[-2:], strict=True):
        assert f"by {model}, is what this model gives from the features of then" in claim.sentence
    assert proof.corrections_since == [{"revision": 1, "features": {}}]


def test_a_score_is_proved_by_the_features_of_then_when_they_are_defined_otherwise_today(
    tampered: Settings,
) -> None:
    before = prove(tampered)
    with another_definition_of_features():
        run(tampered, SCORED, SCORED, FEATURES_TABLE, PREDICTIONS)
    proof = prove(tampered)

    newest = Datamart(tampered.home).read(FEATURES_TABLE, [SCORED]).to_pylist()
    (today,) = (row for row in newest if row["loan_id"] == proof.loan_id)
    assert today["age"] == proof.features["age"] + 1
    assert proof == before
    assert broken(proof) == []


def test_an_outcome_is_pending_until_its_month_was_run_and_then_known_or_never(
    tampered: Settings,
) -> None:
    datamart = Datamart(tampered.home)
    matured = datamart.read(LABELS, ["2023-08-01"]).column("loan_id")[0].as_py()
    not_yet = datamart.read(FEATURES_TABLE, ["2023-09-01"]).column("loan_id")[0].as_py()
    assert prove(tampered, not_yet).outcome == {"status": "pending", "matures_in": "2024-03-01"}

    known = prove(tampered, matured)
    assert known.application_month == "2023-02-01"
    assert known.outcome["status"] in ("default", "no default")
    at = datetime.now(UTC)
    rewrite(tampered, LABELS, "2023-08-01", lambda rows: rows.slice(1))
    assert prove(tampered, matured).outcome == {
        "status": "no label: not in the book at month on book 6",
        "matured_in": "2023-08-01",
    }
    assert prove(tampered, matured, at).outcome == known.outcome


def test_a_model_file_that_was_changed_is_not_opened(tampered: Settings) -> None:
    for model in (tampered.home / "models").glob("*/model.skops"):
        model.write_bytes(model.read_bytes() + b" ")

    with pytest.raises(ModelError, match="not the one that was recorded"):
        prove(tampered)


def test_a_loan_that_never_applied_is_an_error_that_names_the_months(scored: Settings) -> None:
    with pytest.raises(PlatformError, match="holds 2023-01 to 2024-02"):
        prove(scored, "CUS_0x0_2024_01_01")
    with pytest.raises(PlatformError, match="holds no month yet"):
        prove(scored, as_of=datetime.now(UTC) - timedelta(days=1))
