"""The labelled loans of a training: all, or of each fitted cohort the same share."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from credit_risk_dagster.contract.features import LABEL, MODEL_INPUTS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.models.dark_sources import missing_shares
from credit_risk_dagster.models.row_sample import sampled
from credit_risk_dagster.models.split import TrainingWindow
from credit_risk_dagster.models.training_rows import COHORT, LOAN_ID
from credit_risk_dagster.settings import TuningSettings
from credit_risk_dagster.tables import gold

COLUMNS = (LOAN_ID, LABEL, *MODEL_INPUTS)


def sampled_share(datamart: Datamart, window: TrainingWindow, maximum_rows: int) -> float:
    """Return the share of each fitted cohort that a training reads: 1 up to the maximum of rows."""
    rows = sum(datamart.required_record(gold.COHORT, month).rows for month in window.fit)
    return 1.0 if rows <= maximum_rows else maximum_rows / rows


def training_frame(datamart: Datamart, window: TrainingWindow, share: float) -> pd.DataFrame:
    """Return the rows of a training, with the columns that it reads and the month as `cohort`.

    Out of time every loan is kept: what judges a model is not sampled.
    """
    parts = [_cohort(datamart, month, share) for month in window.fit]
    parts += [_cohort(datamart, month, 1.0) for month in window.out_of_time]
    frame: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    return frame


def applicants_missing(datamart: Datamart, month: str) -> dict[str, float]:
    """Return the share of the month's applicants that each source does not know."""
    rows = datamart.read(gold.FEATURES_TABLE, [month], [LOAN_ID, *MODEL_INPUTS])
    return missing_shares(rows.to_pandas())


def training_settings(tuning: TuningSettings, share: float) -> Mapping[str, Any]:
    """Return the settings that decide a training: the maximum of rows only where it has effect."""
    maximum = {} if share == 1.0 else {"maximum_rows": tuning.maximum_rows}
    return {"trials": tuning.trials, **maximum}


def _cohort(datamart: Datamart, month: str, share: float) -> pa.Table:
    rows = datamart.read(gold.COHORT, [month], COLUMNS)
    if share < 1.0:
        kept = sampled(rows.column(LOAN_ID).to_pandas(), max(1, int(share * rows.num_rows)))
        rows = rows.filter(pa.array(kept))
    return rows.append_column(COHORT, pa.repeat(month, rows.num_rows))
