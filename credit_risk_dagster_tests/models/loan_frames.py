"""Made-up loans in the shape that models are trained on."""

from functools import cache

import numpy as np
import pandas as pd

from credit_risk_dagster.contract.features import (
    CATEGORICAL_FEATURES,
    FLAGS,
    LABEL,
    NUMERIC_FEATURES,
    ORDERED_CATEGORIES,
    PANEL_MEANS,
    READING_COUNTS,
    READING_SQUARES,
)
from credit_risk_dagster.models.split import TrainingWindow, training_window
from credit_risk_dagster.models.training import TrainedCandidate, train_candidate
from credit_risk_dagster.months import month_range
from credit_risk_dagster.settings import TrainingPolicy
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_MONTHS

COHORTS = month_range("2023-07-01", "2024-08-01")
SEED = 7
TRIALS = 2
MISSING = {"clickstream": 0.2}
"""Shares of the month's applicants without a source."""


def window() -> TrainingWindow:
    """Return the default split of fourteen cohorts."""
    return training_window(COHORTS, TrainingPolicy())


def loan_frame(loans_a_month: int = 40, seed: int = 0) -> pd.DataFrame:
    """Return cohorts of loans whose defaults follow debt, credit mix and the clickstream.

    One amount in twenty-five and one text in ten is missing; months of clickstream grow with the
    cohorts from 1 to 14, of a deviation of 100, and one loan in thirty has no clickstream.
    """
    generator = np.random.default_rng(seed)
    count = loans_a_month * len(COHORTS)
    cohort = np.repeat(COHORTS, loans_a_month)
    frame = pd.DataFrame(
        {
            "loan_id": [f"L{number:05d}_{month}" for number, month in enumerate(cohort)],
            "cohort": cohort,
        }
    )
    numbers = {name: generator.lognormal(3.0, 0.8, count) for name in NUMERIC_FEATURES}
    numbers |= {name: np.where(generator.random(count) < 0.3, 1.0, 0.0) for name in FLAGS}
    months = np.repeat(np.arange(1, len(COHORTS) + 1), loans_a_month)
    means = {name: 100 + generator.normal(0, 100, count) / np.sqrt(months) for name in PANEL_MEANS}
    texts = {
        name: generator.choice(ORDERED_CATEGORIES.get(name, ("Doctor", "Lawyer", "Other")), count)
        for name in CATEGORICAL_FEATURES
    }
    log_odds = (
        -1.2
        + 1.5 * (np.log(numbers["outstanding_debt"]) - 3)
        + 1.2 * (texts["credit_mix"] == "Bad")
        + 0.01 * (means["fe_5_mean"] - 100) * np.sqrt(months)
    )
    label = (generator.random(count) < 1 / (1 + np.exp(-log_odds))).astype(int)
    parts = [
        frame.assign(**{LABEL: label}),
        pd.DataFrame(numbers).mask(generator.random((count, len(numbers))) < 0.04),
        pd.DataFrame(means),
        pd.DataFrame({CLICKSTREAM_MONTHS: months}),
        pd.DataFrame(dict.fromkeys(READING_COUNTS, months)),
        pd.DataFrame(_squares(means, months, generator)),
        _with_none(pd.DataFrame(texts), generator),
    ]
    loans = pd.concat(parts, axis=1)
    dark = generator.random(count) < 1 / 30
    loans.loc[dark, [*PANEL_MEANS]] = np.nan
    loans.loc[dark, [CLICKSTREAM_MONTHS, *READING_COUNTS, *READING_SQUARES]] = 0
    return loans


def train(frame: pd.DataFrame, candidate: str, threads: int = 1) -> TrainedCandidate:
    """Train a candidate as in production, with few trials."""
    return train_candidate(frame, window(), candidate, TRIALS, SEED, threads, MISSING)


@cache
def trained(candidate: str) -> TrainedCandidate:
    """Return a candidate trained on `loan_frame()`, once for all tests that only read it."""
    return train(loan_frame(), candidate)


def _squares(
    means: dict[str, np.ndarray], months: np.ndarray, generator: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return sums of squares of readings whose deviation about their own mean is 100."""
    return {
        squares: months * mean**2 + 1e4 * 2 * generator.standard_gamma((months - 1) / 2)
        for squares, mean in zip(READING_SQUARES, means.values(), strict=True)
    }


def _with_none(texts: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    values = texts.to_numpy(dtype=object)
    values[generator.random(values.shape) < 0.1] = None
    return pd.DataFrame(values, columns=texts.columns)
