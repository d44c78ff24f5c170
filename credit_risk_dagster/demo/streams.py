"""Random streams that depend on a seed and a month, never on what was drawn before."""

from enum import IntEnum

import numpy as np

from credit_risk_dagster.months import months_between

YEAR_ZERO = "0000-01-01"


class Purpose(IntEnum):
    """What a stream is drawn for, so that one part can change without moving the others."""

    APPLICANTS = 1
    ATTRIBUTES = 2
    FINANCIAL_SCORES = 3
    FINANCIALS = 4
    DEFAULTS = 5
    PAYMENTS = 6
    CLICKSTREAM = 7
    DIRT_IN_ATTRIBUTES = 8
    DIRT_IN_FINANCIALS = 9


def month_number(month: str) -> int:
    """Return a month key as a count of months, the same whatever the portfolio's first month."""
    return months_between(YEAR_ZERO, month)


def stream(seed: int, purpose: Purpose, *months: str) -> np.random.Generator:
    """Return the random stream of a purpose in a month (or in each combination of months)."""
    key = (int(purpose), *(month_number(month) for month in months))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
