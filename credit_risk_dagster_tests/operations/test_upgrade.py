"""A home that the release before made, of its own demo, is taken over and goes on."""

import json
import shutil
import tarfile
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow.parquet as pq
import pytest

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.automation.due import DueMonth, next_due_month
from credit_risk_dagster.command_line.proof import prove_score
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.errors import PartitionError, PlatformError
from credit_risk_dagster.operations import upgrade
from credit_risk_dagster.operations.artifact_addresses import follow_artifacts
from credit_risk_dagster.operations.upgrade import NEW_TABLES, OLD_TABLES, upgrade_home
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.resources.tables import open_datamart, open_index
from credit_risk_dagster.settings import Settings, load_settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES, BY_PATH
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import PERFORMANCE
from credit_risk_dagster_tests.deliveries import readable
from credit_risk_dagster_tests.installation import content, run

OLD_HOME = Path(__file__).with_name("home_of_release_0_1.tar.xz")
FIRST, LAST, NEXT = "2023-01-01", "2024-02-01", "2024-03-01"
"""The months that the release before ran, and one that is delivered and was not run."""

NEW = ("silver/clickstream_so_far", "training/scorecard", "monitoring/early_outcomes")
"""The tables that the release before did not have."""

ARTIFACTS = "file:///srv/lender/home/mlflow/artifacts"
"""Where that home kept MLflow's artifacts."""


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old") / "home"
    with tarfile.open(OLD_HOME) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def old(unpacked: Path, tmp_path: Path) -> Settings:
    """A home of the release before, to be changed."""
    return load_settings(Path(shutil.copytree(unpacked, tmp_path / "home")))


