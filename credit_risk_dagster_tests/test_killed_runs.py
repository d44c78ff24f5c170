"""A run that is killed at any moment and started again ends as if nothing had happened.

Else a power cut or an evicted container would leave months that no other run gives.
"""

import random
from pathlib import Path

import pytest

from benchmarks.killed_runs import differences, end_of, killed, steps_of, undisturbed
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.operations.leftovers import leftovers
from credit_risk_dagster.settings import load_settings
from credit_risk_dagster_tests.installation import SMALL_POLICY

KILLED_AFTER = (0.02, 0.3, 0.5, 0.65, 0.75)
"""Shares of the steps: in delivery, tables, training and promotion."""

PORTFOLIO = DemoPortfolio("2024-03", months=15, applicants_per_month=40)
SETTINGS = {
    "CREDIT_RISK_POLICY__MINIMUM_AUC": "0.5",
    "CREDIT_RISK_TUNING__TRIALS": "1",
    "CREDIT_RISK_MONITORING__REPORT_FEATURES": "0",
    **{f"CREDIT_RISK_POLICY__{name}".upper(): str(count) for name, count in SMALL_POLICY.items()},
}

pytestmark = pytest.mark.long


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_with_what_an_undisturbed_one_gives(
    tmp_path: Path,
) -> None:
    raw, months = tmp_path / "raw", PORTFOLIO.month_keys
    generate(PORTFOLIO, raw)
    whole, disturbed = tmp_path / "whole", tmp_path / "disturbed"
    undisturbed(whole, raw, months, SETTINGS)
    delays = random.Random(20241201)
    kills = [
        killed(disturbed, raw, months, SETTINGS, round(share * steps_of(whole)), delays.random())
        for share in KILLED_AFTER
    ]
    assert None not in kills
    undisturbed(disturbed, raw, months, SETTINGS)

    here, there = end_of(disturbed), end_of(whole)
    assert differences(here, there) == [], kills
    assert here["damaged"] == []
    assert here["registered"], "no model was trained and registered"
    for path in leftovers(load_settings(disturbed)):
        assert path.suffix == ".parquet" or path.name.startswith(".")
