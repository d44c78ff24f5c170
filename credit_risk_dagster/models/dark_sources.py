"""Applicants whom a source does not know: rows as they would be if it had gone dark."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.contract.features import (
    MONTHS_BEHIND,
    SCORED_CATEGORIES,
    SCORED_NUMBERS,
    SCORED_PANELS,
)
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.lender import count_of, mean_of, months_of, squares_of
from credit_risk_dagster.contract.source import LOAN_ID
from credit_risk_dagster.models.row_sample import sampled
from credit_risk_dagster.tables.expressions import columns_of

Rows = npt.NDArray[np.bool_]


@cache
def sources_scored() -> tuple[str, ...]:
    """Return the sources that models read something of, the loan book not among them."""
    return tuple(
        source.name
        for source in (*CONTRACT.applicants, *CONTRACT.panels)
        if source.name in SCORED_PANELS or _columns_from(source.name)
    )


def without(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return rows of features of which a source knows nothing."""
    return _blanked(frame, source, np.ones(len(frame), dtype=np.bool_))


def is_known(frame: pd.DataFrame, source: str) -> Rows:
    """Return which rows have something that models read of a source, shape (n,)."""
    if source in SCORED_PANELS:
        return frame[months_of(source)].to_numpy(dtype=np.float64) > 0
    return frame[[*_columns_from(source)]].notna().any(axis=1).to_numpy(dtype=np.bool_)


def missing_shares(frame: pd.DataFrame) -> dict[str, float]:
    """Return the share of applicants that each source does not know, 0 without applicants."""
    return {
        source: float(1 - is_known(frame, source).mean()) if len(frame) else 0.0
        for source in sources_scored()
    }


def masked(frame: pd.DataFrame, shares: Mapping[str, float]) -> pd.DataFrame:
    """Return rows in which each source is missing as often as the shares say, or oftener.

    Which loans lose it depends on nothing but the loans.
    """
    for source, share in shares.items():
        known = is_known(frame, source)
        surplus = round(share * len(frame)) - int((~known).sum())
        if surplus > 0:
            among = np.flatnonzero(known)
            chosen = among[sampled(frame[LOAN_ID].iloc[among], min(surplus, among.size))]
            frame = _blanked(frame, source, np.isin(np.arange(len(frame)), chosen))
    return frame


def _blanked(frame: pd.DataFrame, source: str, rows: Rows) -> pd.DataFrame:
    dark = frame.copy()
    if source in SCORED_PANELS:
        readings = [one.name for one in CONTRACT.source(source).readings()]
        for name in map(mean_of, readings):
            dark[name] = dark[name].mask(rows)
        for name in (months_of(source), *map(count_of, readings), *map(squares_of, readings)):
            dark[name] = dark[name].mask(rows, 0)
        return dark
    for name in _columns_from(source):
        dark[name] = dark[name].mask(rows, None if name in SCORED_CATEGORIES else np.nan)
    return dark


@cache
def _columns_from(source: str) -> tuple[str, ...]:
    """Return the features, other than panels, that read a column of a source and are scored."""
    scored = {*SCORED_NUMBERS, *SCORED_CATEGORIES}
    of_source = {name for column in CONTRACT.source(source).columns for name in column.names}
    return tuple(
        column.name
        for column in CONTRACT.feature_columns
        if column.name in scored
        and column.name not in MONTHS_BEHIND
        and of_source & set(columns_of(column.feature.expression, CONTRACT))
    )
