"""What the doctor says of partitions and model files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.place import log_entry
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.operations.doctor.finding import Finding
from credit_risk_dagster.operations.doctor.stored import log_findings, repair_logs, stored_findings
from credit_risk_dagster.resources.tables import open_index
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import COHORT
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.checks.tampering import stored_file
from credit_risk_dagster_tests.scored import TRAINED


def seen(settings: Settings) -> dict[str, Finding]:
    return {finding.check: finding for finding in stored_findings(settings)}


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def test_partitions_and_models_of_a_sound_installation_are_counted(installation: Settings) -> None:
    found = seen(installation)

    assert {finding.status for finding in found.values()} == {"ok"}
    assert found["models"].found == "All 3 models are the ones that were recorded."


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


@pytest.mark.parametrize(
    ("damage", "table"), [(Path.unlink, COHORT), (shorten, COHORT), (shorten, PREDICTIONS)]
)
def test_rows_that_are_not_what_was_written_have_failed(
    patient: Settings, damage: Callable[[Path], None], table: Table
) -> None:
    damage(stored_file(patient, table, TRAINED))
    found = seen(patient)["tables"]

    assert found.status == "failed"
    assert found.found == f"{table.path}/{TRAINED} is damaged."
    asked = "from a backup" if table.is_evidence else "credit-risk run --months 2024-01"
    assert asked in found.remedy


def test_a_damaged_log_has_failed_and_is_repaired_from_the_index(patient: Settings) -> None:
    assert [finding.status for finding in log_findings(patient)] == ["ok"]
    open_index(patient).catch_up()
    entry = Datamart(patient.home).place(COHORT).path(log_entry(1))
    written = entry.read_bytes()
    entry.write_bytes(b"")

    (found,) = log_findings(patient)
    assert found.status == "failed"
    assert "gold/cohort: version 1" in found.found
    assert list(repair_logs(patient)) == ["gold/cohort: version 1 was put back from the index."]
    assert entry.read_bytes() == written
    assert [finding.status for finding in log_findings(patient)] == ["ok"]
