"""What a month's monitoring leaves behind: facts, lights, a report, rows in SQL, an MLflow run."""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.monitoring.drift import significant_shifts
from credit_risk_dagster.monitoring.report_plots import PLOTS
from credit_risk_dagster.resources.metrics_store import CONDITIONS, FACTS, MetricsStore
from credit_risk_dagster.resources.tracking import MONITORING_EXPERIMENT, model_tracking
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.monitoring import DRIFT, FACT_TABLES, PERFORMANCE, REPORT
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster_tests.scored import (
    CARRIED_OVER,
    FIRST,
    TRAINED,
    WAITING,
    copy_of,
    scored_installation,
)
from credit_risk_dagster_tests.table_runs import failed, run_tables

MONTHS = 14


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with a model in production; not to be changed."""
    return scored_installation(tmp_path_factory)


class Page(HTMLParser):
    """The words of a page, and whatever it would load from elsewhere."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.words, self.loaded, self.tags = "", list[str](), list[str]()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words += f"{data} "


def page(settings: Settings, month: str) -> Page:
    return Page(settings.reports_folder / "monitoring" / f"{month}.html")


def test_the_report_shows_every_light_and_picture_and_loads_nothing(scored: Settings) -> None:
    shown = page(scored, CARRIED_OVER)
    assert "Monitoring report 2024-02" in shown.words
    for row in Datamart(scored.home).read(REPORT, [CARRIED_OVER]).to_pylist():
        assert row["condition"].replace("_", " ") in shown.words
        assert row["sentence"] in shown.words
    assert shown.tags.count("svg") == len(PLOTS)
    assert all(target.startswith("#") for target in shown.loaded)


def test_the_report_gives_the_figures_of_the_tables(scored: Settings) -> None:
    rows = Datamart(scored.home).read(PERFORMANCE, [CARRIED_OVER]).to_pylist()
    figures = {(row["basis"], row["metric"]): row["value"] for row in rows}
    words = re.sub(r"\s+", " ", page(scored, CARRIED_OVER).words)
    for metric in ("auc", "gini", "brier"):
        assert f"current {metric} {figures['current', metric]:.4g}" in words
    assert "issued auc \N{EN DASH} 0 no scores were issued in 2023-08" in words


def test_a_month_without_a_model_has_a_report_without_empty_pictures(scored: Settings) -> None:
    shown = page(scored, FIRST)
    assert "In production: no model." in shown.words
    assert "Drift is not measured without a model in production." in shown.words
    assert 0 < shown.tags.count("svg") < len(PLOTS)


def test_the_first_month_of_a_model_is_named_as_a_change(scored: Settings) -> None:
    model = Datamart(scored.home).read(PRODUCTION_MODEL, [TRAINED]).to_pylist()[0]["model_id"]
    assert f"{model} was promoted to production" in page(scored, TRAINED).words
    assert "no production model: grey \N{RIGHTWARDS ARROW} green" in page(scored, TRAINED).words


def test_all_facts_and_lights_are_in_the_store_with_model_version_and_time(
    scored: Settings,
) -> None:
    store, datamart = MetricsStore(scored.metrics_store_url), Datamart(scored.home)
    rows = store.rows(sa.select(FACTS))
    assert len(rows) == sum(
        datamart.required_record(table, month).rows
        for table in FACT_TABLES.values()
        for month in datamart.months(table)
    )
    assert {row["model_version"] for row in rows if row["model_id"]} == {"1"}
    lights = store.rows(sa.select(CONDITIONS))
    assert len(lights) == MONTHS * 5


def test_there_is_one_mlflow_run_a_month_with_its_report(scored: Settings) -> None:
    tracking = model_tracking(scored)
    runs = tracking.client().search_runs([tracking.experiment_id(MONITORING_EXPERIMENT)])
    assert len({run.data.tags["month"] for run in runs}) == len(runs) == MONTHS
    assert {run.info.status for run in runs} == {"FINISHED"}
    (artifact,) = tracking.client().list_artifacts(runs[0].info.run_id, "monitoring")
    assert artifact.path == f"monitoring/{runs[0].data.tags['month']}.html"


def test_monitoring_a_month_again_changes_no_row_and_no_run(
    scored: Settings, tmp_path: Path
) -> None:
    settings = copy_of(scored, tmp_path)
    before = everything(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_tables(settings, instance, TRAINED, CARRIED_OVER, REPORT).success
    assert everything(settings) == before


def everything(settings: Settings) -> tuple[object, ...]:
    store, tracking = MetricsStore(settings.metrics_store_url), model_tracking(settings)
    runs = tracking.client().search_runs([tracking.experiment_id(MONITORING_EXPERIMENT)])
    order = list(FACTS.primary_key)
    return (
        store.rows(sa.select(FACTS).order_by(*order)),
        sorted(str(row) for row in store.rows(sa.select(CONDITIONS))),
        sorted(run.info.run_id for run in runs),
    )


def test_a_drift_of_known_size_fails_its_check_in_the_month_it_starts(
    scored: Settings, tmp_path: Path
) -> None:
    """Every applicant of one month earns nine times as much: no such shift was there before."""
    settings = copy_of(scored, tmp_path)
    multiply(settings.raw_folder / "features_financials.csv", "Monthly_Inhand_Salary", WAITING, 9)
    with dg.DagsterInstance.ephemeral() as instance:
        result = run_tables(settings, instance, WAITING, WAITING)

    assert result.success
    datamart = Datamart(settings.home)
    shifted = {
        month: {
            found["subject"]
            for found in significant_shifts(datamart.read(DRIFT, [month]).to_pandas())
        }
        for month in (TRAINED, CARRIED_OVER, WAITING)
    }
    assert "monthly_inhand_salary" not in shifted[TRAINED] | shifted[CARRIED_OVER]
    assert "monthly_inhand_salary" in shifted[WAITING]
    assert "monitoring/drift drift_bands" in failed(result)
    assert "monthly_inhand_salary" in failed(result)["monitoring/drift drift_bands"]


def multiply(path: Path, column: str, month: str, factor: int) -> None:
    """Multiply a column of one month's rows."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["snapshot_date"] == month and row[column]:
            row[column] = str(float(row[column]) * factor)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
