"""What a person reads of the months and of a run."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from credit_risk_dagster.automation.runs import RunOutcome
from credit_risk_dagster.checks.history import FailedCheck
from credit_risk_dagster.command_line.printing import print_outcome, print_proof, print_status
from credit_risk_dagster.command_line.proof import Proof
from credit_risk_dagster.command_line.proof_claims import Claim

MODEL = "2024-09-logistic_regression-0123456789ab"
DARK = {"table": "gold/features", "name": "no_dark_source", "severity": "ERROR"}
SHORT = {"table": "training/training_decision", "name": "enough_history", "severity": "WARN"}


def month(key: str, decision: str | None = "not_due", **values: Any) -> dict[str, Any]:
    return {
        "month": f"{key}-01",
        "decision": decision,
        "production_action": "carried_over",
        "production_model_id": MODEL,
        "candidates": {"logistic_regression": None, "xgboost": None},
        "performance": {},
        "drift": None,
        "rows_scored": 500,
        "failed_checks": [],
        **values,
    }


def waiting(key: str, *failed: dict[str, str]) -> dict[str, Any]:
    return month(
        key,
        "too_little_history",
        production_action="none_yet",
        production_model_id=None,
        rows_scored=0,
        failed_checks=[SHORT, *failed],
    )


def trained(key: str, *aucs: float | None, **values: Any) -> dict[str, Any]:
    candidates = {f"candidate {number}": {"oot_auc": auc} for number, auc in enumerate(aucs)}
    return month(key, "initial_training", candidates=candidates, **values)


def shown(*records: dict[str, Any]) -> list[str]:
    console = Console(width=80, record=True, file=StringIO())
    print_status(console, records)
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_months_before_there_is_history_are_one_line_with_what_failed_in_them() -> None:
    lines = shown(waiting("2024-01"), waiting("2024-02", DARK), waiting("2024-03", DARK))
    assert lines == [
        "2024-01 to 2024-03: too little history to train on, 3 months.",
        "check failed gold/features no_dark_source: 2024-02, 2024-03",
    ]


def test_a_later_month_with_too_little_history_hides_none_of_those_between() -> None:
    late = month("2024-10", "too_little_history", failed_checks=[DARK, SHORT])
    lines = shown(waiting("2024-08"), trained("2024-09", 0.9), late)
    assert lines[0] == "2024-08: too little history to train on, 1 month."
    table = "\n".join(lines[1:])
    assert "2024-09 initial" in table
    assert "2024-10 too little" in table
    (row,) = [line for line in lines if line.startswith("2024-10")]
    assert row.split()[-2:] == ["500", "1"]


def test_an_auc_that_one_class_leaves_undefined_is_a_dash() -> None:
    measured = {"status": "measured", "auc": None}
    performance = {"current": measured, "issued": {"status": "pending", "auc": None}}
    lines = shown(trained("2024-09", 0.9051, None, performance=performance))
    assert "0.905" in lines[1]
    assert " - " in lines[1]
    assert "pending" in lines[1]
    assert lines[2].split()[-1] == "-"


def test_a_month_whose_run_failed_before_production_was_not_run() -> None:
    failed = month("2024-09", None, production_action=None, production_model_id=None, rows_scored=0)
    none = month("2024-10", "not_due", production_action="kept", production_model_id=None)
    lines = shown(failed, none)
    assert "not run" in lines[1]
    assert "none yet" in lines[2]


def test_the_widest_month_fits_eighty_columns() -> None:
    measured = {"status": "measured", "auc": 0.9051}
    widest = trained(
        "2024-09",
        0.9051,
        0.9102,
        performance={"current": measured, "issued": {"status": "pending", "auc": None}},
        drift={"psi": 0.25, "psi_band": "significant"},
        rows_scored=123456,
        failed_checks=[DARK] * 12,
    )
    assert shown(widest) == [
        "month   decision   in production    OOT AUC current  issued  PSI scored failed",
        "2024-09 initial    2024-09-logistic   0.905   0.905 pending 0.25 123456     12",
        "        training   regression         0.910",
    ]


@pytest.mark.parametrize("succeeded", [True, False])
def test_an_outcome_counts_failed_checks_as_the_months_do_and_warnings_apart(
    succeeded: bool,
) -> None:
    console = Console(width=200, record=True, file=StringIO())
    checks = (
        FailedCheck(**DARK, description="It went dark."),
        FailedCheck(**SHORT, description=""),
    )
    print_outcome(console, RunOutcome("5f", succeeded, (), checks), Path("datamart"))
    ended = "succeeded" if succeeded else "failed"
    text = console.export_text()
    assert f"Run 5f {ended}; checks: 1 failed, 1 with a warning." in text
    assert "check failed gold/features no_dark_source: It went dark." in text
    assert "enough_history" not in text


def test_a_proof_shows_what_a_correction_changed_between_its_scores_and_its_claims() -> None:
    console = Console(width=100, record=True, file=StringIO())
    proof = Proof(
        loan_id="CUS_0x1_2024_01_01",
        application_month="2024-01-01",
        raw={},
        corrections={"financials": "Age '-1' is out of range", "loans": ""},
        features={"age": 40, "fe_1_mean": 5.0},
        scores=[{"revision": number, "probability": 0.5} for number in range(3)],
        corrections_since=[
            {"revision": 1, "features": {"fe_1_mean": {"issued": 5.0, "corrected": 7.5}}},
            {"revision": 2, "features": {}},
        ],
        model=None,
        outcome={"status": "pending"},
        hashes={},
        claims=[Claim(True, "all is well"), Claim(False, "this is not")],
    )
    print_proof(console, proof)
    lines = [line.strip(" │") for line in console.export_text().splitlines()]
    assert "Taken as missing in financials: Age '-1' is out of range" in lines
    shown = [line for line in lines if "revision" in line or "correct" in line or "as at" in line]
    assert [" ".join(line.replace("│", "").split()) for line in shown] == [
        "Score, revision 0",
        "revision 0",
        "Score, revision 1",
        "revision 1",
        "Score, revision 2",
        "revision 2",
        "Features behind revision 1",
        "fe_1_mean 5.0, corrected to 7.5",
        "Features behind revision 2",
        "features as at application",
    ]
    assert lines[-2:] == ["holds  all is well", "BROKEN  this is not"]


def test_a_run_ends_with_commands_that_open_the_home_that_it_ran_in() -> None:
    console = Console(file=StringIO(), width=80)
    print_outcome(console, RunOutcome("5f", True, (), ()), Path("data mart/[lender]"))

    assert isinstance(console.file, StringIO)
    said = console.file.getvalue()
    for command in ("dev", "status --json", "explain LOAN_ID"):
        assert f"`credit-risk {command} --home 'data mart/[lender]'`" in said
