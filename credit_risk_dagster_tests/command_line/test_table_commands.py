"""What an operator types about tables: upgrade, tables, maintain, reindex, doctor --repair."""

import json
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from credit_risk_dagster.command_line import operation_commands
from credit_risk_dagster.command_line.cli import app
from credit_risk_dagster.datamart.place import log_entry
from credit_risk_dagster.operations.upgrade import OLD_TABLES
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import load_settings
from credit_risk_dagster.tables.catalogue import STORED
from credit_risk_dagster.tables.gold import LABELS
from credit_risk_dagster_tests.operations.test_upgrade import LAST, NEW, OLD_HOME, OTHERWISE

TOLD = CliRunner()


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation_commands.out, "width", 400)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of the release before, taken over by the command."""
    home = tmp_path_factory.mktemp("commands") / "home"
    with tarfile.open(OLD_HOME) as archive:
        archive.extractall(home, filter="data")
    refused = TOLD.invoke(app, ["tables", "--home", str(home)])
    assert refused.exit_code == 1
    assert "Run `credit-risk upgrade`" in str(refused.exception)
    said = TOLD.invoke(app, ["upgrade", "--home", str(home)])
    assert said.exit_code == 0, said.output
    assert "Took over 238 months of 17 tables" in said.output
    assert "then run all months once" in said.output
    assert (home / OLD_TABLES).is_dir()
    return home


def test_tables_are_listed_with_version_rows_months_and_address(home: Path) -> None:
    answer = TOLD.invoke(app, ["tables", "--json", "--home", str(home)])
    listed = {one["table"]: one for one in json.loads(answer.output)}
    assert list(listed) == [path for path in STORED if not path.startswith((*NEW, *OTHERWISE))]
    labels = listed["gold/labels"]
    assert (labels["version"], labels["months"], labels["last_month"]) == (14, 14, LAST)
    assert (
        labels["rows"]
        == open_datamart(load_settings(home))
        .read(
            LABELS,
            [f"20{23 + number // 12}-{number % 12 + 1:02d}-01" for number in range(14)],
        )
        .num_rows
    )
    assert Path(labels["address"], "_delta_log").is_dir()
    assert listed["bronze/loans"]["partition_column"] == "snapshot_month"
    assert all(one["description"] for one in listed.values())

    printed = TOLD.invoke(app, ["tables", "--home", str(home)])
    assert "silver/loans_quarantined" in printed.output


def test_maintain_removes_what_a_killed_run_left_and_nothing_else(home: Path) -> None:
    tables = home / "tables"
    before = {path for path in tables.rglob("*") if path.is_file()}
    left = tables / "gold" / "labels" / f"snapshot_date={LAST}" / "left.parquet"
    left.write_bytes(b"half a file")
    said = TOLD.invoke(app, ["maintain", "--home", str(home)])
    assert said.exit_code == 0, said.output
    assert "Removed 1 files that killed runs left and 0 files of versions" in said.output
    assert {path for path in tables.rglob("*") if path.is_file()} == before


def test_a_damaged_log_is_said_and_repaired_by_the_doctor(home: Path) -> None:
    entry = open_datamart(load_settings(home)).place(LABELS).path(log_entry(7))
    written = entry.read_bytes()
    entry.write_bytes(written[:100])

    said = TOLD.invoke(app, ["doctor", "--home", str(home)])
    assert said.exit_code == 1
    assert "gold/labels: version 7 is not what was written" in said.output
    assert "doctor --repair" in said.output

    said = TOLD.invoke(app, ["doctor", "--repair", "--home", str(home)])
    assert "gold/labels: version 7 was put back from the index" in said.output
    assert f"All {len(STORED)} logs are whole." in said.output
    assert entry.read_bytes() == written


def test_the_index_is_made_anew_by_a_command(home: Path) -> None:
    said = TOLD.invoke(app, ["reindex", "--home", str(home)])
    assert said.exit_code == 0, said.output
    assert "The index was made anew from" in said.output
