"""What the platform's cost is measured against does the same work as the platform.

Else the factor between them would say nothing.
"""

import csv
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from benchmarks.stage import TABLE_STAGES
from benchmarks.yardstick import first_difference, run_yardstick
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.table_runs import failures, run_tables

PORTFOLIO = DemoPortfolio("2024-12", months=8, applicants_per_month=30)

Gold = tuple[Datamart, Path]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Gold:
    """The gold of the platform and that of the yardstick, of the same dirty extracts."""
    home = tmp_path_factory.mktemp("home")
    first, last = PORTFOLIO.first_month, PORTFOLIO.last_month
    settings = Settings(
        home=home,
        first_month=first,
        last_month=last,
        monitoring={"quarantine_limit_share": 1},
    )
    generate(PORTFOLIO, settings.raw_folder)
    soil(settings.raw_folder)
    tables = [table for stage in TABLE_STAGES.values() for table in stage]
    with dg.DagsterInstance.ephemeral() as instance:
        assert failures(run_tables(settings, instance, first, last, *tables)) == {}
    run_yardstick(settings.raw_folder, first, last, home / "made")
    return Datamart(home), home / "made"


def soil(raw: Path) -> None:
    """Repeat a row, contradict one, and put into others what does not belong there."""
    changes = {
        "lms_loan_daily": {"overdue_amt": "n/a"},
        "features_attributes": {"Occupation": "123-45-6789"},
        "features_financials": {"Interest_Rate": "high"},
        "feature_clickstream": {"fe_7": "1.5"},
    }
    for stem, change in changes.items():
        path = raw / f"{stem}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        place = {header.index(name): text for name, text in change.items()}
        contradicted = [place.get(at, text) for at, text in enumerate(rows[2])]
        spoilt = [place.get(at, text) for at, text in enumerate(rows[1])]
        with path.open("w", encoding="utf-8", newline="") as file:
            written = [header, rows[0], spoilt, *rows[2:], rows[0], contradicted]
            csv.writer(file, lineterminator="\n").writerows(written)


def test_the_yardstick_makes_the_same_gold_as_the_platform(both: Gold) -> None:
    datamart, made = both
    assert first_difference(datamart, PORTFOLIO.month_keys, made) is None
    labels = duckdb.sql(f"SELECT count(*) FROM '{made}/labels.parquet'").fetchall()
    assert labels[0][0] > 0, "no label matured: the portfolio is too short to compare anything"


@pytest.mark.parametrize(
    ("table", "column", "said"),
    [
        ("labels", "days_past_due", "labels: days_past_due of "),
        ("cohort", "age", "cohort: age of "),
    ],
)
def test_gold_that_differs_in_one_value_is_named_with_its_loan(
    both: Gold, tmp_path: Path, table: str, column: str, said: str
) -> None:
    datamart, made = both
    for file in made.glob("*.parquet"):
        changed = f"{column} + (row_number() OVER () = 1)::INT" if file.stem == table else column
        replaced = f"REPLACE ({changed} AS {column})" if file.stem == table else ""
        duckdb.sql(f"SELECT * {replaced} FROM '{file}'").write_parquet(str(tmp_path / file.name))
    difference = first_difference(datamart, PORTFOLIO.month_keys, tmp_path)
    assert difference is not None
    assert difference.startswith(said)


def test_gold_that_lacks_a_row_is_told_by_its_number_of_rows(both: Gold, tmp_path: Path) -> None:
    datamart, made = both
    for file in made.glob("*.parquet"):
        rows = "OFFSET 1" if file.stem == "features" else ""
        duckdb.sql(f"SELECT * FROM '{file}' {rows}").write_parquet(str(tmp_path / file.name))
    difference = first_difference(datamart, PORTFOLIO.month_keys, tmp_path)
    assert difference is not None
    assert difference.startswith("features: ")
