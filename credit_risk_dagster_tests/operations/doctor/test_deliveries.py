"""What the doctor says of the raw folder."""

from datetime import UTC, datetime

from credit_risk_dagster.delivery.delivered import take_arrivals
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.operations.doctor.deliveries import delivery_findings
from credit_risk_dagster.operations.doctor.finding import Finding
from credit_risk_dagster.settings import Settings


def seen(settings: Settings) -> dict[str, Finding]:
    return {finding.check: finding for finding in delivery_findings(settings)}


def test_the_months_of_every_source_are_told(installation: Settings) -> None:
    found = seen(installation)

    assert {finding.status for finding in found.values()} == {"ok"}
    assert found["delivery of loans"].found == "15 months, 2023-01 to 2024-03."


def test_a_source_that_is_missing_or_broken_is_named(patient: Settings) -> None:
    (patient.raw_folder / "features_financials.csv").unlink()
    (patient.raw_folder / "lms_loan_daily.csv").write_text("loan_id\n1\n", encoding="utf-8")

    found = seen(patient)

    assert found["delivery of financials"].status == "warning"
    broken = found["delivery of loans: lms_loan_daily.csv"]
    assert broken.status == "failed"
    assert "lms_loan_daily.csv lacks" in broken.found
    assert found["delivery of loans"].status == "warning"
    assert found["delivery of attributes"].status == "ok"


def test_a_raw_folder_that_is_not_there_has_failed(installation: Settings) -> None:
    nowhere = installation.raw_folder / "nowhere"

    assert seen(installation.model_copy(update={"raw": nowhere}))["raw folder"].status == "failed"


def test_refused_and_new_files_are_named(patient: Settings) -> None:
    empty = patient.raw_folder / "lms_loan_daily_2024-04.csv"
    empty.write_text("loan_id\n", encoding="utf-8")
    ledger = DeliveryLedger(patient.metrics_store_url)
    take_arrivals(patient, ledger, datetime.now(UTC), at_once=True)
    held = (patient.raw_folder / "lms_loan_daily.csv").read_bytes()
    (patient.raw_folder / "lms_loan_daily_new.csv").write_bytes(held)

    found = seen(patient)

    assert found[f"delivery of loans: {empty.name}"].status == "failed"
    assert f"withdraw {empty.name}" in str(found[f"delivery of loans: {empty.name}"].remedy)
    assert found["delivery of loans: new"].found == "Not taken yet: lms_loan_daily_new.csv."
    assert found["delivery of loans"].status == "ok"
