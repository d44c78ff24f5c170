"""How far a distribution has moved from its reference: the population stability index."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, chdtri

StabilityBand = Literal["stable", "moderate", "significant"]

NOISE_LEVEL = 0.01
"""How often a figure may exceed what sampling noise gives although nothing has drifted."""


@dataclass(frozen=True)
class ReferenceBins:
    """Bins of one feature, fixed once on the reference, and the reference's rows in each.

    A numeric feature has `len(edges) + 1` bins with open ends, each including its upper edge; a
    categorical one has a bin per category and one for categories that the reference never saw.
    Missing values always come last.
    """

    feature: str
    kind: Literal["numeric", "categorical"]
    edges: tuple[float, ...]
    categories: tuple[str, ...]
    counts: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the bins as what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Return the bins that `to_dict` described."""
        return cls(
            feature=record["feature"],
            kind=record["kind"],
            edges=tuple(record["edges"]),
            categories=tuple(record["categories"]),
            counts=tuple(record["counts"]),
        )


@dataclass(frozen=True)
class StabilityIndex:
    """A population (or characteristic) stability index and what sampling noise alone gives."""

    value: float
    band: StabilityBand
    noise_threshold: float
    exceeds_noise: bool
    p_value: float
    reference_size: int
    current_size: int


def reference_bins(feature: str, values: pd.Series) -> ReferenceBins:
    """Fix the bins of a feature on its reference sample.

    Numbers (by dtype) get deciles; a value that fills several deciles gets a bin of its own, so
    that a feature of few values has one bin for each. Anything else gets a bin per category.

    Raises:
        ValueError: if the sample is empty or has infinite numbers.
    """
    if values.empty:
        raise ValueError(f"the reference of {feature} has no rows: bins cannot be fixed on it")
    if not pd.api.types.is_numeric_dtype(values.dtype):
        categories = tuple(sorted(values.dropna().astype(str).unique()))
        counts = _categorical_counts(categories, values)
        return ReferenceBins(feature, "categorical", (), categories, _as_tuple(counts))
    numbers = numbers_of(values)
    if np.isinf(numbers).any():
        raise ValueError(
            f"the reference of {feature} has {int(np.isinf(numbers).sum())} infinite values: "
            "make them missing where the feature is computed"
        )
    edges = _decile_edges(numbers[~np.isnan(numbers)])
    return ReferenceBins(feature, "numeric", edges, (), _as_tuple(_numeric_counts(edges, numbers)))


def bin_counts(bins: ReferenceBins, values: pd.Series) -> npt.NDArray[np.int64]:
    """Return how many values fall in each bin of the reference, shape (len(bins.counts),)."""
    if bins.kind == "numeric":
        return _numeric_counts(bins.edges, numbers_of(values))
    return _categorical_counts(bins.categories, values)


def population_stability_index(
    reference_counts: npt.ArrayLike,
    current_counts: npt.ArrayLike,
    moderate: float = 0.10,
    significant: float = 0.25,
    noise_level: float = NOISE_LEVEL,
) -> StabilityIndex:
    """Return the PSI of two samples counted in the same bins: sum((c - b) ln(c / b)).

    0.5 is added to every count, then shares are taken. Bins that are empty in both samples say
    nothing: they take no part in the sum and add no degree of freedom. Without drift,
    PSI / (1/N + 1/M) is about chi-squared with bins - 1 degrees of freedom; the noise threshold
    is exceeded by chance with probability `noise_level`.

    Raises:
        ValueError: if the counts do not match, are negative, or a sample is empty.

    Source:
        Yurdakul & Naranjo (2020), Statistical properties of the population stability index.
    """
    reference, current = _checked_counts(reference_counts, current_counts)
    reference_size, current_size = int(reference.sum()), int(current.sum())
    occupied = (reference + current) > 0
    base, now = _shares(reference[occupied]), _shares(current[occupied])
    value = float(np.sum((now - base) * np.log(now / base)))
    freedom = int(occupied.sum()) - 1
    sampling_scale = 1 / reference_size + 1 / current_size
    threshold = float(chdtri(freedom, noise_level)) * sampling_scale if freedom > 0 else 0.0
    return StabilityIndex(
        value=value,
        band=_band(value, moderate, significant),
        noise_threshold=threshold,
        exceeds_noise=value > threshold,
        p_value=float(chdtrc(freedom, value / sampling_scale)) if freedom > 0 else 1.0,
        reference_size=reference_size,
        current_size=current_size,
    )


def _decile_edges(numbers: npt.NDArray[np.float64]) -> tuple[float, ...]:
    if numbers.size == 0:
        return ()
    # Observed values, never between two: interpolation would put an edge where nothing lies.
    ranks = np.arange(1, 10) * numbers.size
    deciles = np.sort(numbers)[(ranks + 9) // 10 - 1]
    distinct, repeats = np.unique(deciles, return_counts=True)
    # A repeated decile is one value that fills more than a tenth: an edge just below keeps it
    # apart, and an edge at the maximum would leave nothing above it.
    below = [numbers[numbers < value].max(initial=-np.inf) for value in distinct[repeats > 1]]
    edges = np.unique([*distinct, *below])
    return tuple(edges[np.isfinite(edges) & (edges < numbers.max())].tolist())


def numbers_of(values: pd.Series) -> npt.NDArray[np.float64]:
    """Return numbers as doubles, what is missing as NaN."""
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _numeric_counts(
    edges: tuple[float, ...], numbers: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    missing = np.isnan(numbers)
    positions = np.searchsorted(np.asarray(edges, dtype=np.float64), numbers, side="left")
    positions[missing] = len(edges) + 1
    return np.bincount(positions, minlength=len(edges) + 2).astype(np.int64)


def _categorical_counts(categories: tuple[str, ...], values: pd.Series) -> npt.NDArray[np.int64]:
    present = values.dropna().astype(str)
    positions = pd.Index(categories, dtype=object).get_indexer(pd.Index(present, dtype=object))
    known = np.bincount(positions[positions >= 0], minlength=len(categories))
    unseen = int((positions < 0).sum())
    return np.array([*known, unseen, len(values) - len(present)], dtype=np.int64)


def _checked_counts(
    reference_counts: npt.ArrayLike, current_counts: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    reference = np.asarray(reference_counts, dtype=np.float64)
    current = np.asarray(current_counts, dtype=np.float64)
    if reference.ndim != 1 or reference.shape != current.shape:
        raise ValueError(
            f"reference has bins of shape {reference.shape}, current of {current.shape}: "
            "count both in the same bins"
        )
    for name, counts in (("reference", reference), ("current", current)):
        if not np.isfinite(counts).all() or (counts < 0).any():
            raise ValueError(f"the {name} counts hold a value that is not a count: {counts}")
        if counts.sum() == 0:
            raise ValueError(f"the {name} sample is empty: there is no distribution to compare")
    return reference, current


def _shares(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    smoothed: npt.NDArray[np.float64] = (counts + 0.5) / (counts.sum() + 0.5 * counts.size)
    return smoothed


def _band(value: float, moderate: float, significant: float) -> StabilityBand:
    if value > significant:
        return "significant"
    return "stable" if value < moderate else "moderate"


def _as_tuple(counts: npt.NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(counts.tolist())
