"""The doctor says that a sound installation is well, changes nothing, and ends what is invalid."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from credit_risk_dagster.operations.doctor.diagnosis import diagnose, diagnose_home
from credit_risk_dagster.operations.doctor.finding import Finding, failed, ok, warning, worst
from credit_risk_dagster.settings import SETTINGS_FILE, Settings
from credit_risk_dagster_tests.operations.installed import SHOWN_NOWHERE, address
from credit_risk_dagster_tests.ports import free_port

EXPECTED = {
    "settings",
    "packages",
    "home",
    "permissions of bronze",
    "permissions of raw folder",
    "permissions of settings.env",
    "disk",
    "leftovers",
    "logs",
    "tables",
    "models",
    *(f"delivery of {name}" for name in ("loans", "attributes", "financials", "clickstream")),
    "MLflow",
    "metrics store",
    "Dagster's storage",
    "alerts",
    "clock",
    "freshness",
    "daemon",
    "runs",
}


def test_everything_is_looked_at_and_nothing_of_a_sound_installation_has_failed(
    healthy: dict[str, Finding],
) -> None:
    assert set(healthy) == EXPECTED
    assert [finding for finding in healthy.values() if finding.status == "failed"] == []


def test_each_line_that_is_not_well_says_what_to_do(healthy: dict[str, Finding]) -> None:
    assert all(bool(one.remedy) == (one.status != "ok") for one in healthy.values())
    assert healthy["alerts"].status == "warning"


def test_the_doctor_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "raw").mkdir()

    found = diagnose(
        Settings(home=tmp_path / "home", raw=tmp_path / "raw", first_month="2099-01"),
        datetime.now(UTC),
    )

    assert worst(found) == "warning"
    assert list((tmp_path / "home").iterdir()) == list((tmp_path / "raw").iterdir()) == []


def test_a_home_that_does_not_exist_has_failed(tmp_path: Path) -> None:
    findings = diagnose(Settings(home=tmp_path / "home"), datetime.now(UTC))
    home = next(finding for finding in findings if finding.check == "home")

    assert home.status == "failed"
    assert not (tmp_path / "home").exists()


def test_an_invalid_setting_is_named_as_it_is_written(tmp_path: Path) -> None:
    lines = "CREDIT_RISK_POLICY__MINIMUM_AUC=7\nCREDIT_RISK_ENGINE=oracle\n"
    (tmp_path / SETTINGS_FILE).write_text(lines, encoding="utf-8")

    findings = diagnose_home(tmp_path)

    assert [finding.status for finding in findings] == ["failed", "failed"]
    assert findings[0].found.startswith("CREDIT_RISK_ENGINE: ")
    assert findings[1].found.startswith("CREDIT_RISK_POLICY__MINIMUM_AUC: ")


def test_a_misspelt_setting_has_failed(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text("CREDIT_RISK_DEADLINEDAY=9\n", encoding="utf-8")

    (settings,) = diagnose_home(tmp_path)

    assert settings.status == "failed"
    assert "There is no setting CREDIT_RISK_DEADLINEDAY" in settings.found


@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ([], "ok"),
        ([ok("a", "b")], "ok"),
        ([warning("a", "b", "c"), ok("a", "b")], "warning"),
        ([failed("a", "b", "c"), warning("a", "b", "c")], "failed"),
    ],
)
def test_the_worst_finding_is_the_status_of_all(findings: list[Finding], status: str) -> None:
    assert worst(findings) == status


def test_a_storage_of_dagster_that_is_down_is_a_line_and_not_the_end(patient: Settings) -> None:
    url = address("postgresql", free_port())
    config = patient.dagster_home / "dagster.yaml"
    config.write_text(f"storage: {{postgres: {{postgres_url: '{url}'}}}}\n", encoding="utf-8")

    findings = {finding.check: finding for finding in diagnose(patient, datetime.now(UTC))}

    assert findings["Dagster's storage"].status == "failed"
    assert SHOWN_NOWHERE not in str(findings)
    assert findings["models"].status == "ok"
