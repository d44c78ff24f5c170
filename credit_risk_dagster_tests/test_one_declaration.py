"""A column more and a feature more are one file's lines: all else follows from them."""

import difflib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from credit_risk_dagster.contract.check import findings
from credit_risk_dagster.contract.dictionary import data_dictionary
from credit_risk_dagster.contract.draft.writing import written
from credit_risk_dagster.contract.kinds import Number
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.reference import CONTRACT
from credit_risk_dagster.contract.toml import read_toml
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster_tests.test_second_lender import CREDIT_RISK, command, rows

COLUMN = """\
  [[source.column]]
  header = "Late_Bills"
  name = "late_bills"
  kind = "number"
  low = 0
  high = 50
  meaning = "Bills that the applicant paid late in the last year"

"""
FEATURE = """
[[feature]]
name = "late_bills"
column = "late_bills"
meaning = "Bills that the applicant paid late in the last year"
group = "payment behaviour"
direction = "up"
raises = "many bills paid late"
lowers = "few bills paid late"
"""
PORTFOLIO = DemoPortfolio("2024-02", months=14, applicants_per_month=100)
MONTHS = PORTFOLIO.month_keys

BEFORE = written(CONTRACT, {})
OF_ATTRIBUTES = BEFORE.index('header = "Age"')
PLACE = BEFORE.rindex("  [[source.column]]", 0, OF_ATTRIBUTES)
AFTER = BEFORE[:PLACE] + COLUMN + BEFORE[PLACE:] + FEATURE


@pytest.fixture
def changed(tmp_path: Path) -> Contract:
    path = tmp_path / "contract.toml"
    path.write_text(AFTER)
    return read_toml(path)


def test_the_diff_is_the_lines_of_the_column_and_of_the_feature() -> None:
    diff = difflib.ndiff(BEFORE.splitlines(), AFTER.splitlines())
    lines = [line for line in diff if line[:1] in "+-?"]
    assert all(line.startswith("+") for line in lines)
    assert len(lines) == len((COLUMN + FEATURE).splitlines())


def test_the_contract_has_one_column_and_one_feature_more(changed: Contract) -> None:
    assert findings(changed) == []
    column = changed.source("attributes").column("late_bills")
    assert column.kind == Number(low=0, high=50)
    names, known = ([one.name for one in of.feature_columns] for of in (changed, CONTRACT))
    assert names == [*known, "late_bills"]
    dictionary = data_dictionary(changed, window_months=14)
    assert "| `Late_Bills` | `late_bills` | a number from 0 to 50 |" in dictionary
    assert "many bills paid late / few bills paid late" in dictionary


def deliver(raw: Path) -> "pd.Series[float]":
    """Deliver a demo whose applicants paid bills late, more of them if they will default."""
    generate(PORTFOLIO, raw)
    book = pd.read_csv(raw / "lms_loan_daily.csv", dtype=str)
    behind = pd.to_numeric(book["overdue_amt"], errors="coerce") > 0
    bad = set(book.loc[behind & (book["installment_num"].astype(int) >= 5), "Customer_ID"])
    path = raw / "features_attributes.csv"
    attributes = pd.read_csv(path, dtype=str, keep_default_na=False)
    lately = np.random.default_rng(1).poisson(np.where(attributes["Customer_ID"].isin(bad), 9, 3))
    attributes.assign(Late_Bills=lately).to_csv(path, index=False)
    return pd.Series(lately.astype(float), index=attributes["Customer_ID"])


@pytest.mark.long
def test_the_feature_is_in_gold_models_drift_reasons_and_dictionary(tmp_path: Path) -> None:
    home, raw = tmp_path / "home", tmp_path / "raw"
    home.mkdir()
    (home / "contract.toml").write_text(AFTER)
    lately = deliver(raw)
    span = f"{MONTHS[0][:7]}..{MONTHS[-1][:7]}"
    command("-c", CREDIT_RISK, "run", "--raw", str(raw), "--months", span, home=home)

    features = rows(home, "gold/features").set_index("customer_id")["late_bills"].dropna()
    assert len(features) > 1000
    assert features.to_dict() == lately.groupby(level=0).first()[features.index].to_dict()

    production = rows(home, "production/production_model").sort_values("snapshot_date").iloc[-1]
    folder = home / "models" / production["model_id"]
    assert "late_bills" in "".join(path.read_text() for path in folder.glob("*.json"))
    drift = rows(home, "monitoring/drift")
    found = drift[(drift["metric"] == "csi") & (drift["subject"] == "late_bills")]
    assert found["value"].notna().any()
    scores = rows(home, "inference/predictions")
    assert scores.filter(regex="^reason_[0-9]$").isin(["late_bills"]).to_numpy().any()
    loan = scores.loc[scores["reason_1"] == "late_bills", "loan_id"].iloc[0]
    proof = command("-c", CREDIT_RISK, "explain", loan, "--json", home=home).stdout
    assert "late_bills" in json.dumps(json.loads(proof))
    dictionary = command("-c", CREDIT_RISK, "contract", "dictionary", home=home).stdout
    assert "Bills that the applicant paid late in the last year" in dictionary
