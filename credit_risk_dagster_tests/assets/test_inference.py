"""Scores that were issued are evidence: a run takes no changed ones over."""

from pathlib import Path

import dagster as dg
import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.checks.tampering import Change, stored_file, tamper, with_values
from credit_risk_dagster_tests.scored import TRAINED, copy_of, scored_installation
from credit_risk_dagster_tests.table_runs import failures, run_tables


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
