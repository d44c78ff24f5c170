"""The pictures of the monitoring report, drawn from facts alone, as SVG."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.monitoring.portfolio import VINTAGE_RATE
from credit_risk_dagster.months import months_between
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.portfolio import BUCKETS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#888888", "#2e7d4f"
HEAT_MAP_FEATURES = 15

Draw = Callable[["Axes", pd.DataFrame, str, Settings], None]


def svg(draw: Draw, facts: pd.DataFrame, month: str, settings: Settings) -> str:
    """Draw one picture and return it as an SVG element.

    Args:
        draw: one of the functions below.
        facts: facts of the month and of the months before it, with a column `month`.
        month: the month of the report.
        settings: bands and limits.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # Text stays text, and the same facts give the same bytes.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": month, "font.size": 8}):
        figure = Figure(figsize=(5.2, 3.1))
        # Fixed margins: matplotlib's own layout doubles the time that a report takes.
        figure.subplots_adjust(left=MARGINS.get(draw.__name__, 0.13), right=0.9, bottom=0.15)
        axes = figure.subplots()
        draw(axes, facts, month, settings)
        # So do places that it has to look for.
        axes.set_title(axes.get_title(), y=1.02)
        axes.xaxis.set_label_coords(0.5, -0.1)
        axes.yaxis.set_label_coords(-0.13, 0.5)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def auc_over_time(axes: "Axes", facts: pd.DataFrame, month: str, settings: Settings) -> None:
    """Draw the AUC of both bases with intervals, that of the model out of time, and promotions."""
    for basis, colour, shift in (("current", BLUE, -0.08), ("issued", GREEN, 0.08)):
        rows = _of(facts, basis, "auc")
        places = _places(rows, facts) + shift
        errors = [rows["value"] - rows["lower"], rows["upper"] - rows["value"]]
        axes.errorbar(
            places, rows["value"], np.nan_to_num(errors), fmt="o", color=colour, label=basis
        )
    rows = _of(facts, "production", "oot_auc")
    axes.step(_places(rows, facts), rows["value"], where="mid", color=GREY, label="out of time")
    for place in _places(_of(facts, "production", "promoted"), facts):
        axes.axvline(place, color=GREY, linewidth=0.6, linestyle="--")
    axes.axhline(settings.policy.minimum_auc, color=RED, linestyle=":", label="minimum")
    _months_below(axes, facts)
    axes.set(title="AUC; dashed: a promotion", ylabel="AUC")
    axes.legend(loc="lower left")


def stability_over_time(axes: "Axes", facts: pd.DataFrame, month: str, settings: Settings) -> None:
    """Draw the PSI of the score, what noise alone gives, and the largest CSI of a feature."""
    rows = _of(facts, "score", "psi")
    axes.plot(_places(rows, facts), rows["value"], "o-", color=BLUE, label="PSI of the score")
    axes.plot(_places(rows, facts), rows["upper"], color=GREY, linewidth=0.8, label="noise alone")
    largest = (
        _of(facts, "feature", "csi").sort_values("value").drop_duplicates("month", keep="last")
    )
    largest = largest.sort_values("month")
    axes.plot(_places(largest, facts), largest["value"], ".-", color=GREEN, label="largest CSI")
    for limit in (settings.monitoring.psi_moderate, settings.monitoring.psi_significant):
        axes.axhline(limit, color=RED, linestyle=":")
    _months_below(axes, facts)
    axes.set(title="Stability; dotted: the bands", ylabel="index")
    axes.legend(loc="upper left")


def feature_heat_map(axes: "Axes", facts: pd.DataFrame, month: str, settings: Settings) -> None:
    """Draw the CSI of the features that shifted most, month by month."""
    rows = _of(facts, "feature", "csi")
    grid = rows.pivot(index="subject", columns="month", values="value")
    grid = grid.loc[grid.max(axis=1).sort_values(ascending=False).index[:HEAT_MAP_FEATURES]]
    limit = settings.monitoring.psi_significant
    image = axes.imshow(grid.to_numpy(), aspect="auto", cmap="OrRd", vmin=0, vmax=limit)
    axes.set_yticks(range(len(grid)), [str(name)[:24] for name in grid.index], fontsize=6)
    _month_ticks(axes, [str(name) for name in grid.columns], 3)
    axes.figure.colorbar(image, label=f"CSI, up to {limit:g}")
    axes.set(title="Largest shifts of features")


def calibration_by_band(axes: "Axes", facts: pd.DataFrame, month: str, settings: Settings) -> None:
    """Draw observed default rates with intervals over the expected ones, by score band."""
    here = facts[(facts["month"] == month) & (facts["basis"] == "current")]
    here = here[here["subject"].str.startswith("band ")]
    observed = here[here["metric"] == "observed_default_rate"]
    expected = here[here["metric"] == "expected_default_rate"]
    places = np.arange(len(observed))
    errors = [observed["value"] - observed["lower"], observed["upper"] - observed["value"]]
    axes.bar(places, expected["value"], color=GREY, alpha=0.5, label="expected")
    axes.errorbar(places, observed["value"], errors, fmt="o", color=BLUE, label="observed")
    axes.set_xticks(places, list(observed["subject"]))
    axes.set(title="Calibration of the current model", ylabel="default rate")
    axes.legend(loc="upper left")


