"""Probabilities and their log-odds."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SMALLEST_PROBABILITY = 1e-9


def logistic(log_odds: npt.ArrayLike) -> Floats:
    """Return the probability of log-odds, of any shape."""
    halved = np.asarray(log_odds, dtype=np.float64) / 2
    probability: Floats = 0.5 * (1 + np.tanh(halved))
    return probability


def log_odds_of(probability: npt.ArrayLike) -> Floats:
    """Return the log-odds of probabilities, which are kept 1e-9 away from 0 and 1."""
    given = np.asarray(probability, dtype=np.float64)
    safe = np.clip(given, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    log_odds: Floats = np.log(safe) - np.log1p(-safe)
    return log_odds
