"""Drift: whether scores and features are still distributed as they were in training."""

from grafana_foundation_sdk.builders import (
    barchart,
    common,
    dashboard,
    statushistory,
    table,
    timeseries,
)
from grafana_foundation_sdk.models.common import GraphDrawStyle, StackingMode

from credit_risk_dagster.observability.dashboards.layout import laid_out
from credit_risk_dagster.observability.dashboards.panels import (
    RATE,
    bars,
    heat_map,
    lines,
    rows_table,
)
from credit_risk_dagster.observability.dashboards.queries import (
    Figure,
    by_month,
    by_subject,
    statement,
)
from credit_risk_dagster.observability.dashboards.styles import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    YELLOW,
    colored_cells,
    dashed,
    fixed_color,
    in_unit,
    limits,
    thresholds,
)

MODERATE, SIGNIFICANT = 0.10, 0.25
BANDS = ((MODERATE, YELLOW), (SIGNIFICANT, RED))
NOISE = "What noise alone may give"

MEASURED = (
    "Compared with the model's reference: its training loans for features, its scores on months "
    f"kept aside for the score. Below {MODERATE:.2f} stable, from {SIGNIFICANT:.2f} significant; "
    "below the dashed line it may be noise."
)


def drift() -> dashboard.Dashboard:
    """Return the dashboard."""
    return laid_out(
        "drift",
        "Drift",
        "Whether this month's applicants and their scores look like those that the model knows.",
        {
            "Scores": [
                _shift("Score PSI", "PSI", "psi", "Population stability index of the scores."),
                _shift("Score KS", "KS", "ks_drift", "Largest gap between the two distributions."),
                _distribution(),
                _newest_distribution(),
                _mean_probability(),
            ],
            "Features": [_features(), _newest_features()],
            "Missing and unseen values": [_missing(), _missing_change(), _unseen()],
        },
    )


def _shift(title: str, name: str, metric: str, description: str) -> timeseries.Panel:
    figures = {
        name: Figure("score", metric, "probability"),
        NOISE: Figure("score", metric, "probability", "upper"),
    }
    query = by_month(figures)
    panel = lines(title, f"{description} {MEASURED}", [query], (12, 9), decimals=3)
    panel.override_by_name(name, [fixed_color(BLUE)])
    return limits(dashed(panel, NOISE, GREY), *BANDS).min(0)


def _distribution() -> timeseries.Panel:
    description = (
        "Share of the month's scores in each tenth of the reference, from the lowest risk to the "
        "highest: without drift each holds about 10 %."
    )
    query = by_subject("score", "score_share")
    panel = lines("Score distribution", description, [query], (12, 10), RATE, 1)
    stacked = common.StackingConfig().mode(StackingMode.NORMAL)
    return panel.draw_style(GraphDrawStyle.BARS).fill_opacity(80).stacking(stacked).min(0).max(1)


def _newest_distribution() -> barchart.Panel:
    text = (
        'SELECT subject AS "Tenth of the reference", value AS "This month",\n'
        '  0.1 AS "Reference"\n'
        "FROM monitoring_facts\nWHERE metric = 'score_share' AND snapshot_date = (\n"
        "    SELECT max(snapshot_date) FROM monitoring_facts\n"
        "    WHERE $__timeFilter(snapshot_date) AND metric = 'score_share')\n"
        "ORDER BY subject"
    )
    description = "The newest month's scores over the tenths of the reference."
    x_field = "Tenth of the reference"
    return bars("Newest scores", description, [statement(text)], (6, 10), x_field, RATE)


def _mean_probability() -> timeseries.Panel:
    figures = {"Mean probability": Figure("score", "mean_probability", "probability")}
    description = "Mean probability of default of the month's applicants."
    return lines("Mean score", description, [by_month(figures)], (6, 10), RATE, 1)


def _features() -> statushistory.Panel:
    description = f"Stability index (CSI) of every feature, as the model sees it. {MEASURED}"
    query = by_subject("feature", "csi")
    panel = heat_map("Feature shift by month", description, [query], (24, 26), "short")
    return panel.thresholds(thresholds(*BANDS))


def _newest_features() -> table.Panel:
    text = (
        'SELECT subject AS "Feature",\n'
        "  max(value) FILTER (WHERE metric = 'csi') AS \"CSI\",\n"
        "  max(upper) FILTER (WHERE metric = 'csi') AS \"CSI of noise\",\n"
        "  CASE WHEN bool_or(metric = 'csi' AND status = 'beyond_noise')\n"
        "    THEN max(band) FILTER (WHERE metric = 'csi') ELSE 'within noise' END AS \"Verdict\",\n"
        "  max(value) FILTER (WHERE metric = 'ks_drift') AS \"KS\",\n"
        "  max(upper) FILTER (WHERE metric = 'ks_drift') AS \"KS of noise\",\n"
        "  max(value) FILTER (WHERE metric = 'missing_share') AS \"Missing\",\n"
        "  max(value) FILTER (WHERE metric = 'missing_share_change') AS \"Change of missing\",\n"
        "  max(value) FILTER (WHERE metric = 'unseen_share') AS \"Unseen\",\n"
        '  max(sample_size) AS "Applicants"\n'
        "FROM monitoring_facts\nWHERE basis = 'feature' AND snapshot_date = (\n"
        "    SELECT max(snapshot_date) FROM monitoring_facts\n"
        "    WHERE $__timeFilter(snapshot_date) AND basis = 'feature')\n"
        'GROUP BY subject ORDER BY "CSI" DESC NULLS LAST, subject'
    )
    description = (
        "The newest month, the largest shift first. KS is for numbers, unseen values (never met in "
        "training) are for categories; change of missing is against training."
    )
    panel = rows_table("Features in the newest month", description, [statement(text)], (24, 14))
    for name in ("CSI", "KS"):
        panel.override_by_name(name, [*in_unit("short", 3), *colored_cells(*BANDS)])
    panel.override_by_regexp("of noise$", in_unit("short", 3))
    return panel.override_by_regexp("^(Missing|Change of missing|Unseen)$", in_unit(RATE, 1))


def _missing() -> statushistory.Panel:
    description = "Share of applicants without a value, of the features that ever miss one."
    query = by_subject("feature", "missing_share", _ever("missing_share"))
    panel = heat_map("Missing values by month", description, [query], (24, 14), RATE, 0)
    return panel.thresholds(thresholds((0.05, YELLOW), (0.20, ORANGE), (0.50, RED)))


def _missing_change() -> timeseries.Panel:
    description = (
        "How much larger the missing share is than in training, of the features that ever miss a "
        "value: a jump is a source that stopped or changed."
    )
    query = by_subject("feature", "missing_share_change", _ever("missing_share"))
    return lines("Change of missing values since training", description, [query], (12, 10), RATE, 1)


def _unseen() -> timeseries.Panel:
    description = "Share of applicants whose category was never met in training."
    query = by_subject("feature", "unseen_share")
    return lines("Unseen categories", description, [query], (12, 10), RATE, 1).min(0)


def _ever(metric: str) -> str:
    """Return the condition that a feature has a share above 0 in some month in view."""
    return (
        "subject IN (\n    SELECT subject FROM monitoring_facts\n"  # noqa: S608 - only our own words
        f"    WHERE $__timeFilter(snapshot_date) AND metric = '{metric}' AND value > 0)"
    )
