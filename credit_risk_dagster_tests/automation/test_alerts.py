"""A failed run, or a failed check of a run that succeeded, reaches a person."""

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest
import requests

from credit_risk_dagster.automation import alerts
from credit_risk_dagster.automation.alerts import (
    FailedCheck,
    alert_sensors,
    alert_text,
    failed_checks,
    send_alert,
)
from credit_risk_dagster.datamart import Datamart
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.sources import ATTRIBUTES
from credit_risk_dagster.tables.bronze import BRONZE_ATTRIBUTES
from credit_risk_dagster.tables.silver import SILVER_ATTRIBUTES
from credit_risk_dagster_tests.deliveries import (
    FIRST,
    LAST,
    MIDDLE,
    change_rows,
    change_text,
    delivered,
    file_of,
)
from credit_risk_dagster_tests.table_runs import run_tables

TABLES = (BRONZE_ATTRIBUTES, SILVER_ATTRIBUTES)

CHECKS = [
    FailedCheck("gold/features", "no_dark_source", "ERROR", "2024-02: clickstream went dark."),
    FailedCheck("silver/loans", "no_duplicates", "WARN", "2024-02: 1 rows repeat another."),
]


@dataclass
class Webhook:
    """A server that takes alerts, what it answers first (then 200), and what was posted to it."""

    url: str
    answers: list[int] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.posted.append(json.loads(body)["text"])
            self.send_response(taken.answers.pop(0) if taken.answers else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    taken = Webhook(f"http://127.0.0.1:{server.server_port}/alerts")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield taken
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def settings(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, webhook: Webhook
) -> Settings:
    return delivered("monthly", tmp_path, tmp_path_factory, alert_webhook=webhook.url)


def tell(
    settings: Settings, instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult
) -> object:
    """Let the sensor for a run that ended so look at it, as the daemon does."""
    on_failed_run, on_failed_check = alert_sensors(settings)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    ended = dg.DagsterEventType.RUN_SUCCESS if result.success else dg.DagsterEventType.RUN_FAILURE
    (event,) = [event for event in result.all_events if event.event_type == ended]
    context = dg.build_run_status_sensor_context(
        sensor_name="alert", dagster_event=event, dagster_instance=instance, dagster_run=run
    )
    return on_failed_check(context) if result.success else on_failed_run(context.for_run_failure())


def test_a_failed_run_posts_its_months_and_its_error_in_full(
    settings: Settings, instance: dg.DagsterInstance, webhook: Webhook
) -> None:
    file_of(settings, ATTRIBUTES).unlink()
    result = run_tables(settings, instance, FIRST, LAST, *TABLES)
    tell(settings, instance, result)

    assert webhook.posted == [
        f"Credit risk 2024-01 to 2024-03: run {result.run_id} failed. attributes: nothing was "
        "delivered for 2024-02: there is no file of this source for it, and no cumulative one. "
        "Deliver features_attributes.csv with all months or features_attributes_2024-02.csv to "
        f"{settings.raw_folder}."
    ]


def test_a_failed_run_posts_the_checks_that_failed_before_it_did(
    settings: Settings, instance: dg.DagsterInstance, webhook: Webhook
) -> None:
    change_text(settings, ATTRIBUTES, lambda text: "\n".join(text.split("\n")[:20]))
    change_text(settings, ATTRIBUTES, lambda text: text.replace("\nCUS", "\n,CUS", 5))
    tell(settings, instance, run_tables(settings, instance, MIDDLE, MIDDLE, *TABLES))

    (text,) = webhook.posted
    problem, *checks = text.split("\n")
    assert "silver/attributes/2024-02-01 was refused" in problem
    assert checks[0].startswith("- ERROR bronze/attributes whole_lines: 2024-02: 6 lines could")


def test_a_run_that_a_blocking_check_stopped_posts_the_check(
    settings: Settings, instance: dg.DagsterInstance, webhook: Webhook
) -> None:
    run_tables(settings, instance, MIDDLE, MIDDLE, *TABLES)
    rows = Datamart(settings.home).file(SILVER_ATTRIBUTES, MIDDLE)
    pq.write_table(pq.read_table(rows).slice(1), rows)
    result = run_tables(settings, instance, MIDDLE, MIDDLE, *TABLES)
    tell(settings, instance, result)

    assert not result.success
    (text,) = webhook.posted
    assert "1 blocking asset check failed with ERROR severity" in text
    assert "- ERROR silver/attributes as_recorded: 2024-02: The stored rows are not those" in text


def test_an_error_that_is_not_the_platforms_own_is_posted_with_its_step(
    settings: Settings, instance: dg.DagsterInstance, webhook: Webhook
) -> None:
    manifest = Datamart(settings.home).folder / f"{BRONZE_ATTRIBUTES.path}/{MIDDLE}.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{")
    tell(settings, instance, run_tables(settings, instance, MIDDLE, MIDDLE, *TABLES))

    (text,) = webhook.posted
    assert "failed. bronze__attributes failed: JSONDecodeError: Expecting property name" in text


