"""The alert sensor sees what is wrong in an installation, tells it once, and when it is over."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.place import log_entry
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.observability.alerting.active import active_alerts
from credit_risk_dagster.operations.doctor.stored import repair_logs
from credit_risk_dagster.resources.tables import open_index
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.monitoring import REPORT
from credit_risk_dagster_tests.automation.ticks import sensor_tick
from credit_risk_dagster_tests.checks.tampering import rewrite
from credit_risk_dagster_tests.deliveries import (
    FIRST,
    LAST,
    MIDDLE,
    change_rows,
    change_text,
    delivered,
    file_of,
)
from credit_risk_dagster_tests.observability.alerting.receivers import Webhook, webhook_server
from credit_risk_dagster_tests.reference_tables import BRONZE_ATTRIBUTES, SILVER_ATTRIBUTES
from credit_risk_dagster_tests.table_runs import run_tables

TABLES = (BRONZE_ATTRIBUTES, SILVER_ATTRIBUTES)
BEFORE_THE_DEADLINE, DEADLINE = date(2024, 3, 4), date(2024, 3, 5)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def settings(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, webhook: Webhook
) -> Settings:
    alerts = {"webhook": webhook.url, "muted": ("late_data",)}
    return delivered("monthly", tmp_path, tmp_path_factory, alerts=alerts)


def found(
    settings: Settings, instance: dg.DagsterInstance, today: date = BEFORE_THE_DEADLINE
) -> dict[tuple[str, str], str]:
    """What is wrong now: the finding by condition and month."""
    alerts = active_alerts(instance, Datamart(settings.home), open_index(settings), settings, today)
    return {(alert.condition, alert.month): alert.sentence for alert in alerts}


def test_a_failed_check_is_posted_once_and_is_over_when_the_month_is_corrected(
    settings: Settings, instance: dg.DagsterInstance, webhook: Webhook
) -> None:
    path = change_text(settings, ATTRIBUTES, lambda text: text[:-8])
    run_tables(settings, instance, MIDDLE, MIDDLE, BRONZE_ATTRIBUTES)
    ticks = [sensor_tick("alerts", settings, instance) for _ in range(2)]

    finding = (
        "2024-02 failed_check bronze/attributes whole_lines: 2024-02: 1 line could not be read: "
        f"line 61 of {path.name}: last line has no line end, so it may be cut off. Ask for a "
        "corrected delivery."
    )
    assert [tick.reason for tick in ticks] == [
        "1 alerts are open; 2 notices were sent.",
        "1 alerts are open; 0 notices were sent.",
    ]
    assert webhook.posted == [f"Credit risk: alerts: 1 new\n- ERROR {finding}"]

    change_text(settings, ATTRIBUTES, lambda text: text[: text.rindex("\n") + 1])
    run_tables(settings, instance, MIDDLE, MIDDLE, BRONZE_ATTRIBUTES)
    sensor_tick("alerts", settings, instance)
    assert webhook.posted[1:] == [f"Credit risk: alerts: 1 over\n- OVER {finding}"]


def test_a_failed_run_is_told_in_the_words_of_the_asset_until_its_month_has_run(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    removed = file_of(settings, ATTRIBUTES)
    kept = shutil.move(removed, removed.with_name(f".{removed.name}"))
    result = run_tables(settings, instance, FIRST, LAST, *TABLES)

    assert found(settings, instance) == {
        ("failed_run", FIRST): "attributes: nothing was delivered for 2024-02: there is no file of "
        "this source for it, and no cumulative one. Deliver features_attributes.csv with all "
        f"months, or features_attributes_2024-02.csv to {settings.raw_folder}. "
        f"Run {result.run_id}."
    }

    shutil.move(kept, removed)
    run_tables(settings, instance, FIRST, FIRST, *TABLES)
    assert [month for _, month in found(settings, instance)] == [MIDDLE]
    run_tables(settings, instance, MIDDLE, LAST, *TABLES)
    assert found(settings, instance) == {}


def test_a_run_that_a_blocking_check_stopped_is_told_with_the_check(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run_tables(settings, instance, MIDDLE, MIDDLE, *TABLES)
    rewrite(settings, BRONZE_ATTRIBUTES, MIDDLE, facts={"delivered": 61})
    file_of(settings, ATTRIBUTES).unlink()
    assert not run_tables(settings, instance, MIDDLE, MIDDLE, *TABLES).success

    told = found(settings, instance)
    assert "1 blocking asset check failed with ERROR" in told["failed_run", MIDDLE]
    assert told["failed_check silver/attributes adds_up", MIDDLE] == (
        "2024-02: 60 accepted + 0 quarantined + 0 duplicates + 0 unreadable of 61 delivered."
    )


def test_an_error_that_is_not_the_platforms_own_is_told_with_its_step(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    folder = Datamart(settings.home).folder / BRONZE_ATTRIBUTES.path
    folder.parent.mkdir(parents=True)
    folder.write_text("not a folder", encoding="utf-8")
    run_tables(settings, instance, MIDDLE, MIDDLE, *TABLES)

    (told,) = found(settings, instance).values()
    assert "bronze__attributes failed: FileExistsError: [Errno 17] File exists" in told


def test_a_good_run_and_a_mere_warning_tell_nothing(
    settings: Settings, instance: dg.DagsterInstance, webhook: Webhook
) -> None:
    change_rows(settings, ATTRIBUTES, lambda rows: [*rows, rows[0]])
    run_tables(settings, instance, FIRST, FIRST, *TABLES)
    run_tables(settings, instance, MIDDLE, MIDDLE, *TABLES)

    assert sensor_tick("alerts", settings, instance).reason == (
        "0 alerts are open; 0 notices were sent."
    )
    assert webhook.posted == []


def test_data_are_late_from_the_deadline_on_until_they_are_there(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    unmuted = settings.model_copy(
        update={"alerts": settings.alerts.model_copy(update={"muted": ()})}
    )
    assert found(unmuted, instance, BEFORE_THE_DEADLINE) == {}
    told = found(unmuted, instance, DEADLINE)
    assert told["late_data", LAST].startswith(
        "Due by 2024-03-05, not there: loans, attributes, financials, clickstream."
    )
    run_tables(unmuted, instance, LAST, LAST, BRONZE_ATTRIBUTES)
    assert (
        "not there: loans, financials, clickstream."
        in found(unmuted, instance, DEADLINE)["late_data", LAST]
    )


def test_red_lights_of_the_newest_month_are_told_and_older_ones_are_history(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    datamart = Datamart(settings.home)
    for month, lights in {FIRST: ["red", "red"], MIDDLE: ["red", "amber"]}.items():
        rows = [
            {
                "snapshot_date": date.fromisoformat(month),
                "condition": condition,
                "light": light,
                "sentence": f"{condition} is {light}.",
            }
            for condition, light in zip(["drift", "model_age"], lights, strict=True)
        ]
        written = pa.Table.from_pylist(rows, schema=REPORT.schema)
        datamart.open(REPORT, [month]).write(Draft(month, inputs={}), written)

    assert found(settings, instance) == {("drift", MIDDLE): "drift is red."}
    muted = settings.model_copy(
        update={"alerts": settings.alerts.model_copy(update={"muted": ("drift",)})}
    )
    assert found(muted, instance) == {}


def test_a_damaged_table_is_told_and_is_over_once_it_is_repaired(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run_tables(settings, instance, FIRST, MIDDLE, BRONZE_ATTRIBUTES)
    assert "damaged_table" not in {condition for condition, _ in found(settings, instance)}
    Datamart(settings.home).place(BRONZE_ATTRIBUTES).path(log_entry(1)).write_bytes(b"")

    ((condition, month), sentence), *others = found(settings, instance).items()
    assert (condition, month, others) == ("damaged_table", LAST, [])
    assert "bronze/attributes" in sentence
    assert "doctor --repair" in sentence

    assert len(list(repair_logs(settings))) == 1
    assert "damaged_table" not in {condition for condition, _ in found(settings, instance)}
