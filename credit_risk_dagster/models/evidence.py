"""The evidence of a panel: how much likelier its readings are of a customer who defaults.

Of a customer in class c (1: defaults, 0: does not) a reading is taken as normal with mean m_c and
variance v_c. The log-likelihood ratio of n readings with sum S and sum of squares Q is then

    -n λ/2 - ss₁/2v₁ + ss₀/2v₀,   λ = ln(v₁/v₀),   ss_c = Q - 2 m_c S + n m_c²,

the sum of squares about the mean of the class. It is 0 without readings and grows with them: a
customer of whom nothing is known is neither good nor bad, and no missing value has to be filled.

With W between v₁ and v₀ it is the sum of a part of the mean and one of the variance:

    mean:      (ss₀ - ss₁)/2W = δ (x̄ - (m₁ + m₀)/2) n/W,   δ = m₁ - m₀,   x̄ = S/n,
    variance:  the rest.

The mean part takes readings of a customer as independent. Where customers of a class differ
lastingly (variance τ² between them, so that readings of one resemble each other), x̄ has the
variance W/n + τ² and not W/n: the mean part is δ (x̄ - (m₁ + m₀)/2) n/(W + n τ²), which is the
exact ratio of the means of such a panel, and no longer grows without bound. This is the first
guard against counting the same thing twice; the second is one coefficient for the evidence of a
panel, fitted on evidence that each training loan was given by parameters learned from others.

Learned per reading, from training loans: m_c from pooled readings (N₁ and N₀ of them), W_c and W
from the squares about each customer's own mean (df₁ and df₀ degrees of freedom), δ = (μ₁ - μ₀)
times max(0, 1 - se²/(μ₁ - μ₀)²) with se² = W (1/N₁ + 1/N₀), and λ = ln(W₁/W₀), shrunk likewise
with se² = 2/df₁ + 2/df₀: positive-part James-Stein, so that a reading that tells nothing adds
nothing. With π = N₁/N and μ̄ the mean of all readings, m₁ = μ̄ + (1 - π) δ, m₀ = μ̄ - π δ,
v₁ = W exp((1 - π) λ) and v₀ = W exp(-π λ). τ² is the analysis of variance's estimate of the
variance between customers of a class, kept where it is above two standard errors.

Sources: log-likelihood ratios as weight of evidence: Good (1950), Probability and the Weighing of
Evidence. James & Stein (1961), Fourth Berkeley Symposium. Variance components: Searle, Casella &
McCulloch (1992), Variance Components, chapter 3.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

STANDARD_ERRORS = 2.0
"""A variance between customers counts where it is above so many of its standard errors."""


@dataclass(frozen=True, eq=False)
class Panels:
    """What is known of the readings of N customers so far, each array (N, readings).

    Attributes:
        counts: the numbers of readings.
        means: their means, anything where there is none.
        squares: the sums of their squares; NaN where one was too large to be squared.
    """

    counts: Floats
    means: Floats
    squares: Floats

    @property
    def sums(self) -> Floats:
        """The sums of the readings, 0 where there is none."""
        return np.where(self.counts > 0, self.counts * np.nan_to_num(self.means), 0.0)

    def of(self, rows: npt.NDArray[np.bool_]) -> "Panels":
        """Return some of the customers."""
        return Panels(self.counts[rows], self.means[rows], self.squares[rows])


@dataclass(frozen=True, eq=False)
class EvidenceParameters:
    """What evidence rests on, each array (readings,), as the module describes them.

    A reading that the training loans tell nothing of has all 0, and a variance of 1.
    """

    mean_default: Floats
    mean_other: Floats
    variance: Floats
    log_variance_ratio: Floats
    share_default: Floats
    between: Floats


def learn_evidence(panels: Panels, labels: npt.NDArray[np.int64]) -> EvidenceParameters:
    """Return the parameters of every reading, from panels of customers with labels (N,)."""
    bad = _Pooled.of(panels, labels == 1)
    good = _Pooled.of(panels, labels != 1)
    readings = bad.readings + good.readings
    freedom = bad.freedom + good.freedom
    variance = _ratio(bad.within + good.within, freedom)
    known = (bad.freedom > 0) & (good.freedom > 0) & (bad.within > 0) & (good.within > 0)
    variance = np.where(known, variance, 1.0)
    share = _ratio(bad.readings, readings)
    overall = _ratio(bad.sums + good.sums, readings)
    difference = np.where(known, bad.mean - good.mean, 0.0)
    noise = variance * (_ratio(1.0, bad.readings) + _ratio(1.0, good.readings))
    difference = _shrunk(difference, noise)
    log_ratio = np.log(np.where(known, _ratio(bad.variance, good.variance), 1.0))
    log_ratio = _shrunk(log_ratio, 2 * (_ratio(1.0, bad.freedom) + _ratio(1.0, good.freedom)))
    return EvidenceParameters(
        mean_default=overall + (1 - share) * difference,
        mean_other=overall - share * difference,
        variance=variance,
        log_variance_ratio=log_ratio,
        share_default=share,
        between=np.where(known, _between(bad, good, variance), 0.0),
    )


def evidence(panels: Panels, learned: EvidenceParameters) -> Floats:
    """Return the log-likelihood ratio of each customer's readings, shape (N, readings)."""
    counts, sums = panels.counts, panels.sums
    difference = learned.mean_default - learned.mean_other
    middle = (learned.mean_default + learned.mean_other) / 2
    of_mean = difference * (sums - counts * middle) / (learned.variance + counts * learned.between)
    return of_mean + np.nan_to_num(_of_variance(panels, learned))  # NaN: no sum of squares


