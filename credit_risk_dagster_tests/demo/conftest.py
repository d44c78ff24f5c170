from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.demo.generator import DemoPortfolio, generate
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_FEATURES

Extracts = dict[str, pd.DataFrame]

SMALL = DemoPortfolio("2024-06", months=6, applicants_per_month=40, seed=7)


def read_extracts(folder: Path) -> Extracts:
    """Every column as text, exactly as delivered; only the clickstream's counts as integers."""
    types = defaultdict(lambda: "str", dict.fromkeys(CLICKSTREAM_FEATURES, "int64"))
    return {
        source.name: pd.read_csv(
            folder / f"{source.files[0]}.csv", dtype=types, keep_default_na=False
        )
        for source in CONTRACT.sources
    }


def numbers(text: pd.Series) -> pd.Series:
    """A column as numbers, without stray underscores; missing where it is none."""
    return pd.to_numeric(text.str.rstrip("_"), errors="coerce")


@pytest.fixture(scope="session")
def portfolio() -> DemoPortfolio:
    """The default portfolio: 30 months of 500 applicants."""
    return DemoPortfolio("2025-06")


@pytest.fixture(scope="session")
def extracts(portfolio: DemoPortfolio, tmp_path_factory: pytest.TempPathFactory) -> Extracts:
    folder = tmp_path_factory.mktemp("demo")
    generate(portfolio, folder)
    return read_extracts(folder)


@pytest.fixture(scope="session")
def loan_book(extracts: Extracts) -> pd.DataFrame:
    """The loan book with numbers as numbers, one loan after the other."""
    book = extracts["loans"].copy()
    amounts = ["tenure", "installment_num", "loan_amt"]
    amounts += ["due_amt", "paid_amt", "overdue_amt", "balance"]
    book[amounts] = book[amounts].astype(float)
    return book.sort_values(["loan_id", "installment_num"], ignore_index=True)


@pytest.fixture(scope="session")
def labels(loan_book: pd.DataFrame) -> pd.DataFrame:
    """One row per loan that reached month on book 6: customer, months, default or not."""
    matured = loan_book[loan_book["installment_num"] == 6]
    missed = np.ceil(matured["overdue_amt"] / matured["due_amt"]).astype(int)
    snapshots = pd.to_datetime(matured["snapshot_date"])
    days_past_due = [
        (snapshot - (snapshot - pd.DateOffset(months=count))).days
        for snapshot, count in zip(snapshots, missed, strict=True)
    ]
    return pd.DataFrame(
        {
            "Customer_ID": matured["Customer_ID"],
            "applied": matured["loan_start_date"],
            "matured": matured["snapshot_date"],
            "missed": missed,
            "default": [int(days >= 30) for days in days_past_due],
        }
    ).set_index("Customer_ID")