@pytest.fixture(scope="session")
def upgraded(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """That home, taken over; not to be changed."""
    home = tmp_path_factory.mktemp("upgraded") / "home"
    settings = load_settings(Path(shutil.copytree(unpacked, home)))
    upgrade_home(settings)
    return settings


@pytest.fixture(scope="session")
def caught_up(upgraded: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """That home, of which all months were run once by this release; not to be changed."""
    home = tmp_path_factory.mktemp("caught_up") / "home"
    settings = load_settings(Path(shutil.copytree(upgraded.home, home)))
    follow_artifacts(settings.tracking_uri, ARTIFACTS, settings.artifact_location)
    with dg.DagsterInstance.ephemeral() as instance:
        run(settings, instance, FIRST, LAST)
    return settings


OTHERWISE = ("silver/financials", "gold/features", "gold/cohort")
"""Have other columns than the release before gave them: a run makes them anew."""


GROWN = ("training/logistic_regression", "training/xgboost", "production/production_model")
"""Decisions whose tables have more columns since."""


def manifests(tables: Path) -> dict[str, dict[str, object]]:
    """What the release before recorded, by month of a table."""
    found = {}
    for path in tables.glob("*/*/????-??-01.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        found[f"{manifest['table']}/{manifest['month']}"] = manifest
    return found


def test_every_month_of_every_table_is_taken_over_with_its_content(upgraded: Settings) -> None:
    then = manifests(upgraded.home / OLD_TABLES)
    datamart = open_datamart(upgraded)
    now = {
        record.partition: record
        for table in ALL_TABLES
        for record in datamart.records(table).values()
    }

    assert len(now) == 17 * 14
    assert set(now) == {name for name in then if not name.startswith(OTHERWISE)}
    for name, record in now.items():
        if not name.startswith(GROWN):  # has columns since that are null in its months
            assert record.content_hash == then[name]["content_hash"]
        inputs = then[name]["inputs"]
        if not any(
            one.startswith((*OTHERWISE, *GROWN)) for one in inputs
        ):  # else what that was made of
            assert record.inputs == inputs
        assert record.facts == then[name]["facts"]
        assert record.provenance == then[name]["provenance"]


def test_the_old_files_are_kept_as_they_were(upgraded: Settings, unpacked: Path) -> None:
    before = {
        path.relative_to(unpacked / "tables"): path.read_bytes()
        for path in (unpacked / "tables").rglob("*")
        if path.is_file()
    }
    kept = upgraded.home / OLD_TABLES
    assert {path: (kept / path).read_bytes() for path in before} == before


def test_all_months_are_due_once_since_the_state_of_the_clickstream_is_new(
    upgraded: Settings, caught_up: Settings
) -> None:
    def due(settings: Settings, until: str) -> DueMonth | None:
        return next_due_month(settings, open_index(settings), readable(settings), until)

    first = due(upgraded, LAST)
    assert first is not None
    assert first.month == FIRST
    assert "was made by another definition than today's" in first.reason
    assert due(caught_up, LAST) is None
    following = due(caught_up, NEXT)
    assert following is not None
    assert following.month == NEXT


def test_months_that_are_run_again_keep_their_content_decisions_scores_and_models(
    upgraded: Settings, caught_up: Settings
) -> None:
    """Though features, and with them all that was decided, are made by another definition now."""
    now = content(caught_up)
    for name, (content_hash, beside, *_) in content(upgraded).items():
        if not name.startswith("monitoring/"):  # has other metrics since
            assert now[name][:2] == (content_hash, beside), name
    then, since = open_datamart(upgraded), open_datamart(caught_up)
    for table in (one for one in ALL_TABLES if one.decides and one.path not in NEW):
        for month, record in since.records(table).items():
            known = then.required_record(table, month)
            assert (record.definition, record.recipe) == (known.definition, known.recipe)
            assert since.read(table, [month]).equals(then.read(table, [month])), record.partition
    models = [
        sorted(path.name for path in (one.home / "models").iterdir())
        for one in (upgraded, caught_up)
    ]
    assert models[0] == [name for name in models[1] if "scorecard" not in name]


def test_no_figure_of_performance_changes(upgraded: Settings, caught_up: Settings) -> None:
    """But in its last digits, where another processor adds up otherwise."""
    named = ["snapshot_date", "basis", "metric", "subject"]
    then, since = (
        open_datamart(one).read(PERFORMANCE, [LAST]).to_pandas().set_index(named)
        for one in (upgraded, caught_up)
    )
    for figure in ("value", "lower", "upper", "sample_size"):
        again = since.loc[then.index, figure]
        np.testing.assert_allclose(again, then[figure], rtol=1e-6, err_msg=figure)


def test_the_model_in_production_scores_the_next_month(caught_up: Settings, tmp_path: Path) -> None:
    home = Path(shutil.copytree(caught_up.home, tmp_path / "home"))
    settings = load_settings(home)
    with dg.DagsterInstance.ephemeral() as instance:
        run(settings, instance, NEXT, NEXT)

    datamart = open_datamart(settings)
    production = production_record(datamart, NEXT)
    assert production["model_id"] == production_record(datamart, LAST)["model_id"] is not None
    scores = datamart.read(PREDICTIONS, [NEXT])
    assert scores.num_rows > 0
    assert set(scores["model_id"].to_pylist()) == {production["model_id"]}


def test_a_score_that_the_release_before_issued_is_proved_when_the_states_are_there(
    caught_up: Settings,
) -> None:
    datamart, models = open_datamart(caught_up), ModelStore(caught_up.home / "models")
    loan_id = datamart.read(PREDICTIONS, [LAST])["loan_id"][0].as_py()
    proof = prove_score(caught_up, datamart, models, loan_id)
    assert [claim.sentence for claim in proof.claims if not claim.holds] == []


def test_a_score_that_the_release_before_issued_is_proved(caught_up: Settings) -> None:
    datamart, models = open_datamart(caught_up), ModelStore(caught_up.home / "models")
    scores = datamart.read(PREDICTIONS, [LAST]).to_pylist()
    revised = next(row["loan_id"] for row in scores if row["revision"] == 1)
    proof = prove_score(caught_up, datamart, models, revised)

    assert [claim.sentence for claim in proof.claims if not claim.holds] == []
    said = " ".join(claim.sentence for claim in proof.claims)
    assert "did not keep the features that a correction has replaced" in said
    assert "revision 1" in said


def test_a_home_that_was_not_taken_over_says_which_command_does_it(old: Settings) -> None:
    with pytest.raises(PartitionError, match="credit-risk upgrade"):
        Datamart(old.home).months(PREDICTIONS)


def test_a_home_is_taken_over_once(upgraded: Settings) -> None:
    with pytest.raises(PlatformError, match="nothing to upgrade"):
        upgrade_home(upgraded)


def test_a_month_whose_files_were_changed_is_refused_and_nothing_is_changed(old: Settings) -> None:
    manifest = manifests(old.home / "tables")["gold/labels/2023-09-01"]
    path = old.home / "tables" / "gold" / "labels" / str(manifest["folder"]) / "rows.parquet"
    rows = pq.read_table(path, partitioning=None)
    pq.write_table(rows.slice(1), path)

    with pytest.raises(PlatformError, match="gold/labels/2023-09-01 is not what its manifest"):
        upgrade_home(old)
    assert manifests(old.home / "tables")
    assert not (old.home / OLD_TABLES).exists()


@pytest.mark.parametrize("renames", [0, 1, 2])
@pytest.mark.long
def test_an_upgrade_that_was_killed_is_ended_by_the_next_one(
    old: Settings, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    """Killed before each of the renames that swap the tables in."""
    done = []

    def rename(path: Path, target: Path) -> None:
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(path)
        path.replace(target)

    with monkeypatch.context() as patch:
        patch.setattr(upgrade, "rename", rename)
        with pytest.raises(KeyboardInterrupt):
            upgrade_home(old)

    counts = upgrade_home(old)
    assert counts == dict.fromkeys([path for path in BY_PATH if path not in (*NEW, *OTHERWISE)], 14)
    assert not (old.home / NEW_TABLES).exists()
    assert open_datamart(old).months(PREDICTIONS)[-1] == LAST
