"""The current month's training is asked for when the policy says so, and never over its scores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from dagster._core.test_utils import create_run_for_test

from credit_risk_dagster.assets.history import early_retraining_breaches, training_verdict
from credit_risk_dagster.automation.at_work import at_work_text
from credit_risk_dagster.automation.retraining import training_request
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.monitoring.conditions import PERFORMANCE_CONDITION
from credit_risk_dagster.months import add_months
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.monitoring import REPORT
from credit_risk_dagster_tests.automation.ticks import Tick, sensor_tick
from credit_risk_dagster_tests.scored import (
    CARRIED_OVER,
    TRAINED,
    WAITING,
    copy_of,
    scored_installation,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return scored_installation(tmp_path_factory)


def in_month(settings: Settings, month: str, **policy: Any) -> Settings:
    """Return the settings on a day of a month, with another policy."""
    changed = settings.policy.model_copy(update=policy)
    return settings.model_copy(update={"last_month": month, "policy": changed})


def look(settings: Settings, instance: dg.DagsterInstance) -> Tick:
    return sensor_tick("training_due", settings, instance)


def test_a_training_that_is_not_due_is_not_asked_for_and_the_policy_says_why(
    scored: Settings, instance: dg.DagsterInstance
) -> None:
    tick = look(in_month(scored, WAITING), instance)
    assert tick.asked is None
    assert tick.reason == (
        "The last training was in 2024-01, 2 months before; the next is due 3 months after it, in "
        "2024-04."
    )


def test_a_training_that_is_due_and_not_done_is_asked_for(
    scored: Settings, instance: dg.DagsterInstance
) -> None:
    due = in_month(scored, WAITING, retrain_after_months=2)
    asked = look(due, instance).request

    assert asked.month == WAITING
    assert asked.run_key.startswith(f"training-{WAITING}-")
    assert look(due, instance).request == asked
    verdict, inputs = training_verdict(Datamart(due.home), due, WAITING)
    assert verdict.action == "retraining"
    assert all(name.rsplit("/", 1)[1] < WAITING for name in inputs)


def test_a_training_that_is_done_is_not_asked_for_again(
    scored: Settings, instance: dg.DagsterInstance
) -> None:
    tick = look(in_month(scored, TRAINED), instance)
    assert tick.asked is None
    assert tick.reason == "The training of 2024-01 is done."


def test_a_model_that_has_become_weak_is_retrained_early_where_the_policy_says_so(
    scored: Settings, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    installation = copy_of(scored, tmp_path)
    datamart = Datamart(installation.home)
    rows = datamart.read(REPORT, [CARRIED_OVER]).to_pylist()
    (light,) = (row for row in rows if row["condition"] == PERFORMANCE_CONDITION)
    light |= {"light": "red", "sentence": "current AUC is below the minimum of 0.7."}
    changed = pa.Table.from_pylist(rows, schema=REPORT.schema)
    datamart.open(REPORT, [CARRIED_OVER]).write(Draft(CARRIED_OVER, inputs={}), changed)
    early = in_month(installation, WAITING, retrain_early=True)

    breaches, inputs = early_retraining_breaches(datamart, early, WAITING)
    verdict, _ = training_verdict(datamart, early, WAITING, breaches)

    assert "2024-02 breached its limits (" in verdict.reason
    assert "current AUC is below the minimum of 0.7)" in verdict.reason
    assert f"monitoring/report/{CARRIED_OVER}" in inputs
    assert look(early, instance).request.month == WAITING
    assert look(in_month(installation, WAITING), instance).asked is None


def test_a_month_that_has_issued_scores_is_never_trained_afterwards(
    scored: Settings, instance: dg.DagsterInstance
) -> None:
    tick = look(in_month(scored, CARRIED_OVER, retrain_after_months=1), instance)
    assert tick.asked is None
    assert str(tick.reason).startswith(
        "2024-02 has issued scores, which a training would contradict: Retraining is due: 1 month "
        "after the training of 2024-01"
    )


def test_a_month_whose_predecessor_was_not_run_cannot_be_decided(scored: Settings) -> None:
    skipped = training_request(scored, Datamart(scored.home), add_months(WAITING, 1))
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == (
        "2024-04 cannot be decided yet: gold/cohort/2024-03-01 is missing. Materialize gold/cohort "
        "for 2024-03-01 first; months run in order."
    )


def test_too_little_history_asks_for_no_training(scored: Settings) -> None:
    month = scored.first_month
    skipped = training_request(scored, Datamart(scored.home), month)
    assert isinstance(skipped, dg.SkipReason)
    assert "needs 6 consecutive cohorts with loans" in str(skipped.skip_message)


def test_nothing_is_asked_for_while_a_run_is_unfinished(
    scored: Settings, instance: dg.DagsterInstance
) -> None:
    run = create_run_for_test(instance, job_name="monthly", status=dg.DagsterRunStatus.STARTED)
    tick = look(in_month(scored, WAITING, retrain_after_months=2), instance)
    assert tick.asked is None
    assert tick.reason == at_work_text(run.run_id)
