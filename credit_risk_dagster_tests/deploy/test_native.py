"""The production platform on this machine: what its compose file starts, and losses of parts of it.

See native.py for what is replaced. A model is trained by a backfill from Dagit, during which the
code location is killed, then MLflow and Dagit's webserver; the delivery sensor starts the next
month, during which the daemon is killed; the schedule starts the last one, during which the
database is away for a while.
"""

import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import mlflow
import psycopg2
import pytest
import requests
import sqlalchemy as sa
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_START_TAG, PARTITION_NAME_TAG
from prometheus_client.parser import text_string_to_metric_families

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.resources.metrics_store import FACTS, MetricsStore
from credit_risk_dagster.resources.tracking import EXPERIMENT, PRODUCTION_ALIAS, REGISTERED_MODEL
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES, BY_PATH
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster_tests.deploy.compose import services
from credit_risk_dagster_tests.deploy.dagit import Dagit, wait_until
from credit_risk_dagster_tests.deploy.native import (
    Native,
    found,
    prepare_database,
    written_secrets,
)
from credit_risk_dagster_tests.installation import content, keep_months
from credit_risk_dagster_tests.postgres import running_postgres
from credit_risk_dagster_tests.scored import (
    CARRIED_OVER,
    FIRST,
    TRAINED,
    WAITING,
    scored_installation,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RUN_SECONDS = 180
IDLE_SECONDS = 20
OUTAGE_SECONDS = 25
"""Longer than Dagster tries again to connect, which is about six seconds for one event."""

DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Operated:
    """The platform after all its months, and the installation without services it is like."""

    native: Native
    dagit: Dagit
    settings: Settings
    embedded: Settings
    backfill: str


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    embedded = scored_installation(tmp_path_factory)
    folder = tmp_path_factory.mktemp("native")
    with running_postgres() as database:
        variables = written_secrets(folder) | {"CREDIT_RISK_AUTOMATION": "false"}
        native = Native(folder, variables | {"POSTGRES_PASSWORD": database.password}, database)
        prepare_database(native)
        settings = before_training(native, embedded)
        try:
            native.start(["mlflow", "dagster_code", "dagster_webserver"])
            dagit = Dagit(native.url("dagster_webserver"))
            backfill = train_by_backfill(native, dagit, settings)
            start_by_sensor(native, dagit)
            run_by_schedule(native, dagit, settings)
            yield Operated(native, dagit, settings, embedded, backfill)
        finally:
            native.stop()


def before_training(native: Native, embedded: Settings) -> Settings:
    """Give the platform the deliveries, and the months before the one that trains."""
    home, raw = native.path("/srv/credit_risk"), native.path("/srv/raw")
    shutil.copytree(embedded.raw_folder, raw, dirs_exist_ok=True)
    settings = embedded.model_copy(update={"home": home, "raw": raw})
    keep_months(embedded, settings, month_range(FIRST, add_months(TRAINED, -1)))
    parts = {
        "policy": embedded.policy,
        "tuning": embedded.tuning,
        "monitoring": embedded.monitoring,
    }
    lines = [f"CREDIT_RISK_FIRST_MONTH={FIRST}", f"CREDIT_RISK_LAST_MONTH={WAITING}"]
    lines += ["CREDIT_RISK_DELIVERIES__SETTLE_SECONDS=0"]  # nobody is copying
    lines += [
        f"CREDIT_RISK_{part}__{name}".upper() + f"={json.dumps(value)}"
        for part, values in parts.items()
        for name, value in values.model_dump().items()
    ]
    (native.folder / "settings.env").write_text("\n".join(lines) + "\n")
    return settings


def train_by_backfill(native: Native, dagit: Dagit, settings: Settings) -> str:
    """Launch a backfill as Dagit does, and kill what it needs while it is at work."""
    backfill = dagit.launch_backfill([TRAINED])
    native.start(["dagster_daemon"])
    wait_for_start(dagit)
    wait_until(lambda: is_written(settings, TRAINED, "bronze/loans"), 60, lambda: "no bronze")
    native.kill("dagster_code")
    native.start(["dagster_code"])
    wait_until(
        lambda: is_written(settings, TRAINED, "training/training_decision"),
        RUN_SECONDS,
        lambda: statuses(dagit),
    )
    for name in ("mlflow", "dagster_webserver"):
        native.kill(name)
    native.start(["mlflow", "dagster_webserver"])
    wait_for_month(native, dagit, settings, TRAINED)
    return backfill


def start_by_sensor(native: Native, dagit: Dagit) -> None:
    """Let the delivery sensor start a month, and kill the daemon while it is at work."""
    sensor = dagit.start_sensor("delivery_arrived")
    wait_for_start(dagit)
    dagit.stop_sensor(sensor)
    native.kill("dagster_daemon")
    watching = ["exporter", *(["prometheus"] if found("prometheus") else [])]
    native.start(["dagster_daemon", *watching])


def run_by_schedule(native: Native, dagit: Dagit, settings: Settings) -> None:
    """Let the schedule start a month, and stop the database while it is at work.

    The schedule is told that it was switched on before its last deadline, which it makes up for.
    Its month waits for the end of the sensor's: one run at a time has the datamart's pool.
    """
    dagit.start_schedule("month_deadline")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in native.environment(services()["dagster_daemon"]).items():
            if name.startswith("DAGSTER_"):
                environment.setenv(name, value)
        with dg.DagsterInstance.get() as instance:
            (state,) = (
                one for one in instance.all_instigator_state() if one.name == "month_deadline"
            )
            earlier = state.instigator_data._replace(start_timestamp=time.time() - 40 * DAY_SECONDS)
            instance.update_instigator_state(state.with_data(earlier))
    wait_until(
        lambda: is_written(settings, WAITING, "bronze/loans"), RUN_SECONDS, lambda: statuses(dagit)
    )
    assert is_written(settings, CARRIED_OVER, "monitoring/report")
    native.database.stop()
    time.sleep(OUTAGE_SECONDS)
    native.database.start()
    wait_until(dagit.answers, 60, lambda: "Dagit does not find its database again")
    wait_for_month(native, dagit, settings, WAITING)


def wait_for_start(dagit: Dagit) -> None:
    wait_until(lambda: "STARTED" in statuses(dagit), RUN_SECONDS, lambda: statuses(dagit))


def wait_for_month(native: Native, dagit: Dagit, settings: Settings, month: str) -> None:
    """Wait until all of a month is written and no run is left.

    Dagster does not retry a run whose backfill it has found to be over; the delivery sensor, which
    production has switched on, starts the month then.
    """
    idle_since = time.monotonic()

    def is_done() -> bool:
        nonlocal idle_since
        native.restart_ended()
        if dagit.unfinished_runs():
            idle_since = time.monotonic()
            return False
        if time.monotonic() - idle_since > IDLE_SECONDS:
            sensor = dagit.start_sensor("delivery_arrived")
            wait_for_start(dagit)
            dagit.stop_sensor(sensor)
        return all(is_written(settings, month, table.path) for table in ALL_TABLES)

    wait_until(is_done, RUN_SECONDS, lambda: (statuses(dagit), native.log("dagster_code")[-5000:]))


def statuses(dagit: Dagit) -> list[str]:
    return [run["status"] for run in dagit.runs()]


def is_written(settings: Settings, month: str, path: str) -> bool:
    return Datamart(settings.home).record(BY_PATH[path], month) is not None


def run_months(dagit: Dagit) -> Counter[tuple[str, str]]:
    """Count the runs by month and status."""
    names = (PARTITION_NAME_TAG, ASSET_PARTITION_RANGE_START_TAG)
    return Counter(
        (next(run["tags"][name] for name in names if name in run["tags"]), run["status"])
        for run in dagit.runs()
    )


def test_every_service_passes_its_own_health_check(operated: Operated) -> None:
    names = [*operated.native.processes]

    assert {"mlflow", "dagster_code", "dagster_webserver", "dagster_daemon", "exporter"} <= {*names}
    assert [name for name in names if not operated.native.is_healthy(name)] == []


def test_each_month_ended_well_once_and_only_the_runs_that_lost_something_failed(
    operated: Operated,
) -> None:
    assert run_months(operated.dagit) == {
        (TRAINED, "FAILURE"): 1,
        (TRAINED, "SUCCESS"): 1,
        (CARRIED_OVER, "SUCCESS"): 1,
        (WAITING, "FAILURE"): 1,
        (WAITING, "SUCCESS"): 1,
    }


def test_a_run_that_failed_says_what_it_lost(operated: Operated) -> None:
    without_database, without_code = (
        operated.dagit.log(run["runId"])
        for run in operated.dagit.runs()
        if run["status"] == "FAILURE"
    )

    assert "the code location was restarted" in without_code
    said = "DB connection|unexpectedly exited|the code location was restarted"
    assert re.search(said, without_database), without_database


def test_the_sensor_and_the_schedule_started_a_month_each(operated: Operated) -> None:
    started = {
        run["tags"][PARTITION_NAME_TAG]: run["tags"].get(name)
        for name in ("dagster/sensor_name", "dagster/schedule_name")
        for run in operated.dagit.runs()
        if name in run["tags"]
    }

    assert started == {CARRIED_OVER: "delivery_arrived", WAITING: "month_deadline"}


def test_the_months_are_what_they_are_without_services(operated: Operated) -> None:
    here, there = content(operated.settings), content(operated.embedded)

    assert {name: here[name] for name in there} == there


@pytest.mark.parametrize("month", [TRAINED, CARRIED_OVER, WAITING])
def test_dagit_shows_every_asset_of_the_month(operated: Operated, month: str) -> None:
    assert operated.dagit.materialized(month) == set(BY_PATH)


def test_every_check_was_evaluated(operated: Operated) -> None:
    checks = operated.dagit.checks()

    assert set(checks.values()) <= {"SUCCEEDED", "FAILED"}, checks
    assert "SUCCEEDED" in checks.values()


def test_the_model_is_registered_once_and_in_production(operated: Operated) -> None:
    environment = operated.native.environment(services()["dagster_code"])
    with pytest.MonkeyPatch.context() as here:
        for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
            here.setenv(name, environment[name])
        client = mlflow.MlflowClient(environment["CREDIT_RISK_MLFLOW_TRACKING_URI"])
        version = client.get_model_version_by_alias(REGISTERED_MODEL, PRODUCTION_ALIAS)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        runs = client.search_runs([experiment.experiment_id], "attributes.status = 'FINISHED'")
        artifacts = [file.path for file in client.list_artifacts(version.run_id)]

    (record,) = Datamart(operated.settings.home).read(PRODUCTION_MODEL, [WAITING]).to_pylist()
    assert (version.version, version.tags["model_id"]) == ("1", record["model_id"])
    trainings = Counter(run.data.tags.get("training_key") for run in runs)
    assert sorted(count for key, count in trainings.items() if key) == [1, 1, 1]
    assert {"model", "plots", "card.json"} <= {*artifacts}


def test_mlflow_lets_nobody_in_without_a_password(operated: Operated) -> None:
    answer = requests.get(f"{operated.native.url('mlflow')}/", timeout=30)

    assert answer.status_code == 401


def test_the_metrics_store_holds_the_months(operated: Operated) -> None:
    store = MetricsStore(database_url(operated, "monitoring"))

    with store.transaction() as connection:
        found = connection.execute(sa.select(FACTS.c.snapshot_date, FACTS.c.source).distinct())
        sources = {(str(month), source) for month, source in found}
    assert {(month, "drift") for month in (TRAINED, CARRIED_OVER, WAITING)} <= sources


def test_grafana_reads_the_metrics_store_and_changes_nothing(operated: Operated) -> None:
    with connected(operated, "monitoring", "grafana") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM monitoring_facts")
        (count,) = cursor.fetchone()
        assert count > 0
        connection.rollback()
        cursor.execute("SET default_transaction_read_only = off")
        connection.commit()
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("DELETE FROM monitoring_facts")


@pytest.mark.parametrize("role", ["mlflow", "monitoring", "grafana"])
def test_a_role_does_not_reach_another_ones_database(operated: Operated, role: str) -> None:
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        connected(operated, "dagster", role)


def test_the_exporter_tells_what_dagster_and_the_datamart_hold(operated: Operated) -> None:
    newest = datetime.fromisoformat(WAITING).replace(tzinfo=UTC).timestamp()

    def series() -> dict[str, float]:
        answer = requests.get(f"{operated.native.url('exporter')}/metrics", timeout=60)
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
            if sample.labels.get("table") == "inference/predictions"
            or sample.labels.get("job") == "monthly"
        }

    # A reading is given again for fifteen seconds, in which the month may have ended.
    wait_until(
        lambda: series().get("credit_risk_newest_month_timestamp_seconds") == newest, 60, series
    )
    assert series()["credit_risk_last_success_timestamp_seconds"] > newest


