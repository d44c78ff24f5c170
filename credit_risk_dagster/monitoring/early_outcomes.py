"""AUC and default rate of scored loans before their labels are known.

Two methods, never mixed up since their figures have different names:

- `soft_labels`: the probability of the label given the score and the loan's delinquency so far,

      q = sigmoid(a + b logit p + ln P(state | default) / P(state | no default)),

  the chances of the states learned from cohorts that matured; level a and slope b by EM, so that
  the cohort's states are most likely: the shifted prior of Saerens et al. is the level alone, which
  would see little of a model's decay. The slope is normal around 1 beforehand, as widely as
  calibrated models differ. Blind to a change in how delinquency rolls into default (a payment
  holiday, another collections policy), to defaults that come without a missed instalment before,
  and to whatever ties states to scores but not to the label. Of the decay of a model it sees what
  a slope can tell: the less, the fewer loans have missed an instalment.
- `calibrated`: q = p. What the scores promise of themselves: blind to any decay of the model, it
  moves only with the mix of applicants.

The interval is of the figure that will be realised: it holds the chance of the labels, of the
states' learned chances, of level and of slope.

Source:
    Saerens, Latinne & Decaestecker (2002), Adjusting the outputs of a classifier to new a priori
    probabilities.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from credit_risk_dagster.models.metric import CONFIDENCE, Metric

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

DRAWS = 200
SCORE_BINS = 100
"""Distinct scores are kept apart up to so many: cost does not grow with the month's loans."""
SLOPE_SPREAD = 0.2
"""Standard deviation of a slope before anything is known of a cohort: sound models are calibrated
with a slope of about 0.8 to 1.2."""
STEPS = 60
OVERSTEP = 1.5
"""EM converges for steps of up to twice its own; longer ones than its own come there sooner."""
HIGHEST_LEVEL, SLOPES = 3.0, (0.0, 3.0)
"""Of level, in log-odds, and slope: beyond them a cohort is another portfolio."""
LEAST = 1e-6
UNSEEN = 0.5
"""What every state counts before any loan was seen in it (Jeffreys)."""


@dataclass(frozen=True)
class Cells:
    """Scored loans counted by score, lowest first, and state: the log-odds and counts of each.

    `log_odds` has shape (b,), `counts` (b, s).
    """

    log_odds: Floats
    counts: Counts


def cells(probabilities: Floats, states: Counts, state_count: int) -> Cells:
    """Count loans by score and state.

    Args:
        probabilities: shape (n,), n at least 1.
        states: shape (n,), numbers of states.
        state_count: how many states there are.
    """
    edges = np.unique(probabilities)
    if edges.size > SCORE_BINS:
        edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, SCORE_BINS + 1)[1:]))
    place = np.searchsorted(edges, probabilities)
    counts = np.zeros((edges.size, state_count), dtype=np.int64)
    np.add.at(counts, (place, states), 1)
    sizes = np.maximum(np.bincount(place, minlength=edges.size), 1)
    means = np.bincount(place, probabilities, minlength=edges.size) / sizes
    return Cells(logit(np.clip(means, LEAST, 1 - LEAST)), counts)


