"""The first run fixes what an installation is made of; a demo removes only what a demo made."""

import os
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from dagster._core.test_utils import create_run_for_test

from credit_risk_dagster.command_line.set_up import (
    DEMO_FOLDERS,
    begin_demo,
    known_months,
    mark_demo,
    require_snapshot,
    set_up,
)
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.settings import SETTINGS_FILE, Settings, load_settings
from credit_risk_dagster.tables.gold import LABELS

FIRST, LAST, URL = "2024-03-01", "2024-05-01", "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CREDIT_RISK_"):
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def begun(home: Path, raw: Path | None, first: str = FIRST, last: str = LAST) -> Settings:
    return set_up(load_settings(home), raw, first, last, URL)


def with_tables(home: Path) -> None:
    rows: pa.Table = LABELS.schema.empty_table()
    Datamart(home).open(LABELS, [FIRST]).write(Draft(FIRST, inputs={}), rows)


def written_by_hand(home: Path, text: str) -> None:
    folder(home)
    (home / SETTINGS_FILE).write_text(text, encoding="utf-8")


def test_the_first_run_saves_its_folder_and_its_first_month_wherever_it_was_started(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = folder(tmp_path / "extracts")
    monkeypatch.chdir(tmp_path)
    begun(home, Path("extracts"))
    monkeypatch.chdir(folder(tmp_path / "elsewhere"))

    settings = load_settings(home)
    assert (settings.raw_folder, settings.first_month) == (raw, FIRST)
    assert settings.reports_url == URL


def test_the_raw_folder_of_the_home_moves_with_it(home: Path, tmp_path: Path) -> None:
    folder(home / "raw")
    begun(home, home / "raw")
    assert str(tmp_path) not in (home / SETTINGS_FILE).read_text(encoding="utf-8")
    home.rename(tmp_path / "moved")
    assert load_settings(tmp_path / "moved").raw_folder == tmp_path / "moved" / "raw"


def test_a_mistyped_folder_is_refused_and_nothing_is_saved(home: Path, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=f"There is no folder {tmp_path / 'extarcts'}"):
        begun(home, tmp_path / "extarcts")
    assert not home.exists()


def test_until_there_are_tables_another_folder_and_another_month_can_be_named(
    home: Path, tmp_path: Path
) -> None:
    wrong, right = folder(tmp_path / "wrong"), folder(tmp_path / "right")
    begun(home, wrong, first="2024-04-01")
    settings = begun(home, right, first="2024-02-01")
    assert (settings.raw_folder, settings.first_month) == (right, "2024-02-01")

    with_tables(home)
    assert known_months(home) == [FIRST]
    with pytest.raises(PlatformError, match=f"is set up on the raw folder {right}. Give --home"):
        begun(home, wrong)
    assert begun(home, None).raw_folder == right
    with pytest.raises(PlatformError, match="2024-01 is before 2024-02, with which"):
        begun(home, None, first="2024-01-01")


def test_settings_written_by_hand_are_heard_and_kept(home: Path, tmp_path: Path) -> None:
    raw = folder(tmp_path / "extracts")
    by_hand = f"# ours\nCREDIT_RISK_RAW={raw}\nCREDIT_RISK_POLICY__TRAIN_MONTHS=6\n"
    written_by_hand(home, by_hand + "CREDIT_RISK_REPORTS_URL=https://reports.lender.example\n")

    settings = begun(home, None)
    assert (settings.raw_folder, settings.first_month) == (raw, FIRST)
    assert settings.policy.train_months == 6
    assert settings.reports_url == "https://reports.lender.example"
    assert (home / SETTINGS_FILE).read_text(encoding="utf-8").startswith("# ours\n")


def test_a_folder_that_the_environment_contradicts_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDIT_RISK_RAW", str(folder(tmp_path / "one")))
    with pytest.raises(PlatformError, match="or in the environment"):
        begun(home, folder(tmp_path / "other"))


def test_a_month_without_a_snapshot_is_refused_before_anything_is_saved(
    home: Path, tmp_path: Path
) -> None:
    written_by_hand(home, "CREDIT_RISK_LAST_MONTH=2024-04\n")
    with pytest.raises(PlatformError, match="2024-05 has no snapshot yet: the newest month is"):
        begun(home, folder(tmp_path / "extracts"))
    assert "FIRST_MONTH" not in (home / SETTINGS_FILE).read_text(encoding="utf-8")
    require_snapshot(load_settings(home), "2024-04-01")


def demo(home: Path) -> None:
    """What `credit-risk demo` leaves behind."""
    begin_demo(load_settings(home))
    for name in DEMO_FOLDERS:
        folder(home / name)
    (home / "raw" / "loans.csv").write_text("demo\n", encoding="utf-8")
    mark_demo(home)


def test_a_demo_takes_the_place_of_an_earlier_one_and_keeps_what_was_set_by_hand(
    home: Path,
) -> None:
    written_by_hand(home, "CREDIT_RISK_ENGINE=duckdb\n")
    demo(home)
    begin_demo(load_settings(home))
    assert not [name for name in DEMO_FOLDERS if (home / name).exists()]
    assert (home / SETTINGS_FILE).read_text(encoding="utf-8") == "CREDIT_RISK_ENGINE=duckdb\n"


@pytest.mark.parametrize("name", DEMO_FOLDERS)
def test_a_demo_never_removes_what_no_demo_made(home: Path, name: str) -> None:
    folder(home / name)
    with pytest.raises(PlatformError, match=f"holds data that is not a demo: {name}"):
        begin_demo(load_settings(home))
    assert (home / name).is_dir()


def test_a_demo_never_moves_in_where_other_extracts_are_awaited(home: Path) -> None:
    written_by_hand(home, "CREDIT_RISK_RAW=/extracts\n")
    with pytest.raises(PlatformError, match="not a demo: settings for /extracts"):
        begin_demo(load_settings(home))


@pytest.mark.parametrize("name", ["own.csv", "loans.csv", "own/loans.csv"])
def test_extracts_that_were_dropped_beside_those_of_a_demo_are_never_removed(
    home: Path, name: str
) -> None:
    demo(home)
    own = home / "raw" / name
    own.parent.mkdir(exist_ok=True)
    own.write_text("a lender's own\n", encoding="utf-8")
    with pytest.raises(PlatformError, match=f"did not make: {name.split('/')[0]}. Move them away"):
        begin_demo(load_settings(home))
    assert own.is_file()
    assert (home / "tables").is_dir()


def test_a_demo_is_not_removed_under_a_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo(home)
    settings = load_settings(home)
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    with open_instance(settings) as instance:
        create_run_for_test(instance, job_name="monthly", status=dg.DagsterRunStatus.STARTED)
    with pytest.raises(PlatformError, match="is at work; months run one at a time"):
        begin_demo(settings)
    assert (home / "tables").is_dir()
