"""Installations for tests: demo data, settings with a pinned clock, and runs through Dagster."""

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from credit_risk_dagster.automation.runs import RunOutcome, run_months
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES

SMALL_POLICY = {"train_months": 4, "test_months": 1, "out_of_time_months": 1}
"""A window of 6 cohorts: labels mature from month 7 on, so month 13 is the first to train."""

LENDER_MONTHS = ("2023-01-01", "2024-12-01")


def small_installation(
    home: Path, raw: Path, portfolio: DemoPortfolio, **overrides: Any
) -> Settings:
    """Return the settings of an installation that trains early and quickly."""
    chosen: dict[str, Any] = {
        "policy": SMALL_POLICY,
        "tuning": {"trials": 2},
        "monitoring": {"report_features": 0},
    }
    return Settings(
        home=home,
        raw=raw,
        first_month=portfolio.first_month,
        last_month=portfolio.last_month,
        **(chosen | overrides),
    )


def generated(portfolio: DemoPortfolio, folder: Path) -> Path:
    """Generate a portfolio's extracts; return their folder."""
    generate(portfolio, folder)
    return folder


def run(settings: Settings, instance: dg.DagsterInstance, first: str, last: str) -> RunOutcome:
    """Run months and fail the test with the run's own words if they fail."""
    outcome = run_months(settings, instance, build_definitions(settings), first, last)
    assert outcome.succeeded, outcome.errors
    return outcome


def keep_months(source: Settings, target: Settings, months: Collection[str]) -> None:
    """Copy what an installation made of some months into another one."""
    for table in ALL_TABLES:
        of_table, there = source.home / "tables" / table.path, target.home / "tables" / table.path
        for month in months:
            shutil.copytree(of_table / month, there / month)
            shutil.copy(of_table / f"{month}.json", there)


def content(settings: Settings) -> Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Return everything of every partition that is promised to be the same, by partition."""
    datamart = Datamart(settings.home)
    return {
        manifest.partition: (manifest.content_hash, manifest.beside, manifest.inputs)
        for table in ALL_TABLES
        for manifest in datamart.manifests(table).values()
    }


def lender_sample() -> Path:
    """Return the folder of the lender's real extracts, or skip the test."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "lender_sample"
    folder = Path(os.environ.get("CREDIT_RISK_SAMPLE") or beside)
    if not folder.is_dir():
        pytest.skip("the lender's sample is not here: set CREDIT_RISK_SAMPLE to its folder")
    return folder
