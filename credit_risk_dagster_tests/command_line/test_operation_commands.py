"""Backup, restore and doctor, as an operator types them."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from credit_risk_dagster.command_line import operation_commands as commands
from credit_risk_dagster.command_line.cli import app
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.installation import content
from credit_risk_dagster_tests.scored import PERSON


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Undo what a command does to the environment of this process; let no line wrap."""
    monkeypatch.setattr(commands.out, "width", 400)
    monkeypatch.setenv("DAGSTER_HOME", "to be forgotten")
    return monkeypatch


def test_what_backup_prints_is_what_restore_checks(
    installation: Settings, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    backup, home, runner = str(tmp_path / "backup"), tmp_path / "home", CliRunner()

    taken = runner.invoke(app, ["backup", backup, "--home", str(installation.home)])
    sha256 = re.search(r"[0-9a-f]{64}", taken.stdout)
    assert taken.exit_code == 0, taken.output
    assert sha256 is not None
    assert "3 models, 1 dagster runs; without the raw extracts" in taken.stdout

    done = runner.invoke(
        app,
        ["restore", backup, "--home", str(home), "--sha256", sha256[0]],
    )
    assert done.exit_code == 0, done.output
    assert f"Extracts are read from {installation.raw_folder}, which is there." in done.stdout
    assert content(installation.model_copy(update={"home": home})) == content(installation)


def test_the_doctor_prints_lines_or_json_and_its_exit_code_says_whether_something_failed(
    installation: Settings, environment: pytest.MonkeyPatch
) -> None:
    runner, home = CliRunner(), ["--home", str(installation.home)]

    well = runner.invoke(app, ["doctor", *home])
    told = runner.invoke(app, ["doctor", "--json", *home])
    environment.setenv("CREDIT_RISK_RAW", "/nowhere")
    ill = runner.invoke(app, ["doctor", "--json", *home])

    assert (well.exit_code, told.exit_code, ill.exit_code) == (0, 0, 1), well.output
    assert "All 3 models are the ones that were recorded." in well.stdout
    assert json.loads(told.stdout)["status"] == "warning"
    lines = json.loads(ill.stdout)["findings"]
    assert [line["check"] for line in lines if line["status"] == "failed"] == ["raw folder"]
    assert not any(value in well.stdout + ill.stdout for value in PERSON.values())
