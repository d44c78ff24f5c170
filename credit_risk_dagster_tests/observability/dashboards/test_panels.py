"""Every query of every panel, on a real PostgreSQL and a real Prometheus with a run's results."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from numbers import Number
from typing import Any

import pytest
import sqlalchemy as sa

from credit_risk_dagster.checks.history import failed_checks_by_month
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.monitoring import DRIFT, PERFORMANCE
from credit_risk_dagster_tests.observability.dashboards.grafana import (
    Target,
    default_range,
    expanded,
    targets,
)
from credit_risk_dagster_tests.postgres import PostgresServer, running_postgres
from credit_risk_dagster_tests.prometheus import Prometheus, program, running_prometheus
from credit_risk_dagster_tests.watched import NEWEST, NOW, running_exporter, watched_installation

SQL = [target for target in targets() if target.is_sql]
SERIES = [target for target in SQL if target.query["format"] == "time_series"]
PROMQL = [target for target in targets() if not target.is_sql]

pytestmark = pytest.mark.slow

UNKNOWN = {"pipeline-Alerts-A": {"Recovered"}}
"""Columns that have nothing to show in this installation."""

DAY_SECONDS = 86400


@dataclass(frozen=True)
class Watched:
    settings: Settings
    grafana: sa.Engine
    """Connects as Grafana does: with the role that may only read."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def watched(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    url = server.create_database("monitoring", "grafana")
    settings = watched_installation(tmp_path_factory, tmp_path_factory.mktemp("watched"), url)
    grafana = sa.create_engine(server.url("monitoring", "grafana"))
    yield Watched(settings, grafana)
    grafana.dispose()


@pytest.fixture(scope="module")
def prometheus(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        running_exporter(watched.settings, folder / "exporter.log") as port,
        running_prometheus(folder, port) as running,
    ):
        running.wait_for('ALERTS{alertname="CheckFailed",alertstate="firing"}')
        yield running


def shown(watched: Watched, target: Target) -> list[dict[str, Any]]:
    """Return the rows that a panel gets from PostgreSQL when its dashboard is opened."""
    statement = expanded(target.query["rawSql"], *default_range(target.dashboard, NOW))
    with watched.grafana.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(statement)).mappings()]


def panel(name: str) -> Target:
    (found,) = (target for target in targets() if target.name == name)
    return found


def each(chosen: list[Target]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("target", chosen, ids=[target.name for target in chosen])


@each(SQL)
def test_a_sql_panel_gets_rows_with_a_value_in_every_column(
    watched: Watched, target: Target
) -> None:
    rows = shown(watched, target)

    assert rows
    empty = {name for name in rows[0] if all(row[name] is None for row in rows)}
    assert empty == UNKNOWN.get(target.name, set())


@each(SERIES)
def test_a_time_series_has_ascending_months_and_numbers(watched: Watched, target: Target) -> None:
    rows = shown(watched, target)
    times = [row["time"] for row in rows]

    assert all(isinstance(time, datetime) and time.day == 1 for time in times)
    assert times == sorted(times)
    numbers = set(rows[0]) - {"time", "metric"}
    assert all(isinstance(row[name], Number | None) for row in rows for name in numbers)
    series = [(row["time"], row.get("metric")) for row in rows]
    assert len(set(series)) == len(series)


@each(SQL)
def test_what_is_styled_or_arranged_by_name_is_there(watched: Watched, target: Target) -> None:
    columns = set((rows := shown(watched, target))[0])
    overrides = target.content.get("fieldConfig", {}).get("overrides", [])
    x_field = target.content.get("options", {}).get("xField")

    for matcher in (override["matcher"] for override in overrides):
        named = re.escape(matcher["options"]) if matcher["id"] == "byName" else matcher["options"]
        assert any(re.search(named, column) for column in columns), matcher
    if target.content.get("type") == "trend":
        months, vintage = x_field.split("\\")
        points = [(row[months], row[vintage]) for row in rows]
        assert points == sorted(set(points))
    elif x_field is not None:
        assert x_field in columns


@each(PROMQL)
def test_a_prometheus_panel_gets_series_with_the_labels_that_it_names(
    prometheus: Prometheus, target: Target
) -> None:
    query, expression = target.query, target.query["expr"]
    days = int(target.content.get("timeFrom", "0d").removesuffix("d"))
    found = (
        prometheus.query_range(expression, days * DAY_SECONDS)
        if query.get("range")
        else prometheus.query(expression)
    )
    named = set(re.findall(r"{{(\w+)}}", query.get("legendFormat", "")))
    for change in target.content.get("transformations", []):
        named |= {name for name in change["options"].get("renameByName", {}) if name.islower()}

    assert found
    assert named <= {label for series in found for label in series["metric"]}


def test_the_panels_show_what_the_months_tables_say(watched: Watched) -> None:
    datamart = Datamart(watched.settings.home)
    facts = (
        datamart.read(PERFORMANCE, [NEWEST]).to_pandas().set_index(["basis", "metric", "subject"])
    )
    newest = shown(watched, panel("model_performance-AUC-A"))[-1]
    features = shown(watched, panel("drift-Features in the newest month-A"))
    shifts = datamart.read(DRIFT, [NEWEST]).to_pandas().query("metric == 'csi'")

    for basis in ("current", "issued"):
        auc = facts.loc[(basis, "auc", "overall")]
        name = basis.capitalize()
        assert newest[name] == auc["value"]
        assert (newest[f"{name}, lower"], newest[f"{name}, upper"]) == (auc["lower"], auc["upper"])
    assert {row["Feature"]: row["CSI"] for row in features} == dict(
        zip(shifts["subject"], shifts["value"], strict=True)
    )


def test_prometheus_has_the_newest_month_its_failing_checks_and_the_failed_run(
    watched: Watched, prometheus: Prometheus
) -> None:
    facts = Datamart(watched.settings.home).read(PERFORMANCE, [NEWEST]).to_pandas()
    auc = facts.query("basis == 'issued' and metric == 'auc'")["value"].item()
    month = datetime.fromisoformat(NEWEST).replace(tzinfo=UTC).timestamp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(watched.settings.dagster_home))
        with open_instance(watched.settings) as instance:
            expected = failed_checks_by_month(instance)[NEWEST]
    failing = {
        tuple(series["metric"][label] for label in ("table", "check", "severity"))
        for series in prometheus.query("credit_risk_check_failed")
    }

    assert prometheus.value('credit_risk_auc{basis="issued"}') == auc
    assert prometheus.value("credit_risk_facts_month_timestamp_seconds") == month
    assert failing == {(check.table, check.name, check.severity) for check in expected}
    assert ("gold/labels", "label_rate", "ERROR") in failing
    assert prometheus.value('credit_risk_runs{job="monthly",status="failure"}') == 1
    assert prometheus.value("min(credit_risk_exporter_up)") == 1


def test_the_rules_fire_for_what_is_wrong_and_for_nothing_else(prometheus: Prometheus) -> None:
    prometheus.wait_for('ALERTS{alertname="RunFailed",alertstate="firing",job="monthly"}')
    prometheus.wait_for('ALERTS{alertname="MonthLate"}')
    fire = {series["metric"]["alertname"] for series in prometheus.query("ALERTS")}

    assert not fire & {"ExporterDown", "ExporterPartDown", "NoProductionModel", "NoSuccessfulRun"}
