"""Drift of a month against the reference of the model that scored it, as monitoring facts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.models.metric import difference_interval, proportion
from credit_risk_dagster.monitoring.facts import BEYOND_NOISE, WITHIN_NOISE, Fact, metric_fact
from credit_risk_dagster.monitoring.false_discovery import discoveries
from credit_risk_dagster.monitoring.reference import PROBABILITY, Reference
from credit_risk_dagster.monitoring.stability import (
    NOISE_LEVEL,
    ReferenceBins,
    StabilityIndex,
    bin_counts,
    population_stability_index,
)
from credit_risk_dagster.monitoring.two_sample import (
    ReferenceSample,
    rank_counts,
    reference_sample,
    two_sample_ks,
)
from credit_risk_dagster.settings import MonitoringSettings

SCORE = "score"
FEATURE = "feature"

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class InputCounts:
    """A month's model inputs, counted: by bin of the reference, and numbers by rank in its sample.

    Counts of batches add up; how many applicants there are does not change their size.
    """

    bins: Mapping[str, Counts]
    ranks: Mapping[str, Counts]

    def __add__(self, other: "InputCounts") -> "InputCounts":
        """Return the counts of both."""
        return InputCounts(
            {name: counts + other.bins[name] for name, counts in self.bins.items()},
            {name: counts + other.ranks[name] for name, counts in self.ranks.items()},
        )


def samples_of(reference: Reference) -> dict[str, ReferenceSample]:
    """Return the sample of every numeric input that the reference has values of."""
    return {
        name: reference_sample(reference.inputs[name])
        for name, bins in reference.input_bins.items()
        if bins.kind == "numeric" and reference.inputs[name].notna().any()
    }


def count_inputs(
    reference: Reference, samples: Mapping[str, ReferenceSample], inputs: pd.DataFrame
) -> InputCounts:
    """Count a batch of applicants as the model sees them."""
    return InputCounts(
        {name: bin_counts(bins, inputs[name]) for name, bins in reference.input_bins.items()},
        {name: rank_counts(sample, inputs[name]) for name, sample in samples.items()},
    )


def drift_facts(
    reference: Reference,
    samples: Mapping[str, ReferenceSample],
    counted: InputCounts,
    scores: pd.Series,
    settings: MonitoringSettings,
) -> list[Fact]:
    """Return PSI, KS and distribution of the score; CSI, KS and shares of every feature.

    Args:
        reference: of the model in production.
        samples: as `samples_of` it.
        counted: the month's applicants; at least one.
        scores: their probabilities of default.
        settings: the bands of the index.
    """
    score_counts = bin_counts(reference.score_bins, scores)
    score_sample = reference_sample(reference.scores)
    score_ranks = rank_counts(score_sample, scores)
    facts = [
        *_indices(reference, score_counts, counted, settings),
        *_two_sample(SCORE, PROBABILITY, score_sample, score_ranks),
        *_score_distribution(score_counts, scores),
    ]
    for name, bins in reference.input_bins.items():
        counts = counted.bins[name]
        facts += _missing(name, bins, counts)
        if name in samples:
            facts += _two_sample(FEATURE, name, samples[name], counted.ranks[name])
        elif bins.kind == "categorical":
            facts.append(_unseen(name, counts))
    return facts


def _indices(
    reference: Reference, scores: Counts, counted: InputCounts, settings: MonitoringSettings
) -> Iterator[Fact]:
    """PSI and every CSI, beyond noise as far as the month's false discovery rate allows."""
    subjects = [(SCORE, "psi", PROBABILITY, reference.score_bins, scores)]
    for name, bins in reference.input_bins.items():
        subjects.append((FEATURE, "csi", name, bins, counted.bins[name]))
    bands = (settings.psi_moderate, settings.psi_significant)
    indices = [population_stability_index(one[3].counts, one[4], *bands) for one in subjects]
    called = discoveries([index.p_value for index in indices], NOISE_LEVEL)
    for (basis, metric, subject, _, _), index, beyond in zip(
        subjects, indices, called, strict=True
    ):
        yield _index(basis, metric, subject, index, bool(beyond))


def _index(basis: str, metric: str, subject: str, index: StabilityIndex, beyond: bool) -> Fact:
    return Fact(
        basis=basis,
        metric=metric,
        subject=subject,
        value=index.value,
        upper=index.noise_threshold,
        sample_size=index.current_size,
        band=index.band,
        status=BEYOND_NOISE if beyond else WITHIN_NOISE,
    )


def _two_sample(basis: str, subject: str, sample: ReferenceSample, ranks: Counts) -> Iterator[Fact]:
    if ranks.any():
        test = two_sample_ks(sample, ranks)
        yield Fact(
            basis=basis,
            metric="ks_drift",
            subject=subject,
            value=test.statistic,
            upper=test.noise_threshold,
            sample_size=test.current_size,
            status=BEYOND_NOISE if test.exceeds_noise else WITHIN_NOISE,
        )


def _score_distribution(counts: Counts, scores: pd.Series) -> Iterator[Fact]:
    """The mean score, and the share of scores in each bin of the reference, lowest first."""
    yield Fact(
        SCORE, "mean_probability", PROBABILITY, float(scores.mean()), sample_size=len(scores)
    )
    for number, count in enumerate(counts[:-1], start=1):
        share = proportion("score_share", int(count), len(scores))
        yield metric_fact(SCORE, share, f"decile {number:02d}")


def _missing(name: str, bins: ReferenceBins, counts: Counts) -> Iterator[Fact]:
    """The missing share, and its change since the reference: noise where the interval holds 0."""
    missing, size = int(counts[-1]), int(counts.sum())
    yield metric_fact(FEATURE, proportion("missing_share", missing, size), name)
    before, before_size = bins.counts[-1], sum(bins.counts)
    lower, upper = difference_interval(missing, size, before, before_size)
    yield Fact(
        FEATURE,
        "missing_share_change",
        name,
        value=missing / size - before / before_size,
        lower=lower,
        upper=upper,
        sample_size=size,
        status=WITHIN_NOISE if lower <= 0 <= upper else BEYOND_NOISE,
    )


def _unseen(name: str, counts: Counts) -> Fact:
    unseen, size = int(counts[-2]), int(counts.sum())
    share = proportion("unseen_share", unseen, size)
    return metric_fact(FEATURE, share, name, BEYOND_NOISE if unseen else WITHIN_NOISE)


def significant_shifts(facts: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the indices that are significant and more than sampling noise, largest first."""
    return shifts_in_band(facts, "significant")


def shifts_in_band(facts: pd.DataFrame, band: str) -> list[dict[str, Any]]:
    """Return the indices of a band that are more than sampling noise, largest first."""
    shifted = facts[
        facts["metric"].isin(["psi", "csi"])
        & (facts["band"] == band)
        & (facts["status"] == BEYOND_NOISE)
    ].sort_values("value", ascending=False)
    columns = ["basis", "metric", "subject", "value", "upper", "sample_size"]
    return [
        dict(zip(columns, row, strict=True)) for row in shifted[columns].itertuples(index=False)
    ]
