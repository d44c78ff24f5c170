"""Scores that were issued are evidence: a run adds beside them, and takes no changed ones over."""

from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from credit_risk_dagster.assets.inference import with_revision
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.inference import PREDICTIONS, RESTORE_ISSUED_SCORES
from credit_risk_dagster_tests.checks.tampering import Change, tamper, with_values
from credit_risk_dagster_tests.scored import TRAINED, copy_of, scored_installation
from credit_risk_dagster_tests.table_runs import failures, run_tables

pytestmark = pytest.mark.slow


@pytest.fixture
def scored(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return copy_of(scored_installation(tmp_path_factory), tmp_path)


def test_a_run_refuses_issued_scores_that_were_changed_and_leaves_them_to_be_looked_at(
    scored: Settings,
) -> None:
    datamart = Datamart(scored.home)
    recorded = datamart.required_manifest(PREDICTIONS, TRAINED)
    tamper(scored, PREDICTIONS, TRAINED, with_values(probability=0.01))
    changed = datamart.file(PREDICTIONS, TRAINED).read_bytes()

    with dg.DagsterInstance.ephemeral() as instance:
        result = run_tables(scored, instance, TRAINED, TRAINED, PREDICTIONS)

    assert failures(result)["inference__predictions"] == (
        "The scores in inference/predictions/2024-01-01 are not those that the manifest records: "
        f"they were changed after they were written. {RESTORE_ISSUED_SCORES}"
    )
    assert datamart.required_manifest(PREDICTIONS, TRAINED) == recorded
    assert datamart.file(PREDICTIONS, TRAINED).read_bytes() == changed


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.slice(1),
        lambda rows: rows.slice(0, 0),
        lambda rows: rows.drop_columns("band"),
        with_values(model_id="another"),
    ],
    ids=["a score removed", "all removed", "a column removed", "another model"],
)
def test_every_change_of_issued_scores_is_refused(scored: Settings, change: Change) -> None:
    datamart = Datamart(scored.home)
    again = datamart.read(PREDICTIONS, [TRAINED]).drop_columns("revision")
    assert with_revision(datamart, TRAINED, again).num_rows == again.num_rows
    tamper(scored, PREDICTIONS, TRAINED, change)
    with pytest.raises(PartitionError, match="Restore tables/inference/predictions"):
        with_revision(datamart, TRAINED, again)


def test_lost_issued_scores_are_not_computed_again(scored: Settings) -> None:
    datamart = Datamart(scored.home)
    again: pa.Table = datamart.read(PREDICTIONS, [TRAINED]).drop_columns("revision")
    datamart.file(PREDICTIONS, TRAINED).unlink()
    with pytest.raises(PartitionError, match="Restore tables/inference/predictions"):
        with_revision(datamart, TRAINED, again)
