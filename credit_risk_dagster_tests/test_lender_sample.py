"""What the platform does with the lender's real extracts."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from credit_risk_dagster.datamart import Datamart
from credit_risk_dagster.model_store import ModelStore
from credit_risk_dagster.proof import prove_score
from credit_risk_dagster.runs import RunOutcome, run_months
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.status import failed_checks_by_month, month_records
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.installation import LENDER_MONTHS, lender_sample

pytestmark = pytest.mark.slow

Ran = tuple[Settings, RunOutcome, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    first, last = LENDER_MONTHS
    settings = Settings(
        home=tmp_path_factory.mktemp("lender"),
        raw=lender_sample(),
        first_month=first,
        last_month=last,
        monitoring={"report_features": 5},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        outcome = run_months(settings, instance, first, last)
        checks = failed_checks_by_month(instance)
    datamart = Datamart(settings.home)
    records = month_records(datamart, datamart.months(PREDICTIONS), checks)
    return settings, outcome, {record["month"][:7]: record for record in records}


def test_the_months_run_and_the_failed_checks_fail_no_run(lender: Ran) -> None:
    assert lender[1].succeeded
    assert lender[1].checks


def test_the_first_training_is_in_september_and_the_second_in_december(lender: Ran) -> None:
    decisions = {month: record["decision"] for month, record in lender[2].items()}

    assert {month: what for month, what in decisions.items() if what.endswith("training")} == {
        "2024-09": "initial_training",
        "2024-12": "retraining",
    }
    assert decisions["2024-08"] == "too_little_history"
    assert decisions["2024-10"] == decisions["2024-11"] == "not_due"
    assert all(record["reason"] for record in lender[2].values())


def test_both_first_candidates_reach_an_auc_of_089_out_of_time(lender: Ran) -> None:
    candidates = lender[2]["2024-09"]["candidates"]

    assert candidates["logistic_regression"]["oot_auc"] >= 0.89
    assert candidates["xgboost"]["oot_auc"] >= 0.89


def test_current_performance_exists_from_the_first_production_month(lender: Ran) -> None:
    for month in ("2024-09", "2024-10", "2024-11", "2024-12"):
        current = lender[2][month]["performance"]["current"]
        assert current["status"] == "measured"
        assert current["auc_lower"] < current["auc"] < current["auc_upper"]
    assert lender[2]["2024-08"]["performance"]["current"]["status"] == "pending"


def test_issued_performance_is_pending_throughout(lender: Ran) -> None:
    issued = [record["performance"]["issued"] for record in lender[2].values()]

    assert {basis["status"] for basis in issued} == {"pending"}
    assert {basis["auc"] for basis in issued} == {None}


def test_applicants_without_clickstream_are_scored_and_the_dark_source_fails_its_check(
    lender: Ran,
) -> None:
    for month in ("2024-09", "2024-10", "2024-11", "2024-12"):
        assert lender[2][month]["rows_scored"] > 200
        assert "gold/features no_dark_source" in lender[2][month]["failed_checks"]
    assert "gold/features no_dark_source" not in lender[2]["2024-06"]["failed_checks"]
    dark = next(check for check in lender[1].checks if check.name == "no_dark_source")
    assert dark.severity == "ERROR"
    assert "clickstream went dark for new applicants" in dark.description


def test_every_delivered_row_is_accounted_for(lender: Ran) -> None:
    for record in lender[2].values():
        for counts in record["rows"].values():
            parts = counts["accepted"] + counts["quarantined"] + counts["duplicate"]
            assert parts == counts["delivered"] > 0


def test_a_real_applicant_can_be_explained_from_raw_rows_to_a_pending_outcome(lender: Ran) -> None:
    settings = lender[0]
    datamart = Datamart(settings.home)
    loan_id = datamart.read(PREDICTIONS, ["2024-10-01"]).column("loan_id")[0].as_py()

    proof = prove_score(settings, datamart, ModelStore(settings.home / "models"), loan_id)

    assert all(claim.holds for claim in proof.claims)
    assert proof.outcome == {"status": "pending", "matures_in": "2025-04-01"}
    assert proof.raw["attributes"][0]["Name"] == proof.raw["attributes"][0]["SSN"] == "masked"


def test_no_name_and_no_social_security_number_leaves_bronze(lender: Ran) -> None:
    home = lender[0].home
    names = personal_values(lender[0])
    files = [path for path in Path(home).rglob("*.*") if "bronze" not in path.parts]

    for path in filter(Path.is_file, files):
        content = path.read_bytes()
        assert not [value for value in names if value.encode() in content], path.name


def personal_values(settings: Settings) -> list[str]:
    from credit_risk_dagster.tables.bronze import BRONZE

    rows = Datamart(settings.home).read(BRONZE["attributes"], ["2024-10-01"]).to_pylist()
    numbers = [row["SSN"] for row in rows if row["SSN"][:3].isdigit()]
    names = [row["Name"] for row in rows if " " in row["Name"] and len(row["Name"]) > 10]
    return numbers[:20] + names[:20]
