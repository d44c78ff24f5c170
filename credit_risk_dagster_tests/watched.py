"""An installation as an operator watches it: run on, its facts in PostgreSQL, its exporter."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.observability.alerting.active import active_alerts
from credit_risk_dagster.observability.alerting.ledger import record_alerts
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.resources.metrics_store import CONDITIONS, FACTS, MetricsStore
from credit_risk_dagster.resources.tables import open_index
from credit_risk_dagster.settings import MonitoringSettings, Settings
from credit_risk_dagster_tests.installation import run
from credit_risk_dagster_tests.ports import free_port
from credit_risk_dagster_tests.prometheus import wait_until_it_answers
from credit_risk_dagster_tests.reference_tables import BRONZE_LOANS
from credit_risk_dagster_tests.scored import (
    PORTFOLIO,
    WAITING,
    copy_of,
    make_one_person_of_all,
    scored_installation,
)
from credit_risk_dagster_tests.table_runs import run_tables

NEWEST = "2024-07-01"
"""Six months after the first scores: the first month in which issued scores have matured."""

UNDELIVERED = "2024-08-01"
"""A month without extracts, whose run fails."""

NOW = datetime(2024, 8, 15, tzinfo=UTC)
"""The clock of the installation: what is wrong is found, and dashboards are opened."""

LONGER = DemoPortfolio("2024-07", months=19, applicants_per_month=PORTFOLIO.applicants_per_month)
"""The same borrowers as in the scored installation, for longer."""

UNMET = MonitoringSettings(report_features=0, label_rate_low=0.59, label_rate_high=0.6)
"""No cohort defaults so often: a check fails, of severity ERROR, and nothing else is changed."""


def watched_installation(
    factory: pytest.TempPathFactory, folder: Path, metrics_url: str
) -> Settings:
    """Return a scored installation that ran until issued scores matured, and failed a month.

    The facts of its earlier months are brought over from the SQLite store that it has by default.
    """
    scored = scored_installation(factory)
    settings = copy_of(
        scored,
        folder,
        metrics_url=metrics_url,
        last_month=UNDELIVERED,
        monitoring=UNMET,
        policy=scored.policy.model_copy(update={"retrain_after_months": 12}),
    )
    generate(LONGER, settings.raw_folder)
    make_one_person_of_all(settings.raw_folder / "features_attributes.csv")
    _bring_over(MetricsStore(scored.metrics_store_url), MetricsStore(metrics_url))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(settings.dagster_home))
        with open_instance(settings) as instance:
            run(settings, instance, WAITING, NEWEST)
            assert not run_tables(
                settings, instance, UNDELIVERED, UNDELIVERED, BRONZE_LOANS
            ).success
            active = active_alerts(
                instance, Datamart(settings.home), open_index(settings), settings, NOW.date()
            )
    record_alerts(MetricsStore(metrics_url), active, NOW)
    return settings


def _bring_over(source: MetricsStore, target: MetricsStore) -> None:
    for table in (FACTS, CONDITIONS):
        rows = source.rows(sa.select(table))
        assert rows
        with target.transaction() as connection:
            connection.execute(table.insert(), rows)


@contextmanager
def running_exporter(settings: Settings, log: Path) -> Iterator[int]:
    """Run the exporter's own process; give its port."""
    port = free_port()
    others = {name: text for name, text in os.environ.items() if "CREDIT_RISK" not in name}
    chosen = {
        "CREDIT_RISK_HOME": str(settings.home),
        "CREDIT_RISK_METRICS_URL": settings.metrics_store_url,
        "CREDIT_RISK_FIRST_MONTH": settings.first_month,
    }
    command = Path(sys.executable).with_name("credit-risk")
    with log.open("w") as file:
        process = subprocess.Popen(
            [str(command), "exporter", "--port", str(port)],
            env={**others, **chosen},
            stdout=file,
            stderr=file,
        )
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/metrics", process, log)
        yield port
    finally:
        process.terminate()
        ended = process.wait(30)
    assert ended == 0, log.read_text()
    assert "Traceback" not in log.read_text()
