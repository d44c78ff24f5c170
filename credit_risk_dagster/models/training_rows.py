"""The labelled loans of a training, month by month and in a fixed order."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.contract.features import LABEL
from credit_risk_dagster.errors import ModelError

COHORT = "cohort"
LOAN_ID = "loan_id"

Labels = npt.NDArray[np.int64]


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows by cohort and loan, so that no result depends on the order they came in.

    Raises:
        ModelError: if a loan occurs twice.
    """
    repeated = frame[LOAN_ID].duplicated()
    if repeated.any():
        raise ModelError(
            f"{int(repeated.sum())} training rows repeat a loan, the first is "
            f"{frame.loc[repeated, LOAN_ID].iloc[0]}: materialize the cohorts again"
        )
    is_numbered = frame.index.equals(pd.RangeIndex(len(frame)))
    if is_numbered and pd.MultiIndex.from_frame(frame[[COHORT, LOAN_ID]]).is_monotonic_increasing:
        return frame  # as training reads it: a window of many loans is not held twice
    return frame.sort_values([COHORT, LOAN_ID], kind="stable", ignore_index=True)


def rows_of(frame: pd.DataFrame, months: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the cohorts `months`, in the order of `frame`; not to be changed.

    Of neighbouring cohorts of a frame in order they are a view: no row is held twice.

    Raises:
        ModelError: if one of these cohorts has no rows.
    """
    empty = sorted(set(months) - set(frame[COHORT].unique()))
    if empty:
        raise ModelError(
            f"no training rows for cohort {', '.join(empty)}: materialize gold cohort for it"
        )
    places = np.flatnonzero(frame[COHORT].isin(months))
    if places[-1] - places[0] + 1 == places.size:
        return frame.iloc[places[0] : places[-1] + 1]
    return frame.iloc[places]


def labels_of(frame: pd.DataFrame) -> Labels:
    """Return the labels, shape (n,): 1 for default, else 0."""
    return frame[LABEL].to_numpy(dtype=np.int64)


def require_both_classes(frame: pd.DataFrame, months: Sequence[str], purpose: str) -> None:
    """Check that the cohorts `months` hold loans that defaulted and loans that did not.

    Raises:
        ModelError: if they do not, or one of them has no rows.
    """
    labels = labels_of(rows_of(frame, months))
    if labels.min() == labels.max():
        outcome = "defaulted" if labels[0] else "did not default"
        raise ModelError(
            f"the cohorts {min(months)} to {max(months)} cannot be used for {purpose}: all "
            f"{labels.size} loans {outcome}, and a model needs both outcomes. "
            "Check gold labels of these months, or widen the training window."
        )
