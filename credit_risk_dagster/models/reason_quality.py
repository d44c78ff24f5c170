"""Whether the reasons that are given say what is so.

A reason contradicts the data where the value that it speaks of lies in a tenth of the training
loans (at least a twentieth of them) that defaulted by more than two points less than all did: a
letter would say "delayed payments" to somebody with unusually few. Of few loans a tenth can have
defaulted less by chance: a contradiction is beyond noise where the Wilson interval of the tenth's
default rate lies below the default rate of all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.models.explanation import Names
from credit_risk_dagster.models.metric import Metric, proportion, undefined, wilson_interval

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SMALLEST_SHARE = 0.05
MARGIN = 0.02
LARGEST_CONTRADICTING = 0.05
SMALLEST_COVERAGE = 0.95
REASONS_NEEDED = 2
"""Reasons that everybody above the cut-off is to have."""


@dataclass(frozen=True)
class RiskBins:
    """Tenths of a numeric feature, or its texts, and which of them hold less risk than all do.

    `safer` are those that do by the margin, `surely` those of them that do beyond noise.
    """

    edges: tuple[float, ...]
    texts: tuple[str, ...]
    safer: tuple[bool, ...]
    surely: tuple[bool, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the bins as what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """Return the bins that `to_dict` described."""
        return cls(*(tuple(record[name]) for name in ("edges", "texts", "safer", "surely")))

    def holds_less_risk(self, values: pd.Series, beyond_noise: bool) -> Flags:
        """Return which values lie where training loans defaulted less; what is missing does not."""
        less = self.surely if beyond_noise else self.safer
        if self.texts:
            texts = {text for text, safe in zip(self.texts, less, strict=True) if safe}
            return values.isin(texts).to_numpy(dtype=np.bool_)
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        places = np.searchsorted(np.asarray(self.edges), numbers, side="right")
        flags: Flags = np.asarray(less)[places] & ~np.isnan(numbers)
        return flags


def risk_bins(values: pd.DataFrame, labels: npt.NDArray[np.int64]) -> dict[str, RiskBins]:
    """Return the bins of every feature, from the values (n, features) of the training loans."""
    return {str(name): _bins(values[name], labels) for name in values}


def contradicting(
    reasons: Names,
    values: pd.DataFrame,
    bins: Mapping[str, RiskBins],
    beyond_noise: bool = False,
) -> Flags:
    """Return which reasons, shape (n, count), contradict the data, or do so beyond noise.

    A feature without bins, such as a list of flags, has no value that could.
    """
    found = np.zeros(reasons.shape, dtype=np.bool_)
    for name, of_feature in bins.items():
        if name in values:
            safe = of_feature.holds_less_risk(values[name], beyond_noise)
            found |= (reasons == name) & safe[:, None]
    return found


def contradicting_share(reasons: Names, contradict: Flags) -> Metric:
    """Return `contradicting_share`: of all reasons given, those that contradict the data."""
    given = int(sum(name is not None for name in reasons.ravel()))
    if given == 0:
        return undefined("contradicting_share", 0)
    return proportion("contradicting_share", int(contradict.sum()), given)


def reason_coverage(reasons: Names, probabilities: Floats, cutoff: float) -> Metric:
    """Return `reason_coverage`: of those at or above the cut-off, who has two reasons or more."""
    refused = reasons[probabilities >= cutoff]
    if not len(refused):
        return undefined("reason_coverage", 0)
    counts = np.array([[name is not None for name in row] for row in refused]).sum(axis=1)
    return proportion("reason_coverage", int((counts >= REASONS_NEEDED).sum()), len(refused))


def reasons_hold(metrics: Sequence[Metric]) -> bool:
    """Tell whether no share is on the wrong side of its bound by more than its interval."""
    by_name = {metric.name: metric for metric in metrics}
    share, coverage = by_name["contradicting_share"], by_name["reason_coverage"]
    too_many = share.lower is not None and share.lower > LARGEST_CONTRADICTING
    too_few = coverage.upper is not None and coverage.upper < SMALLEST_COVERAGE
    return not (too_many or too_few)


def _bins(values: pd.Series, labels: npt.NDArray[np.int64]) -> RiskBins:
    if not pd.api.types.is_numeric_dtype(values.dtype):
        texts = tuple(sorted(values.dropna().astype(str).unique()))
        places = pd.Index(texts, dtype=object).get_indexer(pd.Index(values, dtype=object))
        return RiskBins((), texts, *_safer(places, len(texts), labels))
    numbers = values.to_numpy(dtype=np.float64)
    known = numbers[~np.isnan(numbers)]
    deciles = np.quantile(known, np.linspace(0, 1, 11)[1:-1], method="higher") if known.size else []
    edges = np.unique(deciles)
    places = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers, side="right"))
    return RiskBins(tuple(edges.tolist()), (), *_safer(places, edges.size + 1, labels))


def _safer(
    places: npt.NDArray[np.int64], bins: int, labels: npt.NDArray[np.int64]
) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    overall, inside = float(labels.mean()), places >= 0
    counts = np.bincount(places[inside], minlength=bins)
    bads = np.bincount(places[inside], weights=labels[inside], minlength=bins)
    rates = np.divide(bads, counts, out=np.ones(bins), where=counts > 0)
    safe = (counts >= SMALLEST_SHARE * len(labels)) & (rates < overall - MARGIN)
    sure = [
        bool(is_safe) and wilson_interval(int(bad), int(count))[1] < overall
        for is_safe, bad, count in zip(safe, bads, counts, strict=True)
    ]
    return tuple(bool(one) for one in safe), tuple(sure)
