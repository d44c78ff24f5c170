"""Plots as Dagit shows them: images inside markdown."""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg
import numpy as np
import numpy.typing as npt

from credit_risk_dagster.resources.plots import (
    discrimination_figure,
    png,
    score_figure,
    stability_figure,
    tuning_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def image(figure: "Figure") -> dg.MarkdownMetadataValue:
    """Return a figure as metadata."""
    text = base64.b64encode(png(figure)).decode("ascii")
    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{text})")


def discrimination_plot(
    labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float64]
) -> dg.MarkdownMetadataValue:
    """Return ROC and calibration as metadata."""
    return image(discrimination_figure(labels, probabilities))


def tuning_plot(mean_aucs: Sequence[float]) -> dg.MarkdownMetadataValue:
    """Return the tuning history as metadata."""
    return image(tuning_figure(mean_aucs))


def score_plot(
    scores: npt.NDArray[np.float64], reference: npt.NDArray[np.float64]
) -> dg.MarkdownMetadataValue:
    """Return the distribution of scores as metadata."""
    return image(score_figure(scores, reference))


def stability_plot(
    names: Sequence[str], values: Sequence[float], moderate: float, significant: float
) -> dg.MarkdownMetadataValue:
    """Return the largest stability indices as metadata."""
    return image(stability_figure(names, values, moderate, significant))
