"""Extracts of three months from a small demo, and ways in which a delivery goes wrong."""

import csv
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from credit_risk_dagster.automation.due import Deliveries, readable_months
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Source
from credit_risk_dagster.delivery.delivered import take_arrivals
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.demo.extracts import Layout, extract_path
from credit_risk_dagster.demo.generator import DemoPortfolio, generate
from credit_risk_dagster.settings import Settings

FIRST, MIDDLE, LAST = "2024-01-01", "2024-02-01", "2024-03-01"

PORTFOLIO = DemoPortfolio(LAST, months=3, applicants_per_month=60)

Row = dict[str, str]
Deliver = Callable[..., Settings]
"""Delivers three months in a layout to a new installation; returns its settings."""


def _generated(layout: Layout, factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / f"three_months_{layout}"
    if not folder.exists():
        generate(PORTFOLIO, folder, layout)
    return folder


def delivered(
    layout: Layout, folder: Path, factory: pytest.TempPathFactory, **overrides: Any
) -> Settings:
    """Deliver three months to a new installation in a folder; return its settings."""
    settings = Settings(
        home=folder / "home",
        raw=folder / "raw",
        first_month=FIRST,
        last_month=LAST,
        monitoring={"report_features": 0},
        **({"deliveries": {"settle_seconds": 0}} | overrides),
    )
    shutil.copytree(_generated(layout, factory), settings.raw_folder)
    return settings


def readable(settings: Settings) -> Deliveries:
    """Take what is in the raw folder; return the months that can be read of it."""
    now, ledger = datetime.now(UTC), DeliveryLedger(settings.metrics_store_url)
    decisions = take_arrivals(settings, ledger, now, at_once=True).decisions
    return readable_months(settings, decisions, now.date())


def file_of(settings: Settings, source: Source, month: str = MIDDLE) -> Path:
    """Return the file that holds a month of a source."""
    of_month = extract_path(settings.raw_folder, source, month, "monthly")
    cumulative = extract_path(settings.raw_folder, source, month, "cumulative")
    return of_month if of_month.exists() else cumulative


def change_text(
    settings: Settings, source: Source, change: Callable[[str], str], month: str = MIDDLE
) -> Path:
    """Change the text of the file that holds a month; return the file."""
    path = file_of(settings, source, month)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    return path


def change_rows(
    settings: Settings,
    source: Source,
    change: Callable[[list[Row]], list[Row]],
    month: str = MIDDLE,
) -> None:
    """Change the rows of a month; they move to the end of a cumulative file."""
    path = file_of(settings, source, month)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    others = [row for row in rows if row[SNAPSHOT_DATE] != month]
    changed = change([row for row in rows if row[SNAPSHOT_DATE] == month])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(source.headers), lineterminator="\n")
        writer.writeheader()
        writer.writerows([*others, *changed])


def set_values(
    column: str, value: str, count: int | None = None
) -> Callable[[list[Row]], list[Row]]:
    """Return the change that puts a value into a column of the first rows, or of all."""

    def change(rows: list[Row]) -> list[Row]:
        end = len(rows) if count is None else count
        return [{**row, column: value} for row in rows[:end]] + rows[end:]

    return change
