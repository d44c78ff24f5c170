"""A lender with few loans trains on all of them; one with many on the same share of each cohort."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from credit_risk_dagster.assets.training_frame import (
    sampled_share,
    training_frame,
    training_settings,
)
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.models.identity import training_rows_hash
from credit_risk_dagster.settings import TuningSettings
from credit_risk_dagster.tables.gold import COHORT
from credit_risk_dagster_tests.models.loan_frames import COHORTS, loan_frame, window

LOANS_A_MONTH = 40
FRAME, WINDOW = loan_frame(LOANS_A_MONTH), window()
FITTED = LOANS_A_MONTH * len(WINDOW.fit)


@pytest.fixture
def datamart(tmp_path: Path) -> Datamart:
    """Fourteen cohorts of forty loans."""
    datamart = Datamart(tmp_path / "home")
    writer = datamart.open(COHORT, COHORTS)
    for month in COHORTS:
        day = pd.Timestamp(month).date()
        rows = FRAME[FRAME["cohort"] == month].assign(
            customer_id="C", snapshot_date=day, application_date=day, latest_input_date=day
        )
        table = pa.Table.from_pandas(rows, COHORT.schema, preserve_index=False)
        writer.stage_rows(Draft(month, inputs={}), table)
    writer.commit()
    return datamart


def loans_by_cohort(frame: pd.DataFrame) -> dict[str, int]:
    return {str(month): len(rows) for month, rows in frame.groupby("cohort")}


@pytest.mark.parametrize("maximum", [FITTED, 150_000])
def test_up_to_the_maximum_neither_rows_nor_settings_of_a_training_change(
    datamart: Datamart, maximum: int
) -> None:
    share = sampled_share(datamart, WINDOW, maximum)
    frame = training_frame(datamart, WINDOW, share)
    assert training_rows_hash(frame) == training_rows_hash(FRAME)
    assert training_settings(TuningSettings(maximum_rows=maximum), share) == {"trials": 15}


def test_above_it_each_fitted_cohort_gives_the_same_share_and_out_of_time_every_loan(
    datamart: Datamart,
) -> None:
    frame = training_frame(datamart, WINDOW, sampled_share(datamart, WINDOW, FITTED // 4))
    found = loans_by_cohort(frame)
    assert {found[month] for month in WINDOW.fit} == {LOANS_A_MONTH // 4}
    assert {found[month] for month in WINDOW.out_of_time} == {LOANS_A_MONTH}
    kept = FRAME[FRAME["loan_id"].isin(frame["loan_id"])].reset_index(drop=True)
    assert training_rows_hash(kept) == training_rows_hash(frame)


def test_another_maximum_is_another_training_where_it_has_effect() -> None:
    few, fewer = TuningSettings(maximum_rows=200), TuningSettings(maximum_rows=100)
    assert training_settings(few, 0.5) != training_settings(fewer, 0.25)
    assert training_settings(few, 1.0) == training_settings(fewer, 1.0)


def test_no_cohort_is_left_without_a_loan(datamart: Datamart) -> None:
    frame = training_frame(datamart, WINDOW, sampled_share(datamart, WINDOW, 1))
    assert {loans_by_cohort(frame)[month] for month in WINDOW.fit} == {1}
