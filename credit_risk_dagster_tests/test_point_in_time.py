"""Whatever is dated after a month changes nothing that was computed for it."""

import csv
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit_risk_dagster.assets.monthly import MONTHLY_JOB, asset_key
from credit_risk_dagster.automation.runs import month_tags
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Source
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.installation import content, generated, run, small_installation
from credit_risk_dagster_tests.scored import TRAINED, scored_installation

SHORT = DemoPortfolio(last_month="2024-09", months=9, applicants_per_month=20)
REFINED = [table for table in ALL_TABLES if table.layer in ("bronze", "silver", "gold")]

Row = dict[str, str]
Mutation = Callable[[Row, Random], list[Row]]


def changed(row: Row, random: Random) -> list[Row]:
    name = random.choice([name for name in row if name != SNAPSHOT_DATE])
    return [{**row, name: f"{row[name]}9"}]


def added(row: Row, random: Random) -> list[Row]:
    return [row, {**row, next(iter(row)): f"CUS_0xadd{random.randrange(1000)}"}]


def deleted(_row: Row, _random: Random) -> list[Row]:
    return []


MUTATIONS: dict[str, Mutation] = {"changed": changed, "added": added, "deleted": deleted}


def mutate_after(folder: Path, source: Source, month: str, mutation: Mutation, seed: int) -> int:
    """Apply a mutation to about a third of a source's rows dated after a month."""
    random, path, count = Random(seed), folder / f"{source.files[0]}.csv", 0
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept: list[Row] = []
    for row in rows:
        if row[SNAPSHOT_DATE] > month and random.random() < 0.35:
            kept += mutation(row, random)
            count += 1
        else:
            kept.append(row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, source.headers, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
    return count


def refine(installation: Settings, last: str) -> None:
    """Run bronze, silver and gold up to a month."""
    job = build_definitions(installation).resolve_job_def(MONTHLY_JOB)
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance,
            tags=month_tags(installation.first_month, last),
            asset_selection=[asset_key(table) for table in REFINED],
        )
    assert result.success


@pytest.fixture(scope="module")
def short_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated(SHORT, tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def short(short_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    installation = small_installation(tmp_path_factory.mktemp("home"), short_raw, SHORT)
    refine(installation, SHORT.last_month)
    return installation


@pytest.mark.slow
@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    source=st.sampled_from(CONTRACT.sources),
    month=st.sampled_from(SHORT.month_keys[:-1]),
    mutation=st.sampled_from(sorted(MUTATIONS)),
    seed=st.integers(0, 2**16),
)
def test_refined_data_of_a_month_ignore_every_later_raw_row(
    short_raw: Path, short: Settings, source: Source, month: str, mutation: str, seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "raw")
        shutil.copytree(short_raw, raw)
        mutated = mutate_after(raw, source, month, MUTATIONS[mutation], seed)
        installation = small_installation(Path(folder, "home"), raw, SHORT)
        refine(installation, month)

        expected = {
            name: what for name, what in content(short).items() if name.rpartition("/")[2] <= month
        }
        assert mutated > 0
        assert content(installation) == expected


@pytest.mark.slow
def test_decisions_models_and_scores_of_a_month_ignore_every_later_raw_row(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    whole = scored_installation(tmp_path_factory)
    shutil.copytree(whole.raw_folder, tmp_path / "raw")
    for number, source in enumerate(CONTRACT.sources):
        assert mutate_after(tmp_path / "raw", source, TRAINED, changed, number) > 0
    cut = whole.model_copy(update={"home": tmp_path / "home", "raw": tmp_path / "raw"})
    with dg.DagsterInstance.ephemeral() as instance:
        run(cut, instance, whole.first_month, TRAINED)

    known_then = content(cut)
    assert cut_has_scores(cut)
    assert known_then == {
        name: what for name, what in content(whole).items() if name.rpartition("/")[2] <= TRAINED
    }


def cut_has_scores(installation: Settings) -> bool:
    return Datamart(installation.home).required_record(PREDICTIONS, TRAINED).rows > 0
