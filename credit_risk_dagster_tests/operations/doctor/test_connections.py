"""What the doctor says of servers and databases: those that answer, and those that do not."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from credit_risk_dagster.operations.doctor.connections import connection_findings
from credit_risk_dagster.operations.doctor.finding import Finding
from credit_risk_dagster.settings import AlertSettings, Settings
from credit_risk_dagster_tests.operations.installed import SHOWN_NOWHERE, address
from credit_risk_dagster_tests.ports import free_port


def seen(settings: Settings, **changes: Any) -> dict[str, Finding]:
    changed = settings.model_copy(update=changes)
    return {finding.check: finding for finding in connection_findings(changed, None)}


@contextmanager
def answering(status: int, text: str) -> Iterator[str]:
    """Answer every request as an MLflow server answers when it is asked for its release."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/version"
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "text", "expected", "words"),
    [
        (200, version("mlflow"), "ok", f"answers, release {version('mlflow')}"),
        (200, "2.0.0", "warning", "runs 2.0.0; installed here is"),
        (401, "You are not authenticated.", "failed", "answers 401"),
        (403, "Invalid host header", "failed", "answers 403"),
    ],
)
def test_an_mlflow_server_is_asked_for_its_release(
    installation: Settings, status: int, text: str, expected: str, words: str
) -> None:
    with answering(status, text) as uri:
        found = seen(installation, mlflow_tracking_uri=uri)["MLflow"]

    assert (found.status, words in found.found) == (expected, True), found


def test_an_mlflow_server_that_is_down_has_failed(installation: Settings) -> None:
    uri = f"http://127.0.0.1:{free_port()}"
    found = seen(installation, mlflow_tracking_uri=uri)["MLflow"]

    assert found.status == "failed"
    assert "does not answer" in found.found


def test_databases_that_are_down_have_failed_and_no_password_is_shown(
    installation: Settings,
) -> None:
    url = address("postgresql+psycopg2", free_port())
    found = seen(installation, metrics_url=url, mlflow_tracking_uri=url)

    assert found["metrics store"].status == found["MLflow"].status == "failed"
    assert SHOWN_NOWHERE not in str(found)
    assert "CREDIT_RISK_METRICS_URL" in found["metrics store"].remedy


def test_a_file_that_is_no_database_has_failed(installation: Settings, tmp_path: Path) -> None:
    (tmp_path / "metrics.db").write_bytes(b"not a database, but long enough to be read as one" * 9)
    url = f"sqlite:///{tmp_path / 'metrics.db'}"

    assert seen(installation, metrics_url=url)["metrics store"].status == "failed"


def test_tables_of_an_older_dagster_have_failed(patient: Settings) -> None:
    with sqlite3.connect(patient.dagster_home / "history" / "runs.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'older'")
    with dg.DagsterInstance.from_config(str(patient.dagster_home)) as instance:
        found = {one.check: one for one in connection_findings(patient, instance)}

    assert found["Dagster's storage"].status == "failed"
    assert "dagster instance migrate" in found["Dagster's storage"].remedy


def test_a_spark_master_is_asked_for_a_connection(installation: Settings) -> None:
    with answering(200, "") as uri:
        port = uri.rpartition(":")[2]
        up = seen(installation, engine="pyspark", spark_master=f"spark://127.0.0.1:{port}")
    down = seen(installation, engine="pyspark", spark_master=f"spark://127.0.0.1:{free_port()}")

    assert (up["Spark"].status, down["Spark"].status) == ("ok", "failed")


@pytest.mark.parametrize(
    ("webhook", "status"),
    [
        ("https://hooks.example.com/services/hidden", "ok"),
        ("http://127.0.0.1:8080/hidden", "ok"),
        ("http://hooks.example.com/services/hidden", "warning"),
    ],
)
def test_a_webhook_is_looked_at_and_not_called(
    installation: Settings, webhook: str, status: str
) -> None:
    found = seen(installation, alerts=AlertSettings(webhook=webhook))

    assert found["webhook"].status == status
    assert "hidden" not in str(found)
    assert "alerts" not in found


def test_alerts_that_reach_nobody_are_a_warning(installation: Settings) -> None:
    mail = AlertSettings(smtp_host="mail.example.com", mail_from="a@b.c", mail_to=("d@e.f",))

    assert seen(installation)["alerts"].status == "warning"
    assert "mailed through mail.example.com" in seen(installation, alerts=mail)["e-mail"].found
