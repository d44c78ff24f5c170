"""A model learns from cohorts of one definition, or it does not learn at all."""

from pathlib import Path

import dagster as dg
import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.months import month_range
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE, LABELS
from credit_risk_dagster.tables.training import CANDIDATE_TABLES, TRAINING_DECISION
from credit_risk_dagster_tests.redefined import another_definition_of_default
from credit_risk_dagster_tests.scored import CARRIED_OVER, WAITING, copy_of, scored_installation
from credit_risk_dagster_tests.table_runs import failures, run_tables

pytestmark = pytest.mark.slow

WINDOW = month_range("2023-09-01", CARRIED_OVER)
APPLICANTS = tuple(
    one for one in ALL_TABLES if one.layer in ("bronze", "silver") or one is FEATURES_TABLE
)
TABLES = (TRAINING_DECISION, *CANDIDATE_TABLES.values())


@pytest.fixture
def training_again(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation whose next month trains again."""
    settings = copy_of(scored_installation(tmp_path_factory), tmp_path)
    policy = settings.policy.model_copy(update={"retrain_after_months": 2})
    return settings.model_copy(update={"policy": policy})


def trained(settings: Settings) -> list[str | None]:
    """Return the models of the month that trains again, one a candidate."""
    datamart = Datamart(settings.home)
    tables = CANDIDATE_TABLES.values()
    return [datamart.read(table, [WAITING])["model_id"][0].as_py() for table in tables]


def test_a_training_on_cohorts_of_two_definitions_is_refused_until_they_are_of_one(
    training_again: Settings,
) -> None:
    models = sorted((training_again.home / "models").iterdir())
    with another_definition_of_default(), dg.DagsterInstance.ephemeral() as instance:
        redefined = (LABELS, COHORT)
        assert run_tables(training_again, instance, CARRIED_OVER, CARRIED_OVER, *redefined).success
        assert run_tables(training_again, instance, WAITING, WAITING, *APPLICANTS).success
        refused = run_tables(training_again, instance, WAITING, WAITING, *TABLES)

        assert set(failures(refused)) == {f"training__{name}" for name in CANDIDATE_TABLES}
        for said in failures(refused).values():
            assert said == (
                "The cohorts of this training were made by 2 definitions: 2023-09 to 2024-01; "
                "2024-02. Run the months from 2023-09 on again, so that all are made by "
                "today's."
            )
        datamart = Datamart(training_again.home)
        assert WAITING not in {month for table in TABLES[1:] for month in datamart.months(table)}
        assert sorted((training_again.home / "models").iterdir()) == models

        assert run_tables(training_again, instance, WINDOW[0], WINDOW[-1], *redefined).success
        assert run_tables(training_again, instance, WAITING, WAITING, *TABLES).success
    assert all(model and model.startswith("2024-03-") for model in trained(training_again))