def score_distribution(axes: "Axes", facts: pd.DataFrame, month: str, settings: Settings) -> None:
    """Draw the month's scores in the bins of the reference, where even bars mean no shift."""
    rows = _of(facts[facts["month"] == month], "score", "score_share")
    errors = [rows["value"] - rows["lower"], rows["upper"] - rows["value"]]
    axes.bar(list(rows["subject"].str[-2:]), rows["value"], yerr=errors, color=BLUE, alpha=0.7)
    axes.axhline(1 / max(len(rows), 1), color=GREY, linestyle=":")
    axes.set(title="Scores", xlabel="bin of the out-of-time scores", ylabel="share of applicants")


def vintage_curves(axes: "Axes", facts: pd.DataFrame, month: str, settings: Settings) -> None:
    """Draw the share of each vintage that was ever in a default's arrears, by months on book."""
    rows = _of(facts, "vintage", VINTAGE_RATE)
    vintages = sorted(rows["subject"].unique())
    for number, vintage in enumerate(vintages):
        curve = rows[rows["subject"] == vintage]
        ages = [months_between(f"{vintage}-01", str(seen)) for seen in curve["month"]]
        shade = str(0.8 - 0.8 * number / max(len(vintages), 1))
        axes.plot(ages, curve["value"], ".-", color=shade, linewidth=0.8)
    axes.set(title="Vintages; darker: newer", xlabel="months on book")
    axes.set_ylabel(f"ever {CONTRACT.outcome.arrears}")


def roll_rates(axes: "Axes", facts: pd.DataFrame, month: str, settings: Settings) -> None:
    """Draw where the loans of each bucket of days past due went in the month."""
    rows = _of(facts[facts["month"] == month], "roll", "roll_rate")
    moves = dict(zip(rows["subject"], rows["value"], strict=True))
    grid = np.array(
        [[moves.get(f"{before} to {now}", np.nan) for now in BUCKETS] for before in BUCKETS]
    )
    axes.imshow(grid, aspect="auto", cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(grid):
        if not np.isnan(value):
            colour = "white" if value > 0.6 else "black"
            axes.text(column, row, f"{value:.0%}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(BUCKETS)), BUCKETS)
    axes.set_yticks(range(len(BUCKETS)), BUCKETS)
    axes.set(title="Roll rates", xlabel="days past due now", ylabel="a month before")


def volumes(axes: "Axes", facts: pd.DataFrame, month: str, settings: Settings) -> None:
    """Draw loans originated, and the default rate of the loans that matured."""
    loans = _of(facts, "book", "originated_loans")
    axes.bar(_places(loans, facts), loans["value"], color=GREY, alpha=0.5)
    axes.set(title="Loans originated; line: default rate", ylabel="loans")
    rates = _of(facts, "book", "default_rate")
    beside = axes.twinx()
    beside.plot(_places(rates, facts), rates["value"], "o-", color=RED)
    beside.set_ylim(bottom=0)
    _months_below(axes, facts)


PLOTS: dict[Draw, tuple[str, str]] = {
    auc_over_time: ("current", "auc"),
    stability_over_time: ("score", "psi"),
    feature_heat_map: ("feature", "csi"),
    score_distribution: ("score", "score_share"),
    calibration_by_band: ("current", "auc"),
    vintage_curves: ("vintage", VINTAGE_RATE),
    roll_rates: ("roll", "roll_rate"),
    volumes: ("book", "originated_loans"),
}
"""Every picture, with the basis and the metric without which there is nothing to draw."""

MARGINS = {"feature_heat_map": 0.3}
"""Where names to the left of the axes need more room."""


def drawable(facts: pd.DataFrame, month: str) -> list[Draw]:
    """Return the pictures that the facts of a month have something for."""
    here = facts[facts["month"] == month]
    return [draw for draw, needed in PLOTS.items() if not _of(here, *needed).empty]


def _of(facts: pd.DataFrame, basis: str, metric: str) -> pd.DataFrame:
    wanted = (facts["basis"] == basis) & (facts["metric"] == metric) & facts["value"].notna()
    if basis in ("current", "issued", "production") and metric != "promoted":
        wanted &= facts["subject"] == "overall"
    return facts[wanted].sort_values(["month", "subject"], kind="stable")


def _places(
    rows: pd.DataFrame, facts: pd.DataFrame
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    first = str(facts["month"].min())
    return np.array([float(months_between(first, str(month))) for month in rows["month"]])


def _months_below(axes: "Axes", facts: pd.DataFrame) -> None:
    _month_ticks(axes, sorted(facts["month"].unique()))


def _month_ticks(axes: "Axes", months: list[str], most: int = 6) -> None:
    step = max(1, -(-len(months) // most))
    axes.set_xticks(range(0, len(months), step), [month[:7] for month in months[::step]])
