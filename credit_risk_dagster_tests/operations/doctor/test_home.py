"""What the doctor says of the home: access, permissions, space, leftovers."""

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.operations.doctor import home
from credit_risk_dagster.operations.doctor.finding import Finding
from credit_risk_dagster.operations.doctor.home import home_findings, month_bytes
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import STORED
from credit_risk_dagster.tables.gold import COHORT
from credit_risk_dagster_tests.scored import TRAINED

Usage = namedtuple("Usage", "total used free")


def seen(settings: Settings, run_at_work: str | None = None) -> dict[str, Finding]:
    return {
        finding.check: finding
        for finding in home_findings(settings, run_at_work, logs_are_whole=True)
    }


def test_a_home_that_cannot_be_written_has_failed() -> None:
    found = home._writable(Path("/proc"))  # where not even root may

    assert found.status == "failed"
    assert "cannot be written" in found.found


@pytest.fixture
def reachable(patient: Settings) -> Settings:
    """An installation in folders that every user of the machine may enter."""
    folder = patient.home
    while folder != folder.parent:
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(0o711)
        folder = folder.parent
    return patient


@pytest.mark.parametrize(
    ("check", "place"),
    [
        ("permissions of bronze", "tables/bronze"),
        ("permissions of raw folder", "../raw"),
        ("permissions of settings.env", "settings.env"),
    ],
)
def test_personal_data_and_passwords_that_others_can_read_are_a_warning_with_the_command(
    reachable: Settings, check: str, place: str
) -> None:
    path = (reachable.home / place).resolve()
    path.chmod(0o755)
    found = seen(reachable)[check]
    path.chmod(0o750)

    assert found.status == "warning"
    assert found.remedy == f"chmod {'-R ' if path.is_dir() else ''}o-rwx {path}"
    assert seen(reachable)[check].status == "ok"


def test_a_folder_above_that_is_closed_closes_what_is_in_it(reachable: Settings) -> None:
    (reachable.home / "tables" / "bronze").chmod(0o755)
    reachable.home.chmod(0o700)

    assert seen(reachable)["permissions of bronze"].status == "ok"


@pytest.mark.parametrize(("months", "status"), [(1, "failed"), (6, "warning"), (24, "ok")])
def test_the_space_that_is_free_is_measured_in_months(
    installation: Settings, monkeypatch: pytest.MonkeyPatch, months: int, status: str
) -> None:
    free = months * month_bytes(installation) + 1
    monkeypatch.setattr(home.shutil, "disk_usage", lambda _: Usage(10**15, 0, free))

    assert seen(installation)["disk"].status == status


def test_a_month_takes_its_partitions_and_its_share_of_what_all_months_share(
    patient: Settings,
) -> None:
    datamart = Datamart(patient.home)
    months = datamart.months(COHORT)
    sizes = {
        month: sum(
            path.stat().st_size
            for table in STORED.values()
            for path in datamart.place(table).folder.glob(f"{table.month_column}={month}/*")
        )
        for month in months
    }
    shared = month_bytes(patient) - max(sizes.values())
    (patient.home / "models" / "large").write_bytes(b"x" * 10**7 * len(months))
    (patient.home / "raw").mkdir()
    (patient.home / "raw" / "loans.csv").write_bytes(b"x" * 10**6)

    assert shared > 0
    assert month_bytes(patient) == pytest.approx(max(sizes.values()) + shared + 10**7, rel=0.001)


def test_what_an_interrupted_run_left_is_a_warning_and_what_a_run_writes_is_not(
    patient: Settings,
) -> None:
    staged = patient.home / "tables" / "silver" / "loans" / ".staging-5f"
    staged.mkdir(parents=True)

    alone, at_work = seen(patient)["leftovers"], seen(patient, "77a0")["leftovers"]

    assert alone.status == "warning"
    assert "tables/silver/loans/.staging-5f" in alone.found
    assert "credit-risk maintain" in alone.remedy
    assert at_work.status == "ok"
    assert "Run 77a0 is writing" in at_work.found


def test_every_kind_of_leftover_is_found(patient: Settings) -> None:
    folders = {
        patient.home / ".restoring",
        patient.home / "models" / f".{'a' * 32}",
        patient.home / "tables" / "silver" / "loans" / ".staging-5f",
    }
    for path in folders:
        path.mkdir(parents=True)
    staged = patient.home / "tables" / COHORT.path / f"snapshot_date={TRAINED}" / "5f.parquet"
    staged.touch()

    assert set(home.leftovers(patient)) == folders | {staged}


def test_a_restore_that_did_not_end_has_failed(patient: Settings) -> None:
    assert "restore" not in seen(patient)
    (patient.home / ".restoring").mkdir()

    assert seen(patient)["restore"].status == "failed"


def test_rows_that_were_refused_are_named_until_someone_removes_them(patient: Settings) -> None:
    aside = patient.home / "tables" / "silver" / "loans" / ".refused" / TRAINED
    aside.mkdir(parents=True)
    (aside / "rows.parquet").touch()

    assert f"silver/loans/.refused/{TRAINED}" in seen(patient)["refused rows"].found
    shutil.rmtree(aside)
    assert "refused rows" not in seen(patient)


def test_a_path_is_open_only_with_all_above_it(tmp_path: Path) -> None:
    assert not home._is_open(tmp_path)