def test_prometheus_has_scraped_the_exporter(operated: Operated) -> None:
    if "prometheus" not in operated.native.processes:
        pytest.skip("no Prometheus here: .ci/fetch-prometheus puts it into .prometheus/bin")
    query = f"{operated.native.url('prometheus')}/api/v1/query"

    def newest() -> list[str]:
        asked = {"query": "max(credit_risk_newest_month_timestamp_seconds)"}
        results = requests.get(query, params=asked, timeout=30).json()["data"]["result"]
        return [result["value"][1] for result in results]

    expected = datetime.fromisoformat(WAITING).replace(tzinfo=UTC).timestamp()
    wait_until(lambda: newest() == [f"{expected:.0f}"], 60, newest)


def database_url(operated: Operated, role: str, database: str | None = None) -> str:
    """Return where a role finds a database, with the password of the compose file."""
    password = operated.native.variables[f"{role.upper()}_DB_PASSWORD"]
    port = operated.native.database.port
    return f"postgresql+psycopg2://{role}:{password}@127.0.0.1:{port}/{database or role}"


def connected(operated: Operated, database: str, role: str) -> "psycopg2.extensions.connection":
    return psycopg2.connect(
        database_url(operated, role, database).replace("postgresql+psycopg2", "postgresql")
    )
