"""An installation with a model in production, built once for all tests that copy it."""

import csv
import shutil
import warnings
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from filelock import FileLock

from credit_risk_dagster.automation.runs import month_tags
from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.installation import SMALL_POLICY, small_installation
from credit_risk_dagster_tests.table_runs import QUIET

PORTFOLIO = DemoPortfolio("2024-03", months=15, applicants_per_month=60)

FIRST = PORTFOLIO.first_month
TRAINED, CARRIED_OVER, WAITING = PORTFOLIO.month_keys[12:]
"""The month that trains the first model; one that only scores; one that is delivered, not run."""

PERSON = {"Name": "Wilhelmina Testperson", "SSN": "987-65-4321"}
"""Who everybody is in these installations, to be found wherever personal data went."""


def scored_installation(factory: pytest.TempPathFactory) -> Settings:
    """Return the installation, run up to the month that carries the model over; do not change it.

    Every worker of a test run gets the same one.
    """
    base = factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    settings = _settings(shared / "scored" / "home", shared / "scored" / "raw")
    built = shared / "scored.built"
    with FileLock(shared / "scored.lock"):
        if not built.exists():
            _build(settings)
            built.touch()
    return settings


def copy_of(settings: Settings, folder: Path, **overrides: Any) -> Settings:
    """Copy an installation with its deliveries; return the settings of the copy."""
    for place in (settings.home, settings.raw_folder):
        shutil.copytree(place, folder / place.name)
    places = {"home": folder / "home", "raw": folder / "raw"}
    return settings.model_copy(update=places | overrides)


def _settings(home: Path, raw: Path) -> Settings:
    return small_installation(
        home,
        raw,
        PORTFOLIO,
        policy={**SMALL_POLICY, "minimum_auc": 0.5},
        deliveries={"settle_seconds": 0},
        tuning={"trials": 1, "threads": 1},
    )


def _build(settings: Settings) -> None:
    generate(PORTFOLIO, settings.raw_folder)
    make_one_person_of_all(settings.raw_folder / "features_attributes.csv")
    graph = build_definitions(settings).resolve_asset_graph()
    with dg.DagsterInstance.ephemeral() as instance, warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        result = dg.materialize(
            [asset for asset in graph.assets_defs if asset.keys],
            instance=instance,
            tags=month_tags(FIRST, CARRIED_OVER),
            run_config=QUIET,
        )
    assert result.success


def make_one_person_of_all(attributes: Path) -> None:
    """Give every row of an attributes extract the same name and social security number."""
    with attributes.open(encoding="utf-8", newline="") as file:
        rows = [row | PERSON for row in csv.DictReader(file)]
    with attributes.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
