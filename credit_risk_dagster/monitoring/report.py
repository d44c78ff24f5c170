"""The monitoring report of a month: one HTML file that needs nothing else to be read."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.monitoring.conditions import Condition
from credit_risk_dagster.monitoring.drift import significant_shifts
from credit_risk_dagster.monitoring.portfolio import ARREARS_RATE
from credit_risk_dagster.monitoring.report_plots import Draw, drawable, svg
from credit_risk_dagster.months import add_months
from credit_risk_dagster.settings import Settings

TEMPLATE = "report.html.jinja"
SHOWN_FEATURES = 20
KEY_FIGURES = (
    ("AUC, current model", "current", "auc"),
    ("AUC, issued scores", "issued", "auc"),
    ("Gini, current model", "current", "gini"),
    ("KS, current model", "current", "ks_discrimination"),
    ("AUC out of time of the model", "production", "oot_auc"),
    ("Months since training", "production", "model_age_months"),
    ("PSI of the score", "score", "psi"),
    ("Mean probability of default", "score", "mean_probability"),
    ("Default rate of matured loans", "book", "default_rate"),
    (f"Loans {CONTRACT.outcome.arrears}", "book", ARREARS_RATE),
    ("Loans originated", "book", "originated_loans"),
    ("Applicants scored", "book", "scored_applicants"),
)

Row = dict[str, Any]


def write_report(
    path: Path,
    month: str,
    facts: pd.DataFrame,
    conditions: Sequence[Condition],
    before: Sequence[Condition],
    model: str,
    settings: Settings,
) -> None:
    """Write the report of a month.

    Args:
        path: where the file goes; replaced if it is there.
        month: the month.
        facts: facts of drift, performance and portfolio of the month and of those before it, with
            a column `month`.
        conditions: the month's.
        before: those of the month before; empty in the first month.
        model: which model is in production and why, in one sentence.
        settings: bands and limits.
    """
    from jinja2 import Environment

    template = files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
    page = (
        Environment(autoescape=True)
        .from_string(template)
        .render(
            month=month[:7],
            model=model,
            lights=_lights(conditions, before),
            figures=_key_figures(facts, month),
            changes=_changes(facts, month, conditions, before),
            plots=[
                {"caption": _caption(draw), "svg": svg(draw, facts, month, settings)}
                for draw in drawable(facts, month)
            ],
            performance=_performance(facts, month),
            features=_features(facts, month),
            early=_early(facts, month),
        )
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(page, encoding="utf-8")
    beside.replace(path)


def _caption(draw: Draw) -> str:
    """Return what a picture shows, which is what its function says of itself."""
    said = (draw.__doc__ or "").removeprefix("Draw ")
    return said[:1].upper() + said[1:]


def _lights(conditions: Sequence[Condition], before: Sequence[Condition]) -> list[Row]:
    previous = {condition.condition: condition.light for condition in before}
    return [
        {
            "name": condition.condition.replace("_", " "),
            "light": condition.light,
            "sentence": condition.sentence,
            "before": previous.get(condition.condition, "grey"),
        }
        for condition in conditions
    ]


def _key_figures(facts: pd.DataFrame, month: str) -> list[Row]:
    rows = []
    for title, basis, metric in KEY_FIGURES:
        now, then = (_one(facts, basis, metric, key) for key in (month, add_months(month, -1)))
        if now is None and then is None:
            continue
        value, earlier = (row["value"] if row else None for row in (now, then))
        rows.append(
            {
                "title": title,
                "now": shown(value),
                "interval": _interval(now),
                "size": (now["sample_size"] or "") if now else "",
                "before": shown(earlier),
                "change": _change(value, earlier),
            }
        )
    return rows


def _one(facts: pd.DataFrame, basis: str, metric: str, month: str) -> Row | None:
    rows = facts[
        (facts["month"] == month)
        & (facts["basis"] == basis)
        & (facts["metric"] == metric)
        & facts["subject"].isin(["overall", "probability"])
        & facts["value"].notna()
    ]
    return None if rows.empty else {str(k): v for k, v in rows.iloc[0].to_dict().items()}


def _change(now: float | None, before: float | None) -> str:
    return "" if now is None or before is None else f"{now - before:+.4g}"


def _interval(row: Mapping[Any, Any] | None) -> str:
    if row is None or pd.isna(row["lower"]) or pd.isna(row["upper"]):
        return ""
    return f"{shown(row['lower'])} to {shown(row['upper'])}"


def shown(value: float | None) -> str:
    """Return a figure as a reader wants it: four significant digits, whole numbers whole."""
    if value is None or pd.isna(value):
        return "\u2013"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


def _changes(
    facts: pd.DataFrame, month: str, conditions: Sequence[Condition], before: Sequence[Condition]
) -> list[str]:
    """Say what is different from the month before: lights, the model, and new shifts."""
    previous = {condition.condition: condition.light for condition in before}
    changes = [
        f"{one.condition.replace('_', ' ')}: {previous[one.condition]} → {one.light}"
        for one in conditions
        if one.condition in previous and previous[one.condition] != one.light
    ]
    here = facts[facts["month"] == month]
    promoted = here[here["metric"] == "promoted"]
    changes += [f"{name} was promoted to production" for name in promoted["subject"]]
    earlier = facts[facts["month"] == add_months(month, -1)]
    known = {(shift["metric"], shift["subject"]) for shift in significant_shifts(earlier)}
    changes += [
        f"{shift['metric'].upper()} of {shift['subject']} has left its band: {shift['value']:.3f}"
        for shift in significant_shifts(here)
        if (shift["metric"], shift["subject"]) not in known
    ]
    return changes


def _performance(facts: pd.DataFrame, month: str) -> list[Row]:
    here = facts[
        (facts["month"] == month)
        & facts["basis"].isin(["current", "issued"])
        & (facts["subject"] == "overall")
    ]
    return [
        {
            "basis": row["basis"],
            "metric": row["metric"].replace("_", " "),
            "value": shown(row["value"]),
            "interval": _interval(row),
            "size": row["sample_size"],
            "note": row["band"] if row["status"] == "pending" else "",
        }
        for row in here.to_dict("records")
    ]


def _early(facts: pd.DataFrame, month: str) -> list[Row]:
    here = facts[(facts["month"] == month) & facts["basis"].isin(["estimated", "outcome"])]
    return [
        {
            "cohort": row["subject"],
            "metric": row["metric"].replace("_", " "),
            "value": shown(row["value"]),
            "interval": _interval(row),
            "size": row["sample_size"],
            "note": f"{row['band'] or ''}, {row['status'].replace('_', ' ')}".lstrip(", "),
        }
        for row in here.sort_values(["basis", "subject", "metric"]).to_dict("records")
    ]


def _features(facts: pd.DataFrame, month: str) -> list[Row]:
    here = facts[(facts["month"] == month) & (facts["basis"] == "feature")]
    by_metric = {str(name): rows.set_index("subject") for name, rows in here.groupby("metric")}
    if "csi" not in by_metric:
        return []
    csi = by_metric["csi"].sort_values("value", ascending=False).head(SHOWN_FEATURES)
    ks = by_metric["ks_drift"]["value"].to_dict() if "ks_drift" in by_metric else {}
    missing = by_metric["missing_share_change"]["value"].to_dict()
    return [
        {
            "name": name,
            "csi": shown(row["value"]),
            "noise": shown(row["upper"]),
            "band": row["band"],
            "ks": shown(ks.get(name)),
            "missing": f"{missing[name]:+.1%}",
        }
        for name, row in csi.iterrows()
    ]