def _of_variance(panels: Panels, learned: EvidenceParameters) -> Floats:
    counts, sums, ratio = panels.counts, panels.sums, learned.log_variance_ratio
    about_default, about_other = (
        panels.squares - 2 * mean * sums + counts * mean**2
        for mean in (learned.mean_default, learned.mean_other)
    )
    variance = learned.variance
    variance_default = variance * np.exp((1 - learned.share_default) * ratio)
    variance_other = variance * np.exp(-learned.share_default * ratio)
    in_mean = (about_other - about_default) / (2 * variance)
    parts = about_other / (2 * variance_other) - about_default / (2 * variance_default)
    rest: Floats = -counts * ratio / 2 + parts - in_mean
    return rest


def standardised_means(panels: Panels, centre: Floats, variance: Floats) -> Floats:
    """Return √n (x̄ - μ) over the deviation, z, of every reading, NaN where there is none.

    Evidence grows with the months behind it whatever an applicant does; z does not.
    """
    counts = np.where(panels.counts > 0, panels.counts, np.nan)
    standardised: Floats = np.sqrt(counts) * (panels.means - centre) / np.sqrt(variance)
    return standardised


@dataclass(frozen=True, eq=False)
class _Pooled:
    """The readings of the customers of one class, each array (readings,).

    `between` is the sum of n (x̄ - μ)² over the customers, `squared_counts` that of n².
    """

    readings: Floats
    sums: Floats
    within: Floats
    freedom: Floats
    between: Floats
    customers: Floats
    squared_counts: Floats

    @classmethod
    def of(cls, panels: Panels, rows: npt.NDArray[np.bool_]) -> "_Pooled":
        counts, sums = panels.counts[rows], panels.sums[rows]
        squares = panels.squares[rows]
        own = np.divide(sums**2, counts, out=np.zeros_like(sums), where=counts > 0)
        usable = (counts > 1) & ~np.isnan(squares)
        mean = _ratio(sums.sum(axis=0), counts.sum(axis=0))
        return cls(
            readings=counts.sum(axis=0),
            sums=sums.sum(axis=0),
            within=np.where(usable, squares - own, 0.0).sum(axis=0),
            freedom=np.where(usable, counts - 1, 0.0).sum(axis=0),
            between=(own - 2 * mean * sums + counts * mean**2).sum(axis=0),
            customers=(counts > 0).sum(axis=0).astype(np.float64),
            squared_counts=(counts**2).sum(axis=0),
        )

    @property
    def mean(self) -> Floats:
        return _ratio(self.sums, self.readings)

    @property
    def variance(self) -> Floats:
        return _ratio(self.within, self.freedom)


def _between(bad: _Pooled, good: _Pooled, variance: Floats) -> Floats:
    """Estimate τ², the variance between customers of a class; 0 where it is not above noise."""
    freedom = bad.customers + good.customers - 2
    of_bad, of_good = (
        one.readings - _ratio(one.squared_counts, one.readings) for one in (bad, good)
    )
    effective = of_bad + of_good
    estimate = _ratio(bad.between + good.between - freedom * variance, effective)
    within_freedom = bad.freedom + good.freedom
    noise = np.sqrt(_ratio(2.0, np.maximum(freedom, 0.0)) + _ratio(2.0, within_freedom))
    error = _ratio(variance * freedom, effective) * noise
    return np.where((freedom > 0) & (estimate > STANDARD_ERRORS * error), estimate, 0.0)


def _shrunk(estimate: Floats, noise: Floats) -> Floats:
    """Return estimate times max(0, 1 - noise/estimate²), the noise being its squared error."""
    kept = np.maximum(0.0, 1 - _ratio(noise, estimate**2))
    return np.where(estimate != 0, estimate * kept, 0.0)


def _ratio(numerator: Floats | float, denominator: Floats) -> Floats:
    """Divide, 0 where the denominator is 0."""
    above = np.broadcast_to(np.asarray(numerator, dtype=np.float64), denominator.shape)
    return np.divide(above, denominator, out=np.zeros_like(denominator), where=denominator != 0)
