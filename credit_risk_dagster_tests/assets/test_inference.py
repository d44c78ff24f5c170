"""Scores that were issued are evidence: a run adds beside them, and takes no changed ones over."""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from credit_risk_dagster.assets.inference import SAME_SCORE, SCORED_SCHEMA, with_revision
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.checks.tampering import Change, stored_file, tamper, with_values
from credit_risk_dagster_tests.scored import TRAINED, copy_of, scored_installation
from credit_risk_dagster_tests.table_runs import failures, run_tables

ISSUED = [
    {"loan_id": "L1", "probability": 0.25, "band": "B", "reason_1_log_odds": -0.5},
    {"loan_id": "L2", "probability": 0.75, "band": "D", "reason_1_log_odds": None},
]
"""Two scores, of the second of which no reason is known."""


def scores(*changes: dict[str, Any]) -> pa.Table:
    """Return the two scores as a model gives them, with something about them changed."""
    rows = [row | change for row, change in zip(ISSUED, changes or ({}, {}), strict=True)]
    return pa.Table.from_pylist(rows, schema=SCORED_SCHEMA)


def revisions(rows: pa.Table) -> list[int]:
    return sorted(set(rows.column("revision").to_pylist()))


@pytest.fixture
def issued() -> pa.Table:
    return with_revision(PREDICTIONS.schema.empty_table(), scores())


def test_the_first_scores_of_a_month_are_the_issued_ones(issued: pa.Table) -> None:
    assert issued.column("loan_id").to_pylist() == ["L1", "L2"]
    assert revisions(issued) == [0]


def test_the_same_scores_in_any_order_issue_nothing(issued: pa.Table) -> None:
    assert with_revision(issued, scores().take([1, 0])) is issued


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("column", ["probability", "reason_1_log_odds"])
def test_a_number_that_moves_by_less_than_a_billionth_is_no_revision_and_by_more_is_one(
    issued: pa.Table, column: str, sign: int
) -> None:
    def moved(by: float) -> pa.Table:
        return scores({column: ISSUED[0][column] + sign * by}, {})

    assert SAME_SCORE == 1e-9
    assert with_revision(issued, moved(0.9e-9)) is issued
    revised = with_revision(issued, moved(1.1e-9))
    assert revisions(revised) == [0, 1]
    assert revised.slice(0, 2).equals(issued)


@pytest.mark.parametrize(
    "again",
    [
        scores({"band": "A"}, {}),
        scores({"model_id": "another"}, {}),
        scores({}, {"reason_1": "tenure"}),
        scores({}, {"reason_1_log_odds": 0.0}),
        scores({"loan_id": "L3"}, {}),
        scores().slice(1),
        scores().slice(0, 0),
    ],
    ids=["a band", "the model", "a reason", "a number", "an applicant", "fewer", "none"],
)
def test_whatever_else_changes_is_a_revision_beside_the_issued_scores(
    issued: pa.Table, again: pa.Table
) -> None:
    revised = with_revision(issued, again)
    assert revised.slice(0, 2).equals(issued)
    assert revised.num_rows == 2 + again.num_rows
    assert set(revised.slice(2).column("revision").to_pylist()) <= {1}


def test_scores_are_compared_with_the_newest_revision(issued: pa.Table) -> None:
    corrected = scores({"probability": 0.5}, {})
    revised = with_revision(issued, corrected)
    assert with_revision(revised, corrected) is revised

    taken_back = with_revision(revised, scores())
    assert revisions(taken_back) == [0, 1, 2]
    newest = taken_back.filter(pc.equal(taken_back.column("revision"), 2))
    assert newest.drop_columns("revision").equals(issued.drop_columns("revision"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        with_values(probability=0.01),
        lambda rows: rows.slice(1),
        lambda rows: rows.drop_columns("band"),
        None,
    ],
    ids=["a probability changed", "a score removed", "a column removed", "all of them lost"],
)
def test_a_run_refuses_issued_scores_that_were_changed_and_leaves_them_to_be_looked_at(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, change: Change | None
) -> None:
    scored = copy_of(scored_installation(tmp_path_factory), tmp_path)
    datamart, file = Datamart(scored.home), stored_file(scored, PREDICTIONS, TRAINED)
    recorded = datamart.required_record(PREDICTIONS, TRAINED)
    if change is None:
        file.unlink()
    else:
        tamper(scored, PREDICTIONS, TRAINED, change)
    left = file.read_bytes() if file.exists() else None

    with dg.DagsterInstance.ephemeral() as instance:
        result = run_tables(scored, instance, TRAINED, TRAINED, PREDICTIONS)

    assert failures(result)["inference__predictions"] == (
        f"inference/predictions/2024-01-01 is damaged: {file.relative_to(scored.home)} is not the "
        "file that was written. Restore tables/inference/predictions from a backup: issued scores "
        "are evidence, and are never computed again as if they had just been issued."
    )
    assert datamart.required_record(PREDICTIONS, TRAINED) == recorded
    assert (file.read_bytes() if file.exists() else None) == left
