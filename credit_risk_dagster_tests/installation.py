"""Installations for tests: demo data, settings with a pinned clock, and runs through Dagster."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from credit_risk_dagster.automation.runs import RunOutcome, run_months
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES, BY_PATH

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
    """Copy what an installation made of some months into another one, month by month."""
    here, there = Datamart(source.home), Datamart(target.home)
    for table in ALL_TABLES:
        for month in months:
            record = here.required_record(table, month)
            kept = Draft(
                month=month,
                inputs=inputs_by_name(there, record.inputs, record.content_hash),
                definition=record.definition,
                facts=record.facts,
                provenance=record.provenance,
                recipe=record.recipe,
            )
            beside = {name: here.read_beside(table, month, name) for name in record.beside}
            writer = there.open(table, [month])
            writer.write(kept, here.read(table, [month]), beside)


def inputs_by_name(
    datamart: Datamart, hashes: Mapping[str, str], delivered: str = ""
) -> dict[str, Input]:
    """Return what a month is made of by the names and content hashes that were recorded.

    The origin of a delivery is the content hash of the month of bronze that it became.
    """
    found: dict[str, Input] = {}
    for name, content_hash in hashes.items():
        path, _, month = name.rpartition("/")
        record = datamart.record(BY_PATH[path], month) if path in BY_PATH else None
        found[name] = record.as_input() if record else Input(content_hash, origin=delivered)
    return found


def content(settings: Settings) -> Mapping[str, tuple[Any, ...]]:
    """Return everything of every partition that is promised to be the same, by partition."""
    datamart = open_datamart(settings)
    return {
        record.partition: (
            record.content_hash,
            {name: (one.rows, one.content_hash) for name, one in record.beside.items()},
            record.inputs,
            (record.definition, record.origin, record.recipe),
        )
        for table in ALL_TABLES
        for record in datamart.records(table).values()
    }


def lender_sample() -> Path:
    """Return the folder of the lender's real extracts, or skip the test."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "lender_sample"
    folder = Path(os.environ.get("CREDIT_RISK_SAMPLE") or beside)
    if not folder.is_dir():
        pytest.skip("the lender's sample is not here: set CREDIT_RISK_SAMPLE to its folder")
    return folder
