"""The command line, as a newcomer, an operator and a validator meet it."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from credit_risk_dagster.command_line.cli import end_of_day
from credit_risk_dagster.errors import PlatformError


def credit_risk(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a folder, with no setting but the width of the terminal."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CREDIT_RISK_")
    }
    command = Path(sys.executable).with_name("credit-risk")
    return subprocess.run(
        [str(command), *arguments],
        cwd=cwd,
        env={**environment, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    size = ["--months", "3", "--applicants", "25", "--ending", "2025-03"]
    done = credit_risk("demo", *size, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_the_demo_saves_its_months_and_paths_beside_its_data(demo_folder: Path) -> None:
    saved = (demo_folder / "datamart" / "settings.env").read_text()

    assert "CREDIT_RISK_FIRST_MONTH='2025-01-01'\n" in saved
    assert str(demo_folder) not in saved


@pytest.mark.slow
def test_status_says_what_was_decided_and_gives_every_figure_as_json(demo_folder: Path) -> None:
    shown = credit_risk("status", cwd=demo_folder)
    told = credit_risk("status", "--json", "--months", "2025-02..2025-03", cwd=demo_folder)
    records = json.loads(told.stdout)

    assert "2025-01 to 2025-03: too little history to train on, 3 months." in shown.stdout
    assert [record["month"] for record in records] == ["2025-02-01", "2025-03-01"]
    assert records[0]["rows"]["loans"]["delivered"] > 0
    assert records[0]["production_action"] == "none_yet"
    assert ("training/training_decision", "enough_history", "WARN") in [
        (check["table"], check["name"], check["severity"]) for check in records[0]["failed_checks"]
    ]


@pytest.mark.slow
def test_explain_shows_what_was_known_of_an_applicant_without_a_model(demo_folder: Path) -> None:
    raw = (demo_folder / "datamart" / "raw" / "lms_loan_daily.csv").read_text().splitlines()
    loan_id = next(line.split(",")[0] for line in raw if "_2025_02_01," in line)
    told = credit_risk("explain", loan_id, "--json", cwd=demo_folder)
    proof = json.loads(told.stdout)

    assert told.returncode == 0
    assert proof["application_month"] == "2025-02-01"
    assert proof["model"] is None
    assert proof["scores"] == []
    assert proof["outcome"]["status"] == "pending"
    assert all(claim["holds"] for claim in proof["claims"])
    assert {row["SSN"] for row in proof["raw"]["attributes"]} <= {"masked"}
    assert "masked" in credit_risk("explain", loan_id, cwd=demo_folder).stdout


@pytest.mark.slow
def test_an_unknown_loan_is_an_error_in_words(demo_folder: Path) -> None:
    told = credit_risk("explain", "CUS_0x0_2025_01_01", cwd=demo_folder)

    assert told.returncode == 1
    assert "No application with the loan CUS_0x0_2025_01_01" in told.stderr
    assert "A loan is named like CUS_0x" in " ".join(told.stderr.split())
    assert "Traceback" not in told.stderr


@pytest.mark.slow
def test_explain_reads_everything_as_of_a_day_where_one_is_given(demo_folder: Path) -> None:
    raw = (demo_folder / "datamart" / "raw" / "lms_loan_daily.csv").read_text().splitlines()
    loan_id = next(line.split(",")[0] for line in raw if "_2025_02_01," in line)
    today = datetime.now(UTC).date().isoformat()
    now, then = (
        credit_risk("explain", loan_id, "--json", "--as-of", day, cwd=demo_folder)
        for day in (today, "2025-01-31")
    )

    assert json.loads(now.stdout)["application_month"] == "2025-02-01"
    assert then.returncode == 1
    assert f"No application with the loan {loan_id} in the datamart, which holds no month yet" in (
        then.stderr
    )


def test_a_day_ends_with_its_last_moment_and_anything_else_is_no_day() -> None:
    assert end_of_day("2024-02-29") == datetime(2024, 2, 29, 23, 59, 59, 999_999, UTC)
    for text in ("2024-02-30", "2024-02", "yesterday"):
        with pytest.raises(PlatformError, match=f"'{text}' is not a day: write it as YYYY-MM-DD."):
            end_of_day(text)


@pytest.mark.slow
def test_a_wrong_folder_ends_in_the_words_of_the_asset(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    wrong = credit_risk("run", "--raw", "empty", "--months", "2025-01", cwd=tmp_path)

    assert wrong.returncode == 1
    assert "financials: nothing was delivered for 2025-01" in wrong.stdout
    assert "Traceback" not in wrong.stdout + wrong.stderr


def test_the_demo_never_removes_what_is_not_a_demo(tmp_path: Path) -> None:
    (tmp_path / "datamart" / "tables").mkdir(parents=True)

    told = credit_risk("demo", cwd=tmp_path)

    assert told.returncode == 1
    assert "holds data that is not a demo: tables" in told.stderr
    assert (tmp_path / "datamart" / "tables").is_dir()


def test_a_month_that_is_none_and_an_empty_installation_are_errors_in_words(
    tmp_path: Path,
) -> None:
    assert "is not a month" in credit_risk("run", "--months", "2025-13", cwd=tmp_path).stderr
    assert "No month has been run" in credit_risk("status", cwd=tmp_path).stderr
    backwards = credit_risk("run", "--months", "2025-03..2025-01", cwd=tmp_path)
    assert "ends before it begins" in backwards.stderr
