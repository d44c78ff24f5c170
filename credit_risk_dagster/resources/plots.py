"""Small plots of models, scores and drift, drawn without a display."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 80
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#888888"


def _figure(count: int = 1) -> tuple["Figure", list["Axes"]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * count, 3.2))
    # Fixed margins: matplotlib's own layout doubles the time that a plot takes.
    figure.subplots_adjust(left=0.17 / count, right=1 - 0.05 / count, bottom=0.15, wspace=0.3)
    return figure, list(np.atleast_1d(figure.subplots(1, count)))


def png(figure: "Figure") -> bytes:
    """Return a figure as PNG bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    return buffer.getvalue()


def write_png(figure: "Figure", path: Path) -> None:
    """Write a figure as a PNG file."""
    path.write_bytes(png(figure))


def discrimination_figure(
    labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float64]
) -> "Figure":
    """Draw the ROC curve and observed against expected default rates by decile of the score."""
    from sklearn.metrics import roc_curve

    figure, (roc, calibration) = _figure(2)
    false_positive, true_positive, _ = roc_curve(labels, probabilities)
    roc.plot(false_positive, true_positive, color=BLUE)
    roc.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    roc.set(title="ROC", xlabel="good loans rejected", ylabel="bad loans rejected")
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, 10) if len(part)]
    expected = [probabilities[part].mean() for part in parts]
    calibration.plot(expected, [labels[part].mean() for part in parts], "o-", color=BLUE)
    calibration.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    calibration.set(title="Calibration", xlabel="expected default rate", ylabel="observed")
    return figure


def tuning_figure(mean_aucs: Sequence[float]) -> "Figure":
    """Draw the mean AUC of every trial and the best so far."""
    figure, (axes,) = _figure()
    numbers = np.arange(1, len(mean_aucs) + 1)
    axes.plot(numbers, mean_aucs, "o", color=BLUE, label="trial")
    axes.plot(numbers, np.maximum.accumulate(mean_aucs), color=RED, label="best so far")
    axes.set(title="Tuning", xlabel="trial", ylabel="mean AUC of the folds")
    axes.legend()
    return figure


def score_figure(scores: npt.NDArray[np.float64], reference: npt.NDArray[np.float64]) -> "Figure":
    """Draw the scores of a month over the model's out-of-time scores."""
    figure, (axes,) = _figure()
    bins = np.linspace(0, 1, 21).tolist()
    axes.hist(reference, bins=bins, density=True, color=GREY, alpha=0.5, label="out of time")
    axes.hist(scores, bins=bins, density=True, histtype="step", color=BLUE, label="this month")
    axes.set(title="Scores", xlabel="probability of default", ylabel="density")
    axes.legend()
    return figure


def stability_figure(
    names: Sequence[str], values: Sequence[float], moderate: float, significant: float
) -> "Figure":
    """Draw stability indices as bars against the two bands."""
    figure, (axes,) = _figure()
    figure.subplots_adjust(left=0.4)
    axes.barh(list(names)[::-1], list(values)[::-1], color=BLUE)
    axes.axvline(moderate, color=GREY, linestyle=":")
    axes.axvline(significant, color=RED, linestyle=":")
    axes.set(title="Largest shifts", xlabel="stability index")
    axes.tick_params(axis="y", labelsize=7)
    return figure
