"""Drift of a month against the reference of the model that scored it, as monitoring facts."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from credit_risk_dagster.monitoring.facts import MEASURED, Fact
from credit_risk_dagster.monitoring.reference import PROBABILITY, Reference
from credit_risk_dagster.monitoring.stability import (
    ReferenceBins,
    bin_counts,
    missing_share,
    population_stability_index,
    two_sample_ks,
    unseen_share,
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
    """Return PSI and KS of the score, and CSI, KS and shares of every feature.

    Args:
        reference: of the model in production.
        inputs: the month's applicants as the model sees them; at least one.
        scores: their probabilities of default.
        settings: the bands of the index.
    """
    facts = [
        _index(SCORE, "psi", PROBABILITY, reference.score_bins, scores, settings),
        *_two_sample(SCORE, PROBABILITY, reference.scores, scores),
    ]
    for name, bins in reference.input_bins.items():
        values = inputs[name]
        facts.append(_index(FEATURE, "csi", name, bins, values, settings))
        facts.append(_share("missing_share", name, missing_share(values), len(values)))
        if bins.kind == "numeric":
            facts.extend(_two_sample(FEATURE, name, reference.inputs[name], values))
        else:
            facts.append(_share("unseen_share", name, unseen_share(bins, values), len(values)))
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
        status="beyond_noise" if index.exceeds_noise else "within_noise",
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
            sample_size=test.current_size,
            status=MEASURED,
        )


def _share(metric: str, subject: str, value: float, size: int) -> Fact:
    return Fact(FEATURE, metric, subject, value=value, sample_size=size, status=MEASURED)


def significant_shifts(facts: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the indices that are significant and more than sampling noise, largest first."""
    shifted = facts[
        facts["metric"].isin(["psi", "csi"])
        & (facts["band"] == "significant")
        & (facts["status"] == "beyond_noise")
    ].sort_values("value", ascending=False)
    columns = ["basis", "metric", "subject", "value", "upper", "sample_size"]
    return [
        dict(zip(columns, row, strict=True)) for row in shifted[columns].itertuples(index=False)
    ]
