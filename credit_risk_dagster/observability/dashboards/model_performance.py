"""Model performance: how well scores ranked and estimated the loans that have matured."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard, stat, table, timeseries
from grafana_foundation_sdk.models.common import GraphDrawStyle

from credit_risk_dagster.observability.dashboards.calibration import calibration_panels
from credit_risk_dagster.observability.dashboards.layout import laid_out
from credit_risk_dagster.observability.dashboards.panels import (
    NUMBER,
    RATE,
    lines,
    numbers,
    rows_table,
)
from credit_risk_dagster.observability.dashboards.queries import (
    Figure,
    SqlAnnotations,
    by_month,
    statement,
    with_bounds,
)
from credit_risk_dagster.observability.dashboards.styles import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    dashed,
    in_unit,
    with_interval,
)

MEANING = (
    "Current: the model in production, on the loans that matured in the month, which it has never "
    "seen. Issued: the scores that these loans were given at application. Shaded: 95 % interval."
)
OUT_OF_TIME = "Out of time, when promoted"

Metrics = Sequence[tuple[str, str]]
"""Names as people know them, and as facts have them."""


def model_performance() -> dashboard.Dashboard:
    """Return the dashboard."""
    board = laid_out(
        "model_performance",
        "Model performance",
        f"How well scores rank and estimate the loans whose outcome is known. {MEANING}",
        {
            "How well scores rank borrowers": [_auc(), _newest(), _gini(), _separation()],
            "Before the labels": [_early("auc", "AUC"), _early("default_rate", "Default rate")],
            "Decisions at the threshold": [_decisions("Current"), _decisions("Issued")],
            "Whether probabilities are right": calibration_panels(),
            "Samples and the model": [_sample_sizes(), _model_age(), _promotions()],
        },
    )
    promoted = SqlAnnotations(
        "Promotions",
        GREEN,
        'SELECT snapshot_date::timestamp AS "time", subject || \' promoted\' AS "text"\n'
        "FROM monitoring_facts\n"
        "WHERE $__timeFilter(snapshot_date) AND basis = 'production' AND metric = 'promoted'\n"
        "ORDER BY snapshot_date",
    )
    return board.annotation(promoted)


def _bases(metric: str) -> dict[str, Figure]:
    return with_bounds("Current", "current", metric) | with_bounds("Issued", "issued", metric)


def _both_bases(
    title: str, description: str, figures: dict[str, Figure], width: int
) -> timeseries.Panel:
    panel = lines(title, f"{description} {MEANING}", [by_month(figures)], (width, 10), decimals=3)
    return with_interval(with_interval(panel, "Current", BLUE), "Issued", ORANGE)


def _auc() -> timeseries.Panel:
    figures = _bases("auc") | {OUT_OF_TIME: Figure("production", "oot_auc")}
    description = (
        "The chance that a loan that defaults has a higher score than one that does not; 0.5 is a "
        "coin toss. Dashed: what the model in production reached before its promotion, on months "
        "kept aside. Vertical lines: promotions."
    )
    panel = _both_bases("AUC", description, figures, 18)
    return dashed(panel, OUT_OF_TIME, GREY, stepped=True)


def _early(metric: str, title: str) -> table.Panel:
    text = (
        'SELECT to_char(snapshot_date, \'YYYY-MM\') AS "Month", subject AS "Cohort",\n'
        '  band AS "Known at", status AS "Method", value AS "Value", lower AS "Lower",\n'
        '  upper AS "Upper", sample_size AS "Loans"\n'
        "FROM monitoring_facts\nWHERE $__timeFilter(snapshot_date) "
        f"AND metric IN ('estimated_{metric}', 'expected_{metric}', 'realised_{metric}')\n"
        "ORDER BY snapshot_date DESC, subject DESC"
    )
    description = (
        "Scores whose labels are pending. Soft labels: estimated by the instalments missed so "
        "far. Calibrated: no observation, only what the scores promise. Measured: what came."
    )
    panel = rows_table(f"{title} before the labels", description, [statement(text)], (12, 10))
    return panel.override_by_regexp("^(Value|Lower|Upper)$", in_unit(NUMBER, 3))


def _gini() -> timeseries.Panel:
    description = "Twice the AUC less one: 0 is a coin toss, 1 is perfect."
    return _both_bases("Gini", description, _bases("gini"), 12)


def _separation() -> timeseries.Panel:
    description = (
        "Kolmogorov-Smirnov: the largest gap between the share of defaulting and of other loans "
        "below a score."
    )
    return _both_bases("KS", description, _bases("ks_discrimination"), 12)


def _newest() -> stat.Panel:
    figures = {
        "Current AUC": Figure("current", "auc"),
        "Issued AUC": Figure("issued", "auc"),
        "AUC out of time": Figure("production", "oot_auc"),
        "Loans matured": Figure("current", "auc", column="sample_size"),
        "Model age in months": Figure("production", "model_age_months"),
    }
    description = "The newest known value of each figure; months that are pending are passed over."
    panel = numbers("Newest known", description, [by_month(figures)], (6, 10), decimals=3)
    for name in ("Loans matured", "Model age in months"):
        panel.override_by_name(name, in_unit(NUMBER, 0))
    return panel


def _decisions(name: str) -> timeseries.Panel:
    metrics = {"Accuracy": "accuracy", "Precision": "precision", "Recall": "recall", "F1": "f1"}
    figures = {title: Figure(name.lower(), metric) for title, metric in metrics.items()}
    description = (
        "If every loan at or above the decision threshold were refused. Precision: the share of "
        "refused loans that default. Recall: the share of defaults that would be refused. F1: "
        "their harmonic mean. Accuracy: the share of loans judged rightly."
    )
    panel = lines(f"{name}: decisions", description, [by_month(figures)], (12, 9), RATE, 1)
    return panel.min(0).max(1)


def _sample_sizes() -> timeseries.Panel:
    figures = {
        name: Figure(name.lower(), "auc", column="sample_size") for name in ("Current", "Issued")
    }
    description = "Loans behind every figure of the month: the fewer, the wider its interval."
    panel = lines("Loans matured", description, [by_month(figures)], (8, 9), decimals=0)
    return panel.draw_style(GraphDrawStyle.BARS).fill_opacity(60).min(0)


def _model_age() -> timeseries.Panel:
    figures = {"Months since training": Figure("production", "model_age_months")}
    description = "Age of the model in production; it falls to 0 in a month that promotes one."
    return lines("Model age", description, [by_month(figures)], (6, 9), decimals=0).min(0)


def _promotions() -> table.Panel:
    text = (
        "SELECT to_char(promoted.snapshot_date, 'YYYY-MM') AS \"Month\",\n"
        '  promoted.subject AS "Model", promoted.model_version AS "Version",\n'
        '  oot.value AS "AUC out of time", oot.sample_size AS "Loans out of time"\n'
        "FROM monitoring_facts AS promoted\n"
        "LEFT JOIN monitoring_facts AS oot ON oot.snapshot_date = promoted.snapshot_date\n"
        "  AND oot.basis = 'production' AND oot.metric = 'oot_auc'\n"
        "WHERE $__timeFilter(promoted.snapshot_date) AND promoted.metric = 'promoted'\n"
        "ORDER BY promoted.snapshot_date DESC"
    )
    description = "Every model that went into production, the newest first."
    panel = rows_table("Promotions", description, [statement(text)], (10, 9))
    return panel.override_by_name("AUC out of time", in_unit(NUMBER, 3))