def test_a_run_that_succeeds_with_a_failed_check_posts_it(
    settings: Settings, instance: dg.DagsterInstance, webhook: Webhook
) -> None:
    path = change_text(settings, ATTRIBUTES, lambda text: text[:-8])
    result = run_tables(settings, instance, MIDDLE, MIDDLE, BRONZE_ATTRIBUTES)
    tell(settings, instance, result)

    assert result.success
    assert webhook.posted == [
        f"Credit risk 2024-02: 1 check failed in run {result.run_id}.\n"
        "- ERROR bronze/attributes whole_lines: 2024-02: 1 line could not be read: line 61 of "
        f"{path.name}: last line has no line end, so it may be cut off. Ask for a corrected "
        "delivery."
    ]


def test_a_good_run_and_a_mere_warning_post_nothing(
    settings: Settings, instance: dg.DagsterInstance, webhook: Webhook
) -> None:
    change_rows(settings, ATTRIBUTES, lambda rows: [*rows, rows[0]])
    good = run_tables(settings, instance, FIRST, FIRST, *TABLES)
    warned = run_tables(settings, instance, MIDDLE, MIDDLE, *TABLES)

    for result in (good, warned):
        skipped = tell(settings, instance, result)
        assert isinstance(skipped, dg.SkipReason)
        assert skipped.skip_message == "No check failed."
    assert [check.severity for check in failed_checks(instance, warned.run_id)] == ["WARN"]
    assert webhook.posted == []


def test_an_alert_is_tried_again_while_the_webhook_is_out_of_order(
    tmp_path: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "BACKOFF_SECONDS", 0)
    webhook.answers = [500, 503]
    send_alert(posting_to(webhook, tmp_path), logging.getLogger("alerts"), "Something is wrong.")
    assert webhook.posted == ["Something is wrong."] * 3


@pytest.mark.parametrize(("answer", "attempts"), [(500, 4), (404, 1)])
def test_a_webhook_that_does_not_take_an_alert_fails_the_sensor(
    tmp_path: Path,
    webhook: Webhook,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    answer: int,
    attempts: int,
) -> None:
    monkeypatch.setattr(alerts, "BACKOFF_SECONDS", 0)
    webhook.answers = [answer] * 10
    with pytest.raises(requests.RequestException):
        send_alert(posting_to(webhook, tmp_path), logging.getLogger("alerts"), "Wrong.")
    assert webhook.posted == ["Wrong."] * attempts
    assert "Wrong." in caplog.messages


def posting_to(webhook: Webhook, home: Path) -> Settings:
    return Settings(home=home, first_month=FIRST, last_month=LAST, alert_webhook=webhook.url)


def test_without_a_webhook_the_alert_is_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=tmp_path, first_month=FIRST, last_month=LAST)
    send_alert(settings, logging.getLogger("alerts"), "Credit risk 2024-02: something is wrong.")
    assert caplog.messages == ["Credit risk 2024-02: something is wrong."]


def test_an_alert_names_the_months_the_problem_and_every_check() -> None:
    assert alert_text([MIDDLE], "2 checks failed.", CHECKS) == (
        "Credit risk 2024-02: 2 checks failed.\n"
        "- ERROR gold/features no_dark_source: 2024-02: clickstream went dark.\n"
        "- WARN silver/loans no_duplicates: 2024-02: 1 rows repeat another."
    )
    assert alert_text([FIRST, MIDDLE, LAST], "x", []) == "Credit risk 2024-01 to 2024-03: x"
    assert alert_text([], "x", []) == "Credit risk run: x"


def test_failed_checks_are_listed_errors_first(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    change_rows(settings, ATTRIBUTES, lambda rows: [*rows, rows[0], {**rows[1], "Age": "50"}])
    result = run_tables(settings, instance, MIDDLE, MIDDLE, *TABLES)

    found = [
        (check.severity, check.table, check.name)
        for check in failed_checks(instance, result.run_id)
    ]
    assert found == [
        ("ERROR", "silver/attributes", "quarantine_share"),
        ("WARN", "silver/attributes", "no_duplicates"),
    ]
