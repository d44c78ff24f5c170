"""Drift of a month against the reference of the model that scored it, as monitoring facts."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from credit_risk_dagster.models.metric import difference_interval, proportion
from credit_risk_dagster.monitoring.facts import BEYOND_NOISE, WITHIN_NOISE, Fact, metric_fact
from credit_risk_dagster.monitoring.reference import PROBABILITY, Reference
from credit_risk_dagster.monitoring.stability import (
    ReferenceBins,
    bin_counts,
    population_stability_index,
    two_sample_ks,
)
from credit_risk_dagster.settings import MonitoringSettings

SCORE = "score"
FEATURE = "feature"


def drift_facts(
    reference: Reference,
    inputs: pd.DataFrame,
    scores: pd.Series,
    settings: MonitoringSettings,
) -> list[Fact]:
    """Return PSI, KS and distribution of the score; CSI, KS and shares of every feature.

    Args:
        reference: of the model in production.
        inputs: the month's applicants as the model sees them; at least one.
        scores: their probabilities of default.
        settings: the bands of the index.
    """
    facts = [
        _index(SCORE, "psi", PROBABILITY, reference.score_bins, scores, settings),
        *_two_sample(SCORE, PROBABILITY, reference.scores, scores),
        *_score_distribution(reference.score_bins, scores),
    ]
    for name, bins in reference.input_bins.items():
        values = inputs[name]
        facts.append(_index(FEATURE, "csi", name, bins, values, settings))
        facts += _missing(name, bins, int(values.isna().sum()), len(values))
        if bins.kind == "numeric":
            facts.extend(_two_sample(FEATURE, name, reference.inputs[name], values))
        else:
            facts.append(_unseen(name, bins, values))
    return facts


def _index(
    basis: str,
    metric: str,
    subject: str,
    bins: ReferenceBins,
    values: pd.Series,
    settings: MonitoringSettings,
) -> Fact:
    index = population_stability_index(
        bins.counts, bin_counts(bins, values), settings.psi_moderate, settings.psi_significant
    )
    return Fact(
        basis=basis,
        metric=metric,
        subject=subject,
        value=index.value,
        upper=index.noise_threshold,
        sample_size=index.current_size,
        band=index.band,
        status=BEYOND_NOISE if index.exceeds_noise else WITHIN_NOISE,
    )


def _two_sample(
    basis: str, subject: str, reference: pd.Series, current: pd.Series
) -> Iterator[Fact]:
    if reference.notna().any() and current.notna().any():
        test = two_sample_ks(reference, current)
        yield Fact(
            basis=basis,
            metric="ks_drift",
            subject=subject,
            value=test.statistic,
            upper=test.noise_threshold,
            sample_size=test.current_size,
            status=BEYOND_NOISE if test.exceeds_noise else WITHIN_NOISE,
        )


def _score_distribution(bins: ReferenceBins, scores: pd.Series) -> Iterator[Fact]:
    """The mean score, and the share of scores in each bin of the reference, lowest first."""
    yield Fact(
        SCORE, "mean_probability", PROBABILITY, float(scores.mean()), sample_size=len(scores)
    )
    for number, count in enumerate(bin_counts(bins, scores)[:-1], start=1):
        share = proportion("score_share", int(count), len(scores))
        yield metric_fact(SCORE, share, f"decile {number:02d}")


def _missing(name: str, bins: ReferenceBins, missing: int, size: int) -> Iterator[Fact]:
    """The missing share, and its change since the reference: noise where the interval holds 0."""
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


def _unseen(name: str, bins: ReferenceBins, values: pd.Series) -> Fact:
    unseen = int(bin_counts(bins, values)[-2])
    share = proportion("unseen_share", unseen, len(values))
    return metric_fact(FEATURE, share, name, BEYOND_NOISE if unseen else WITHIN_NOISE)


def significant_shifts(facts: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the indices that are significant and more than sampling noise, largest first."""
    shifted = facts[
        facts["metric"].isin(["psi", "csi"])
        & (facts["band"] == "significant")
        & (facts["status"] == BEYOND_NOISE)
    ].sort_values("value", ascending=False)
    columns = ["basis", "metric", "subject", "value", "upper", "sample_size"]
    return [
        dict(zip(columns, row, strict=True)) for row in shifted[columns].itertuples(index=False)
    ]
