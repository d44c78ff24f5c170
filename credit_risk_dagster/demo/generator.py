"""A whole demo portfolio, month by month, as the four extracts of a lender.

The rows of a month follow from the seed, the month and the portfolio's first month alone: a
portfolio that goes on for longer has the same rows in its earlier months, byte for byte (with
the same versions of NumPy and pandas). Memory holds about thirty months of applicants and one
month of their rows, however long the portfolio is.
"""

import tempfile
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from credit_risk_dagster.contract.reference import ATTRIBUTES, CLICKSTREAM, FINANCIALS, LOANS
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.demo.applicants import LONGEST_LEAD, Applicants, draw_applicants
from credit_risk_dagster.demo.attributes import clean_attributes
from credit_risk_dagster.demo.clickstream import (
    MONTHS_AFTER_APPLICATION,
    application_months,
    clickstream_rows,
)
from credit_risk_dagster.demo.dirt import soil_attributes, soil_financials
from credit_risk_dagster.demo.extracts import (
    Layout,
    append_frame,
    append_table,
    begin_extract,
    extract_path,
)
from credit_risk_dagster.demo.financials import clean_financials, drifted, financial_scores
from credit_risk_dagster.demo.loan_book import TENURE, Loans, draw_loans, snapshot_rows
from credit_risk_dagster.demo.outcomes import draw_defaults
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.months import add_months, month_range

__all__ = ["DemoPortfolio", "Layout", "generate"]

Rows: TypeAlias = "pd.DataFrame | pa.Table"


def generate(portfolio: DemoPortfolio, folder: Path, layout: Layout = "cumulative") -> list[Path]:
    """Write the extracts of a portfolio and return their paths.

    Files appear in the folder complete, by renaming, and replace those of an earlier run. A
    cumulative and a monthly delivery of the same months do not belong in one folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".demo-", dir=folder) as beside:
        paths: dict[str, Path] = {}
        for source, month, rows in _snapshots(portfolio):
            path = extract_path(Path(beside), source, month, layout)
            begin_extract(path, source)
            _append(path, rows)
            paths[path.name] = path
        return [path.replace(folder / name) for name, path in paths.items()]


def _snapshots(portfolio: DemoPortfolio) -> Iterator[tuple[Source, str, Rows]]:
    months_alive = LONGEST_LEAD + MONTHS_AFTER_APPLICATION + 1
    applicants_of = lru_cache(months_alive)(partial(draw_applicants, portfolio))
    loans_of = lru_cache(TENURE + 1)(lambda month: _loans(portfolio, applicants_of(month)))
    for month in portfolio.month_keys:
        applicants = applicants_of(month)
        yield ATTRIBUTES, month, _attributes(portfolio, applicants)
        yield FINANCIALS, month, _financials(portfolio, applicants)
        oldest = max(portfolio.first_month, add_months(month, -TENURE))
        for start_month in month_range(oldest, month):
            yield LOANS, month, snapshot_rows(loans_of(start_month), month)
        for application_month in application_months(portfolio.first_month, month):
            customers = applicants_of(application_month)
            yield CLICKSTREAM, month, clickstream_rows(customers, month, portfolio.seed)


def _attributes(portfolio: DemoPortfolio, applicants: Applicants) -> pd.DataFrame:
    clean = clean_attributes(applicants, portfolio.seed)
    return soil_attributes(clean, applicants, portfolio.seed)


def _financials(portfolio: DemoPortfolio, applicants: Applicants) -> pd.DataFrame:
    scores = financial_scores(applicants, portfolio.seed)
    scores = drifted(scores, portfolio.drift_in(applicants.month))
    clean = clean_financials(applicants, scores, portfolio.seed)
    return soil_financials(clean, applicants, portfolio.seed)


def _loans(portfolio: DemoPortfolio, applicants: Applicants) -> Loans:
    scores = financial_scores(applicants, portfolio.seed)
    drift = portfolio.drift_in(applicants.month)
    defaults = draw_defaults(applicants, scores, portfolio.seed, drift)
    return draw_loans(applicants, defaults, portfolio.seed)


def _append(path: Path, rows: Rows) -> None:
    if isinstance(rows, pd.DataFrame):
        append_frame(path, rows)
    else:
        append_table(path, rows)
