"""One figure about a model, with its 95 % confidence interval and the sample it rests on."""

from dataclasses import dataclass
from math import inf, isfinite, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)

Interval = tuple[float | None, float | None]
NO_INTERVAL: Interval = (None, None)


@dataclass(frozen=True)
class Metric:
    """A figure by its name.

    `value` is None where the figure is undefined, the bounds where the sample holds nothing to
    judge its spread by (one loan, a perfect ranking). `sample_size` counts what the figure is
    computed on: all loans, but for precision and recall their denominators.
    """

    name: str
    value: float | None
    lower: float | None
    upper: float | None
    sample_size: int


def undefined(name: str, sample_size: int) -> Metric:
    """Return a figure that this sample does not define."""
    return Metric(name, None, None, None, sample_size)


def proportion(name: str, successes: int, trials: int) -> Metric:
    """Return a share with its Wilson interval; undefined without trials."""
    if trials == 0:
        return undefined(name, 0)
    lower, upper = wilson_interval(successes, trials)
    return Metric(name, successes / trials, lower, upper, trials)


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the score interval of a proportion of at least one trial (Wilson 1927)."""
    share = successes / trials
    spread = Z * sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    centre = share + Z**2 / (2 * trials)
    scale = 1 + Z**2 / trials
    # Rounding must not push a bound past the share itself.
    return max(0.0, min((centre - spread) / scale, share)), min(
        1.0, max((centre + spread) / scale, share)
    )


def difference_interval(
    successes: int, trials: int, other_successes: int, other_trials: int
) -> tuple[float, float]:
    """Return the interval of the difference of two proportions, the first minus the second.

    Both need at least one trial.

    Source:
        Newcombe (1998), Interval estimation for the difference between independent proportions,
        method 10.
    """
    share, other = successes / trials, other_successes / other_trials
    lower, upper = wilson_interval(successes, trials)
    other_lower, other_upper = wilson_interval(other_successes, other_trials)
    difference = share - other
    return (
        difference - sqrt((share - lower) ** 2 + (other_upper - other) ** 2),
        difference + sqrt((upper - share) ** 2 + (other - other_lower) ** 2),
    )


def normal_interval(
    value: float, standard_error: float, lowest: float = -inf, highest: float = inf
) -> Interval:
    """Return value ± Z standard errors within the figure's range; none without a spread."""
    if not isfinite(standard_error) or standard_error <= 0:
        return NO_INTERVAL
    return max(lowest, value - Z * standard_error), min(highest, value + Z * standard_error)
