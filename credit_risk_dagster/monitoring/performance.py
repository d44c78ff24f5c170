"""Realised performance of a month's matured loans, as monitoring facts, on a named basis."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from credit_risk_dagster.models.evaluation import by_band, evaluate
from credit_risk_dagster.models.metric import Metric
from credit_risk_dagster.models.scoring_bands import bands
from credit_risk_dagster.monitoring.facts import OVERALL, PENDING, Fact, metric_fact
from credit_risk_dagster.months import months_between

Basis = Literal["current", "issued"]


def performance_facts(
    basis: Basis,
    model_id: str,
    labels: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float64],
    threshold: float,
    band_bounds: Sequence[float],
) -> list[Fact]:
    """Return every metric overall and calibration by score band.

    Args:
        basis: `issued` for the scores given at application, `current` for the model in production
            applied to loans that it has never seen.
        model_id: the model that gave the probabilities.
        labels: shape (n,), 1 for default.
        probabilities: shape (n,).
        threshold: the probability from which a loan counts as predicted bad.
        band_bounds: upper bounds of the score bands.
    """
    facts = [
        metric_fact(basis, metric, OVERALL, model_id=model_id)
        for metric in evaluate(labels, probabilities, threshold).values()
    ]
    for band in by_band(labels, probabilities, bands(probabilities, band_bounds).tolist()):
        observed = Fact(
            basis=basis,
            metric="observed_default_rate",
            subject=f"band {band.band}",
            value=band.observed_default_rate,
            lower=band.lower,
            upper=band.upper,
            sample_size=band.sample_size,
            model_id=model_id,
        )
        expected = replace(
            observed,
            metric="expected_default_rate",
            value=band.expected_default_rate,
            lower=None,
            upper=None,
        )
        facts += [observed, expected]
    return facts


def production_facts(month: str, record: Mapping[str, Any], oot_auc: Metric | None) -> list[Fact]:
    """Return the age of the model in production and the AUC that it was promoted with.

    Args:
        month: the month.
        record: the month's row of the production model.
        oot_auc: of the model in production, with its interval; None without a model.
    """
    if record["model_id"] is None or oot_auc is None:
        return []
    age = float(months_between(record["trained_in"], month))
    facts = [
        Fact("production", "model_age_months", OVERALL, age, model_id=record["model_id"]),
        metric_fact("production", oot_auc, OVERALL, model_id=record["model_id"]),
    ]
    if record["trained_in"] == month:
        promoted = Fact("production", "promoted", record["model_id"], 1.0)
        facts.append(replace(promoted, model_id=record["model_id"]))
    return facts


def pending(basis: Basis, reason: str) -> Fact:
    """Return the fact that performance is not known yet: never zero, never passed."""
    return Fact(basis=basis, metric="auc", subject=OVERALL, status=PENDING, band=reason)
