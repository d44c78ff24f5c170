"""What the doctor says of partitions and model files."""

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.operations.doctor.finding import Finding
from credit_risk_dagster.operations.doctor.stored import stored_findings
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import COHORT
from credit_risk_dagster_tests.scored import TRAINED


def seen(settings: Settings) -> dict[str, Finding]:
    return {finding.check: finding for finding in stored_findings(settings)}


def test_partitions_and_models_of_a_sound_installation_are_counted(installation: Settings) -> None:
    found = seen(installation)

    assert {finding.status for finding in found.values()} == {"ok"}
    assert found["models"].found == "All 2 models are the ones that were recorded."


def test_a_model_file_that_was_changed_has_failed_and_is_named(patient: Settings) -> None:
    model = sorted((patient.home / "models").glob("*/model.skops"))[0]
    model.write_bytes(model.read_bytes() + b" ")

    found = seen(patient)["models"]

    assert found.status == "failed"
    assert f"{model} is not the one that was recorded" in found.found


def test_a_model_file_that_is_gone_has_failed(patient: Settings) -> None:
    model = sorted((patient.home / "models").glob("*/model.skops"))[1]
    model.unlink()

    assert f"{model} is missing" in seen(patient)["models"].found


def test_a_file_beside_a_model_that_was_changed_has_failed(patient: Settings) -> None:
    reference = sorted((patient.home / "models").glob("*/reference_inputs.parquet"))[0]
    reference.write_bytes(reference.read_bytes()[:-1])

    assert f"{reference.parent} is not what was written" in seen(patient)["models"].found


def test_rows_that_are_gone_have_failed(patient: Settings) -> None:
    Datamart(patient.home).file(COHORT, TRAINED).unlink()

    assert f"The rows of gold/cohort/{TRAINED} are gone." in seen(patient)["partitions"].found
