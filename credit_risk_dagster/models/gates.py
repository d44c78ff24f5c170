"""What a candidate must hold, beside its AUC, before it can go to production.

A gate closes only where a figure is on the wrong side of its bound by more than noise: the end of
its interval that is nearer to the bound lies beyond it. A small lender's model is not refused for
having been judged on few loans.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from credit_risk_dagster.models.calibration import calibration
from credit_risk_dagster.models.discrimination import auc_metric
from credit_risk_dagster.models.metric import Metric
from credit_risk_dagster.models.reason_quality import (
    LARGEST_CONTRADICTING,
    SMALLEST_COVERAGE,
    reasons_hold,
)
from credit_risk_dagster.models.scored_sample import scored_sample

Floats = npt.NDArray[np.float64]

SLOPES = (0.80, 1.25)
RATIOS = (0.80, 1.25)
"""Calibration slope, and observed over expected defaults: reciprocals of each other's ends."""

LARGEST_OVERFIT = 0.05
"""AUC in sample minus that on the test cohorts, of the same parameters."""


@dataclass(frozen=True)
class Gate:
    """One condition: its name, whether it holds, and what was found."""

    name: str
    holds: bool
    sentence: str


def calibration_gate(name: str, labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Gate:
    """Judge slope and observed over expected defaults on rows that no fit saw."""
    figures = {one.name: one for one in calibration(scored_sample(labels, probabilities))}
    slope, ratio = figures["calibration_slope"], figures["observed_expected_ratio"]
    holds = _is_within(slope, SLOPES) and _is_within(ratio, RATIOS)
    said = (
        f"calibration slope {_shown(slope)} ({SLOPES[0]:g} to {SLOPES[1]:g}), observed over "
        f"expected defaults {_shown(ratio)} ({RATIOS[0]:g} to {RATIOS[1]:g})"
    )
    return Gate(name, holds, said)


def reasons_gate(metrics: Sequence[Metric]) -> Gate:
    """Judge the reasons that would be given."""
    by_name = {metric.name: metric for metric in metrics}
    said = (
        f"{_percent(by_name['contradicting_share'])} of reasons contradict the data beyond noise "
        f"(at most {LARGEST_CONTRADICTING:.0%}), {_percent(by_name['reason_coverage'])} above the "
        f"cut-off have two (at least {SMALLEST_COVERAGE:.0%})"
    )
    return Gate("reasons", reasons_hold(metrics), said)


def overfit_gate(
    train: tuple[npt.ArrayLike, npt.ArrayLike], test: tuple[npt.ArrayLike, npt.ArrayLike]
) -> Gate:
    """Compare the AUC in sample with that on the test cohorts; each is labels, probabilities."""
    inside, outside = (auc_metric(scored_sample(*sample)) for sample in (train, test))
    if inside.value is None or outside.value is None or outside.upper is None:
        return Gate("overfit", True, "not judged: the test cohorts hold one class only")
    holds = inside.value - outside.upper <= LARGEST_OVERFIT
    said = (
        f"AUC {inside.value:.3f} in sample, {outside.value:.3f} on the test cohorts (at most "
        f"{LARGEST_OVERFIT:g} less, beyond noise)"
    )
    return Gate("overfit", holds, said)


def dark_gate(shares: Mapping[str, float], masked: Gate) -> Gate:
    """Judge calibration on rows that lack the sources that the month's applicants lack."""
    dark = [f"{source} of {share:.0%}" for source, share in shares.items() if share > 0]
    said = f"applicants lack {', '.join(dark)}: {masked.sentence}" if dark else "no source is dark"
    return Gate("dark_sources", masked.holds or not dark, said)


def as_records(gates: Sequence[Gate]) -> list[dict[str, Any]]:
    """Return gates as what JSON can hold."""
    return [{"name": one.name, "holds": one.holds, "sentence": one.sentence} for one in gates]


def _is_within(metric: Metric, bounds: tuple[float, float]) -> bool:
    """Tell whether a figure's interval reaches into its bounds; what is not known is not held."""
    if metric.value is None:
        return True
    lower = metric.value if metric.lower is None else metric.lower
    upper = metric.value if metric.upper is None else metric.upper
    return lower <= bounds[1] and upper >= bounds[0]


def _shown(metric: Metric) -> str:
    return "undefined" if metric.value is None else f"{metric.value:.2f}"


def _percent(metric: Metric) -> str:
    return "none" if metric.value is None else f"{metric.value:.1%}"
