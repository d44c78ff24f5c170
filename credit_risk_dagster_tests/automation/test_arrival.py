"""A month starts when it has been delivered, again when it is corrected, or at its deadline."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import RunFailureReason
from dagster._core.storage.tags import MAX_RETRIES_TAG, PARTITION_NAME_TAG, RUN_FAILURE_REASON_TAG
from dagster._core.test_utils import create_run_for_test

from credit_risk_dagster.automation.arrival import ATTEMPTS, DELIVERY_TAG, REASON_TAG
from credit_risk_dagster.automation.at_work import at_work_text, command_tags
from credit_risk_dagster.contract.reference import CLICKSTREAM, FINANCIALS, LOANS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.demo.extracts import Layout
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster_tests.automation.ticks import Asked, Tick, deadline_tick, sensor_tick
from credit_risk_dagster_tests.deliveries import (
    FIRST,
    LAST,
    Deliver,
    Row,
    change_rows,
    change_text,
    delivered,
    file_of,
    set_values,
)
from credit_risk_dagster_tests.reference_tables import BRONZE_FINANCIALS, BRONZE_LOANS, SILVER_LOANS
from credit_risk_dagster_tests.scored import (
    CARRIED_OVER,
    TRAINED,
    WAITING,
    copy_of,
    scored_installation,
)
from credit_risk_dagster_tests.table_runs import failures, run_tables

OF_A_STEP = {RUN_FAILURE_REASON_TAG: RunFailureReason.STEP_FAILURE.value}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def stored_instance() -> Iterator[dg.DagsterInstance]:
    """An instance on disk, which schedules ask for."""
    with dg.instance_for_test() as opened:
        yield opened


@pytest.fixture
def deliver(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Deliver:
    def to_new_installation(layout: Layout = "cumulative") -> Settings:
        return delivered(layout, tmp_path, tmp_path_factory)

    return to_new_installation


@pytest.fixture
def scored(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return scored_installation(tmp_path_factory)


def look(settings: Settings, instance: dg.DagsterInstance, cursor: str | None = None) -> Tick:
    return sensor_tick("delivery_arrived", settings, instance, cursor)


def pretend_run(
    instance: dg.DagsterInstance, asked: Asked, status: dg.DagsterRunStatus, **tags: str
) -> dg.DagsterRun:
    """Record a run that was asked for, without running it."""
    tags = {**asked.tags, PARTITION_NAME_TAG: asked.month, **tags}
    run: dg.DagsterRun = create_run_for_test(instance, job_name="monthly", tags=tags, status=status)
    return run


def test_a_month_waits_for_what_is_missing_and_names_the_files(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver("monthly")
    for source in (FINANCIALS, CLICKSTREAM):
        file_of(settings, source, FIRST).unlink()

    tick = look(settings, instance)
    assert tick.asked is None
    assert tick.reason == (
        "2024-01 waits for financials (features_financials.csv with all months, or "
        "features_financials_2024-01.csv), clickstream (feature_clickstream.csv with all months, "
        "or feature_clickstream_2024-01.csv)."
    )


@pytest.mark.parametrize("layout", ["cumulative", "monthly"])
def test_the_first_month_that_is_delivered_is_asked_for_with_its_delivery(
    deliver: Deliver, instance: dg.DagsterInstance, layout: Layout
) -> None:
    asked = look(deliver(layout), instance).request

    assert asked.month == FIRST
    assert len(asked.tags[DELIVERY_TAG]) == 16
    assert asked.run_key == f"{FIRST}-{asked.tags[DELIVERY_TAG]}-1"
    assert asked.tags[REASON_TAG] == "bronze/loans has no 2024-01 yet"


def test_both_layouts_of_the_same_rows_are_the_same_delivery(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance
) -> None:
    keys = {
        look(delivered(layout, tmp_path / layout, tmp_path_factory), instance).request.run_key
        for layout in ("cumulative", "monthly")
    }
    assert len(keys) == 1


def test_a_folder_that_has_not_changed_is_not_read_again(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    first = look(settings, instance)
    path = file_of(settings, LOANS)
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.write_text(path.read_text(encoding="utf-8").replace("10000", "90000"), encoding="utf-8")
    os.utime(path, ns=times)

    unread = look(settings, instance, first.cursor)
    assert unread == first
    os.utime(path)
    read = look(settings, instance, first.cursor)
    assert read.cursor != first.cursor
    assert read.request.run_key != first.request.run_key


def test_a_file_that_cannot_be_read_keeps_the_sensor_waiting_with_the_reason(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    change_text(settings, FINANCIALS, lambda text: text.replace("Annual_Income", "Income", 1))

    tick = look(settings, instance)
    assert tick.asked is None
    assert str(tick.reason).startswith(
        "2024-01 waits for financials (features_financials.csv with all months, or "
        "features_financials_2024-01.csv). features_financials.csv lacks Annual_Income; its header "
        "is"
    )


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ],
)
def test_nothing_is_asked_for_while_a_run_is_unfinished(
    deliver: Deliver, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    run = create_run_for_test(instance, job_name="training", status=status)
    tick = look(deliver(), instance)
    assert tick.asked is None
    assert tick.reason == at_work_text(run.run_id)


def test_a_run_of_the_command_line_that_died_does_not_stop_automation(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    status = dg.DagsterRunStatus.STARTED
    run = create_run_for_test(instance, job_name="monthly", status=status)
    instance.add_run_tags(run.run_id, command_tags(run.run_id))

    assert look(deliver(), instance).request.month == FIRST
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE


def test_a_failed_month_is_not_asked_for_again_until_it_is_corrected(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    good = file_of(settings, LOANS).read_text(encoding="utf-8")
    change_rows(settings, LOANS, set_values("balance", "unknown"), FIRST)
    asked = look(settings, instance).request
    tables = (BRONZE_LOANS, BRONZE_FINANCIALS, SILVER_LOANS)
    run = run_tables(settings, instance, FIRST, FIRST, *tables, tags=asked.tags)

    assert "silver/loans/2024-01-01 was refused" in failures(run)["silver__loans"]
    assert look(settings, instance).reason == (
        f"2024-01 was started on this delivery: run {run.run_id}, failure. A corrected delivery "
        "starts it again; to run it as it is, run the month by hand."
    )

    change_text(settings, LOANS, lambda _: good)
    corrected = look(settings, instance).request
    assert corrected.month == FIRST
    assert corrected.tags[DELIVERY_TAG] != asked.tags[DELIVERY_TAG]


def test_a_month_whose_run_lost_its_process_is_asked_for_again_a_few_times(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings, retries = deliver(), list[str]()
    for _ in range(ATTEMPTS):
        asked = look(settings, instance).request
        assert asked.month == FIRST
        retries.append(asked.tags[MAX_RETRIES_TAG])
        pretend_run(instance, asked, dg.DagsterRunStatus.FAILURE)

    assert retries == ["3", "2", "1", "0"]
    assert "was started on this delivery" in str(look(settings, instance).reason)


def test_a_month_that_a_person_cancelled_is_not_asked_for_again(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    pretend_run(instance, look(settings, instance).request, dg.DagsterRunStatus.CANCELED)

    assert "was started on this delivery" in str(look(settings, instance).reason)


def test_a_correction_that_is_taken_back_is_asked_for_once_more(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    good = file_of(settings, LOANS).read_text(encoding="utf-8")
    wrong = good.replace("10000", "90000")
    asked = []
    for text in (good, wrong, good, wrong):
        file_of(settings, LOANS).write_text(text, encoding="utf-8")
        asked.append(look(settings, instance).request)
        pretend_run(instance, asked[-1], dg.DagsterRunStatus.FAILURE, **OF_A_STEP)
        assert "was started on this delivery" in str(look(settings, instance).reason)

    states = [one.tags[DELIVERY_TAG] for one in asked]
    assert states[0] == states[2] != states[1] == states[3]
    assert len({one.run_key for one in asked}) == 4


@pytest.mark.slow
def test_the_next_delivered_month_is_asked_for_when_all_before_it_are_up_to_date(
    scored: Settings, stored_instance: dg.DagsterInstance
) -> None:
    assert look(scored, stored_instance).request.month == WAITING

    until_now = scored.model_copy(update={"last_month": CARRIED_OVER})
    assert look(until_now, stored_instance).reason == "Every month up to 2024-02 is up to date."
    assert deadline_tick(until_now, stored_instance).reason == "2024-02 is up to date."


@pytest.mark.slow
def test_a_corrected_delivery_reruns_its_month_and_then_those_that_read_it_in_order(
    scored: Settings, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    settings = copy_of(scored, tmp_path, last_month=CARRIED_OVER)
    datamart = Datamart(settings.home)
    issued = datamart.read(PREDICTIONS, [TRAINED])
    production = contents(datamart)
    applicant = issued.column("customer_id")[0].as_py()
    change_rows(settings, CLICKSTREAM, more_clicks_of(applicant), TRAINED)

    asked = {}
    while (tick := look(settings, instance)).asked is not None:
        asked[tick.request.month] = tick.request.tags[REASON_TAG]
        month = tick.request.month
        assert run_tables(settings, instance, month, month, tags=tick.request.tags).success

    assert asked == {
        TRAINED: "delivery/clickstream/2024-01-01 has changed since bronze/clickstream/2024-01-01 "
        "was made of it",
        CARRIED_OVER: "silver/clickstream_so_far/2024-01-01 has changed since "
        "silver/clickstream_so_far/2024-02-01 was made of it",
    }
    assert list(asked) == [TRAINED, CARRIED_OVER]
    assert tick.reason == "Every month up to 2024-02 is up to date."
    assert contents(datamart) == production
    scores = datamart.read(PREDICTIONS, [TRAINED]).to_pandas()
    kept, revised = (scores[scores["revision"] == revision] for revision in (0, 1))
    assert len(kept) + len(revised) == len(scores)
    assert kept.equals(issued.to_pandas())
    changed = kept["probability"].to_numpy() != revised["probability"].to_numpy()
    assert kept["customer_id"][changed].tolist() == [applicant]


def contents(datamart: Datamart) -> dict[str, str]:
    """Return what was in production in the two months, by content."""
    records = datamart.inputs(PRODUCTION_MODEL, [TRAINED, CARRIED_OVER])
    return {name: one.content_hash for name, one in records.items()}


def more_clicks_of(customer: str) -> Callable[[list[Row]], list[Row]]:
    def change(rows: list[Row]) -> list[Row]:
        return [
            {**row, **{f"fe_{n}": "400" for n in range(1, 11)}}
            if row["Customer_ID"] == customer
            else row
            for row in rows
        ]

    return change


def test_the_deadline_starts_the_month_whatever_is_missing_and_the_run_says_so(
    deliver: Deliver, stored_instance: dg.DagsterInstance
) -> None:
    settings = deliver("monthly")
    file_of(settings, FINANCIALS, LAST).unlink()
    asked = deadline_tick(settings, stored_instance).request
    tables = (BRONZE_LOANS, BRONZE_FINANCIALS)
    run = run_tables(settings, stored_instance, LAST, LAST, *tables, tags=asked.tags)

    assert asked.month == LAST
    assert "financials: nothing was delivered for 2024-03" in failures(run)["bronze__financials"]
    assert f"was started on this delivery: run {run.run_id}, failure." in str(
        deadline_tick(settings, stored_instance).reason
    )


def test_the_deadline_starts_a_month_that_cannot_be_read_so_that_the_run_fails_loudly(
    deliver: Deliver, stored_instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    change_text(settings, FINANCIALS, lambda _: "")
    asked = deadline_tick(settings, stored_instance).request
    run = run_tables(settings, stored_instance, LAST, LAST, BRONZE_FINANCIALS, tags=asked.tags)

    assert asked.month == LAST
    assert "features_financials.csv is empty (0 bytes)" in failures(run)["bronze__financials"]
    assert "was started on this delivery" in str(deadline_tick(settings, stored_instance).reason)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS])
def test_the_deadline_starts_no_month_that_was_started_on_its_delivery(
    deliver: Deliver, stored_instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    settings = deliver().model_copy(update={"last_month": FIRST})
    run = pretend_run(stored_instance, look(settings, stored_instance).request, status)

    tick = deadline_tick(settings, stored_instance)
    assert tick.asked is None
    assert str(tick.reason).startswith(
        f"2024-01 was started on this delivery: run {run.run_id}, {status.value.lower()}."
    )


def test_the_deadline_is_that_of_the_month_it_falls_in(
    deliver: Deliver, stored_instance: dg.DagsterInstance
) -> None:
    settings = deliver().model_copy(update={"last_month": None})
    at = datetime(2024, 2, 5, 6, tzinfo=UTC)
    assert deadline_tick(settings, stored_instance, at).request.month == "2024-02-01"
