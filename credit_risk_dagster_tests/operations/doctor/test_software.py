"""What the doctor says of installed packages and of Java."""

from importlib.metadata import PackageNotFoundError

import pytest

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations.doctor import software
from credit_risk_dagster.operations.doctor.finding import Finding
from credit_risk_dagster.operations.doctor.software import software_findings
from credit_risk_dagster.settings import Settings


def seen(settings: Settings) -> dict[str, Finding]:
    return {finding.check: finding for finding in software_findings(settings)}


def test_packages_that_do_not_fit_what_is_declared_are_named(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = ["dagster==1.0.0", "no-such-package>=2", "pandas>=2", 'pytest<1; extra == "dev"']
    monkeypatch.setattr(software, "requires", lambda _: declared)

    found = seen(installation)["packages"]

    assert found.status == "failed"
    assert found.found.startswith("2 of 3 do not fit: dagster==1.0.0 (installed: 1.")
    assert "no-such-package>=2 (installed: nothing)" in found.found


def test_a_checkout_that_is_not_installed_is_said(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_installed(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(software, "version", not_installed)

    assert seen(installation)["packages"].status == "warning"


def test_java_is_looked_for_only_where_spark_needs_it(
    patient: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_found(folder: object) -> None:
        raise PlatformError("The pyspark engine needs Java 17 or 21.")

    monkeypatch.setattr(software, "prepare_java", none_found)
    spark = patient.model_copy(update={"engine": "pyspark"})

    assert "Java" not in seen(patient)
    assert seen(spark)["Java"].status == "failed"
    assert "Java" not in seen(spark.model_copy(update={"spark_master": "sc://spark:15002"}))
