"""Scores that were issued are evidence: a run adds beside them, and only what differs."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from credit_risk_dagster.assets.issued_scores import SAME_SCORE, stage_scores
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.engine import NewFile
from credit_risk_dagster.datamart.maintenance import orphans
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.months import first_day
from credit_risk_dagster.tables.inference import PREDICTIONS

MONTH = "2024-09-01"
SCORED = [
    {"loan_id": "L1", "probability": 0.25, "band": "B", "reason_1_log_odds": -0.5},
    {"loan_id": "L2", "probability": 0.75, "band": "D", "reason_1_log_odds": None},
]
"""Two scores, of the second of which no reason is known."""


def scores(*changes: dict[str, Any]) -> pa.Table:
    """Return the two scores as a model gives them, with something about them changed."""
    known = {"customer_id": "C", "snapshot_date": first_day(MONTH), "model_id": "model"}
    rows = [known | row | change for row, change in zip(SCORED, changes or ({}, {}), strict=True)]
    return pa.Table.from_pylist(rows, schema=PREDICTIONS.schema)


def score_month(datamart: Datamart, scored: pa.Table | None) -> pa.Table:
    """Score the month as an engine does, if there is a model; return all that is then recorded."""

    def write(revision: int, new_file: NewFile) -> None:
        numbered = pa.array([revision] * scored.num_rows, pa.int64())
        rows = scored.set_column(scored.column_names.index("revision"), "revision", numbered)
        half = rows.num_rows // 2
        for part in (rows.slice(0, half), rows.slice(half)):
            if part.num_rows:
                pq.write_table(part, new_file(MONTH, "rows"))

    writer = datamart.open(PREDICTIONS, [MONTH])
    known = datamart.record(PREDICTIONS, MONTH)
    issued = datamart.files(PREDICTIONS, [MONTH]) if known else []
    stage_scores(writer, MONTH, issued, write if scored is not None else None)
    writer.stage(Draft(MONTH, inputs={}))
    writer.commit()
    assert orphans(datamart, [PREDICTIONS]) == []
    return datamart.read(PREDICTIONS, [MONTH])


def revisions(rows: pa.Table) -> list[int]:
    return sorted(set(rows.column("revision").to_pylist()))


@pytest.fixture
def datamart(tmp_path: Path) -> Datamart:
    return Datamart(tmp_path / "home")


@pytest.fixture
def issued(datamart: Datamart) -> pa.Table:
    return score_month(datamart, scores())


def test_the_first_scores_of_a_month_are_the_issued_ones(issued: pa.Table) -> None:
    assert issued.column("loan_id").to_pylist() == ["L1", "L2"]
    assert revisions(issued) == [0]


def test_the_same_scores_issue_nothing_and_write_nothing(
    datamart: Datamart, issued: pa.Table
) -> None:
    recorded = datamart.record(PREDICTIONS, MONTH)
    assert score_month(datamart, scores()).equals(issued)
    assert datamart.record(PREDICTIONS, MONTH) == recorded


def test_without_a_model_what_was_issued_stays(datamart: Datamart, issued: pa.Table) -> None:
    assert score_month(datamart, None).equals(issued)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("column", ["probability", "reason_1_log_odds"])
def test_a_number_that_moves_by_less_than_a_billionth_is_no_revision_and_by_more_is_one(
    datamart: Datamart, issued: pa.Table, column: str, sign: int
) -> None:
    def moved(by: float) -> pa.Table:
        return scores({column: SCORED[0][column] + sign * by}, {})

    assert SAME_SCORE == 1e-9
    assert score_month(datamart, moved(0.9e-9)).equals(issued)
    revised = score_month(datamart, moved(1.1e-9))
    assert revisions(revised) == [0, 1]
    assert revised.slice(0, 2).equals(issued)


@pytest.mark.parametrize(
    "again",
    [
        scores({"band": "A"}, {}),
        scores({"model_id": "another"}, {}),
        scores({}, {"reason_1": "tenure"}),
        scores({}, {"reason_1_log_odds": 0.0}),
        scores({}, {"loan_id": "L3"}),
        scores().slice(1),
        scores().slice(0, 0),
    ],
    ids=["a band", "the model", "a reason", "a number", "an applicant", "fewer", "none"],
)
def test_whatever_else_changes_is_a_revision_beside_the_issued_scores(
    datamart: Datamart, issued: pa.Table, again: pa.Table
) -> None:
    revised = score_month(datamart, again)
    assert revised.slice(0, 2).equals(issued)
    assert revised.num_rows == 2 + again.num_rows
    assert set(revised.slice(2).column("revision").to_pylist()) <= {1}


def test_scores_are_compared_with_the_newest_revision(datamart: Datamart, issued: pa.Table) -> None:
    corrected = scores({"probability": 0.5}, {})
    revised = score_month(datamart, corrected)
    assert score_month(datamart, corrected).equals(revised)

    taken_back = score_month(datamart, scores())
    assert revisions(taken_back) == [0, 1, 2]
    newest = taken_back.filter(pc.equal(taken_back.column("revision"), 2))
    assert newest.drop_columns("revision").equals(issued.drop_columns("revision"))
