"""A month's applicants as the model sees them, looked at batch by batch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from credit_risk_dagster.contract.features import FEATURE_OF, FEATURES
from credit_risk_dagster.models.explanation import explain
from credit_risk_dagster.models.reference import model_inputs
from credit_risk_dagster.models.scoring import Model
from credit_risk_dagster.monitoring.drift import InputCounts, count_inputs
from credit_risk_dagster.monitoring.reference import Reference
from credit_risk_dagster.monitoring.two_sample import ReferenceSample


@dataclass(frozen=True, eq=False)
class Applicants:
    """What drift is measured by, of a size that does not grow with the month.

    Attributes:
        counts: all of them, counted.
        importance: of each feature: its mean absolute contribution to their scores.
        shown: every so many of them, for a report.
    """

    counts: InputCounts
    importance: pd.Series
    shown: pd.DataFrame


def look_at(
    batches: Iterable[pd.DataFrame],
    model: Model,
    reference: Reference,
    samples: Mapping[str, ReferenceSample],
    stride: int,
) -> Applicants:
    """Count applicants, weigh their features, and keep every so many of them.

    Args:
        batches: rows of features, in the order of loans; one at least.
        model: the model in production.
        reference: what it was trained on.
        samples: as `samples_of` the reference.
        stride: of how many applicants the first is kept; 0 where no report is wanted, which
            weighs no feature either.
    """
    counts: InputCounts | None = None
    contributions, size = pd.Series(dtype=float), 0
    shown = []
    for frame in batches:
        inputs = model_inputs(model, frame)
        found = count_inputs(reference, samples, inputs)
        counts = found if counts is None else counts + found
        if stride:
            weighed = explain(model, frame).contributions.abs().sum()
            contributions = contributions.add(weighed, fill_value=0.0)
            shown.append(inputs.iloc[-size % stride :: stride])
        size += len(frame)
    if counts is None:
        raise ValueError("there are no applicants to look at")
    kept = pd.concat(shown, ignore_index=True) if shown else pd.DataFrame()
    return Applicants(counts, _by_column(contributions / size), kept)


def _by_column(by_feature: pd.Series) -> pd.Series:
    """Give each column its part of its feature's contribution; 0 to what no model reads."""
    owners = pd.Series({name: FEATURE_OF[name] for name in FEATURES})
    columns = owners.groupby(owners).transform("size")
    importance: pd.Series = owners.map(by_feature).fillna(0.0) / columns
    return importance