def soft_label_metrics(scored: Cells, matured: Counts, seed: int = 0) -> list[Metric]:
    """Return estimated_auc and estimated_default_rate with the intervals of what will come.

    Args:
        scored: the cohort at a month on book.
        matured: shape (2, s), loans of known outcome by outcome (0, 1) and their state then.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    size = int(scored.counts.sum())
    point = _posterior(
        scored, scored.counts[None], _likelihood_ratio(matured.astype(np.float64) + UNSEEN)[None]
    )[0]
    chances = [generator.dirichlet(row + UNSEEN, DRAWS) for row in matured]
    ratios = np.log(np.maximum(chances[1], LEAST)) - np.log(np.maximum(chances[0], LEAST))
    flat = scored.counts.ravel()
    resampled = generator.multinomial(size, flat / size, DRAWS)
    drawn = _posterior(scored, resampled.reshape(DRAWS, *scored.counts.shape), ratios)
    return _metrics("estimated", scored.counts, point, drawn, generator)


def calibrated_metrics(scored: Cells, seed: int = 0) -> list[Metric]:
    """Return expected_auc and expected_default_rate: what calibrated scores promise of themselves.

    Args:
        scored: the cohort, whatever its states.
        seed: of the draws.
    """
    counts = scored.counts.sum(axis=1, keepdims=True)
    chance = expit(scored.log_odds)[:, None]
    drawn = np.broadcast_to(chance, (DRAWS, *chance.shape))
    return _metrics("expected", counts, chance, drawn, np.random.default_rng(seed))


def _likelihood_ratio(matured: Floats) -> Floats:
    shares = matured / matured.sum(axis=1, keepdims=True)
    ratio: Floats = np.log(shares[1]) - np.log(shares[0])
    return ratio


def _posterior(scored: Cells, counts: Counts, log_ratio: Floats) -> Floats:
    """Return the probability of default in each cell, shape (d, b, s).

    Args:
        scored: the cohort.
        counts: shape (d, b, s), samples that level and slope are fitted on.
        log_ratio: shape (d, s).
    """
    odds = scored.log_odds[:, None]
    by_score = counts.sum(axis=2, keepdims=True)
    level, slope = np.zeros((len(counts), 1, 1)), np.ones((len(counts), 1, 1))
    for _ in range(STEPS):
        prior = expit(level + slope * odds)
        posterior = expit(level + slope * odds + log_ratio[:, None, :])
        missing = (counts * posterior).sum(axis=2, keepdims=True) - by_score * prior
        weight = by_score * prior * (1 - prior)
        ahead = _sum(missing), _sum(missing * odds) - (slope - 1) / SLOPE_SPREAD**2
        one, two = _sum(weight) + LEAST, _sum(weight * odds)
        three = _sum(weight * odds**2) + 1 / SLOPE_SPREAD**2
        scale = OVERSTEP / (one * three - two**2)
        level = level + scale * (three * ahead[0] - two * ahead[1])
        slope = slope + scale * (one * ahead[1] - two * ahead[0])
        level = np.clip(level, -HIGHEST_LEVEL, HIGHEST_LEVEL)
        slope = np.clip(slope, *SLOPES)
    fitted: Floats = expit(level + slope * odds + log_ratio[:, None, :])
    return fitted


def _sum(by_score: Floats) -> Floats:
    total: Floats = by_score.sum(axis=1, keepdims=True)
    return total


def _metrics(
    name: str, counts: Counts, point: Floats, drawn: Floats, generator: np.random.Generator
) -> list[Metric]:
    size = int(counts.sum())
    bad = generator.binomial(counts, drawn).sum(axis=2)
    realised = _auc(bad, counts.sum(axis=1) - bad)
    hidden = float((counts * point * (1 - point)).sum())
    auc = _auc((counts * point).sum(axis=1), (counts * (1 - point)).sum(axis=1), hidden)
    rate = float((counts * point).sum() / size)
    return [
        _with_interval(f"{name}_auc", float(auc), realised[~np.isnan(realised)], size),
        _with_interval(f"{name}_default_rate", rate, bad.sum(axis=1) / size, size),
    ]


def _auc(bad: Floats | Counts, good: Floats | Counts, own_pairs: float = 0.0) -> Floats:
    """Return the AUC of scores counted lowest first, without the pairs of a loan with itself."""
    below = np.cumsum(good, axis=-1) - good / 2
    pairs = bad.sum(axis=-1) * good.sum(axis=-1) - own_pairs
    right = (bad * below).sum(axis=-1) - own_pairs / 2
    auc: Floats = np.divide(right, pairs, out=np.full(np.shape(pairs), np.nan), where=pairs > 0)
    return auc


def _with_interval(name: str, value: float, draws: Floats, size: int) -> Metric:
    if np.isnan(value) or draws.size == 0:
        return Metric(name, None, None, None, size)
    lower, upper = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Metric(name, value, min(float(lower), value), max(float(upper), value), size)
