"""A copy of the installation, to be made ill."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from credit_risk_dagster.operations.doctor.diagnosis import diagnose
from credit_risk_dagster.operations.doctor.finding import Finding
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.scored import copy_of


@pytest.fixture
def patient(installation: Settings, tmp_path: Path) -> Settings:
    return copy_of(installation, tmp_path)


@pytest.fixture(scope="session")
def healthy(installation: Settings) -> dict[str, Finding]:
    """What the doctor says of an installation that is well, by what was looked at."""
    findings = diagnose(installation, datetime.now(UTC))
    named = {finding.check: finding for finding in findings}
    assert len(named) == len(findings)
    return named
