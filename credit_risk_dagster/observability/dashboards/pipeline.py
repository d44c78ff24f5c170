"""Pipeline: whether the platform itself is in order, now and month by month."""

from grafana_foundation_sdk.builders import dashboard, stat, statushistory, table, timeseries
from grafana_foundation_sdk.models.common import BigValueColorMode
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
)

from credit_risk_dagster.observability.dashboards.layout import laid_out
from credit_risk_dagster.observability.dashboards.panels import (
    NUMBER,
    heat_map,
    lines,
    numbers,
    rows_table,
)
from credit_risk_dagster.observability.dashboards.queries import (
    PROMETHEUS,
    Sql,
    lately,
    now,
    rows,
    statement,
)
from credit_risk_dagster.observability.dashboards.styles import (
    GREEN,
    GREY,
    RED,
    YELLOW,
    arranged,
    custom,
    in_unit,
    thresholds,
    words,
)

LATELY = "30d"
"""What Prometheus is asked for, whatever the years that the dashboard shows."""

SCRAPED = ("Time", "__name__", "instance", "job", "Value", "alertstate")
DATE = "time:YYYY-MM-DD HH:mm"
LIGHTS = {
    "0": ("not known yet", GREY),
    "1": ("fine", GREEN),
    "2": ("watch", YELLOW),
    "3": ("act", RED),
}


def pipeline() -> dashboard.Dashboard:
    """Return the dashboard."""
    return laid_out(
        "pipeline",
        "Pipeline",
        "Whether months run, on time and with all checks passed; what is wrong, and since when.",
        {
            "Now": [
                _readable(),
                _newest_month(),
                _last_success(),
                _failed_checks(),
                _alerts_open(),
            ],
            "Conditions, month by month": [_conditions(), _newest_conditions(), _alerts()],
            "Runs and checks": [_runs(), _durations(), _checks(), _checks_lately()],
            "Freshness": [_tables(), _deliveries(), _firing()],
        },
    )


def _readable() -> stat.Panel:
    description = (
        "Parts of the platform that the exporter can read; what it cannot is missing here."
    )
    query = now("credit_risk_exporter_up", "{{part}}")
    panel = numbers("Can be read", description, [query], (8, 4), source=PROMETHEUS)
    shown = words({"0": ("no", RED), "1": ("yes", GREEN)})
    return _colored(panel, 1, below=RED, beyond=GREEN).mappings(list(shown))


def _newest_month() -> stat.Panel:
    description = "The newest month of which everything was computed."
    query = now(
        '1000 * max(credit_risk_newest_month_timestamp_seconds{table="monitoring/performance"})'
    )
    return numbers("Newest month", description, [query], (4, 4), "time:YYYY-MM", 0, PROMETHEUS)


def _last_success() -> stat.Panel:
    description = "Time since the newest run that succeeded; beyond 35 days a month was missed."
    query = now("time() - max(credit_risk_last_success_timestamp_seconds)", "any job")
    panel = numbers("Since a run succeeded", description, [query], (4, 4), "s", 1, PROMETHEUS)
    return _colored(panel, 35 * 86400)


def _failed_checks() -> stat.Panel:
    description = "Checks that fail for the newest month, by severity."
    query = now("sum by (severity) (credit_risk_failed_checks)", "{{severity}}")
    panel = numbers("Failed checks", description, [query], (4, 4), source=PROMETHEUS)
    return _colored(panel, 1)


def _alerts_open() -> stat.Panel:
    description = "Alerts of the platform that have not recovered."
    query = now("sum(credit_risk_open_alerts)", "open")
    panel = numbers("Open alerts", description, [query], (4, 4), source=PROMETHEUS)
    return _colored(panel, 1)


def _colored(panel: stat.Panel, bound: float, below: str = GREEN, beyond: str = RED) -> stat.Panel:
    color = dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS)
    panel.color_scheme(color).color_mode(BigValueColorMode.BACKGROUND)
    return panel.thresholds(thresholds((bound, beyond), below=below))


def _conditions() -> statushistory.Panel:
    text = (
        'SELECT snapshot_date::timestamp AS "time",\n'
        "  replace(condition, '_', ' ') AS metric,\n"
        "  CASE light WHEN 'green' THEN 1 WHEN 'amber' THEN 2 WHEN 'red' THEN 3 ELSE 0 END"
        " AS value\n"
        "FROM monitoring_conditions\nWHERE $__timeFilter(snapshot_date)\n"
        "ORDER BY snapshot_date, condition"
    )
    description = "The traffic light of every condition that alerts speak of, by month."
    panel = heat_map("Conditions", description, [Sql(text)], (24, 8), NUMBER, 0)
    bounds = thresholds((1, GREEN), (2, YELLOW), (3, RED), below=GREY)
    return panel.thresholds(bounds).mappings(list(words(LIGHTS)))


def _newest_conditions() -> table.Panel:
    text = (
        "SELECT to_char(snapshot_date, 'YYYY-MM') AS \"Month\",\n"
        "  replace(condition, '_', ' ') AS \"Condition\", light AS \"Light\",\n"
        '  sentence AS "Found"\n'
        "FROM monitoring_conditions\nWHERE $__timeFilter(snapshot_date)\n"
        "ORDER BY snapshot_date DESC, condition"
    )
    description = "What was found, in words, the newest month first."
    panel = rows_table("What was found", description, [statement(text)], (12, 11))
    return panel.override_by_name("Light", _lights()).override_by_name("Found", [_wrapped()])


def _alerts() -> table.Panel:
    text = (
        "SELECT CASE WHEN recovered_at IS NULL THEN 'open' ELSE 'recovered' END AS \"State\",\n"
        '  severity AS "Severity", to_char(snapshot_date, \'YYYY-MM\') AS "Month",\n'
        '  condition AS "Condition", sentence AS "Found",\n'
        '  opened_at AS "Opened", recovered_at AS "Recovered"\n'
        "FROM alerts\nWHERE recovered_at IS NULL OR $__timeFilter(opened_at)\n"
        "ORDER BY recovered_at IS NOT NULL, opened_at DESC"
    )
    description = "Every alert that people were told of, the open ones first."
    panel = rows_table("Alerts", description, [statement(text)], (12, 11))
    panel.no_value("No alert").override_by_regexp("^(Opened|Recovered)$", in_unit(DATE, 0))
    return panel.override_by_name("Found", [_wrapped()])


def _runs() -> timeseries.Panel:
    description = f"Runs that Dagster keeps, by job and status, over the last {LATELY}."
    query = lately("sum by (job, status) (credit_risk_runs) > 0", "{{job}} {{status}}")
    panel = lines("Runs", description, [query], (12, 9), decimals=0, source=PROMETHEUS)
    return panel.time_from(LATELY).min(0)


def _durations() -> timeseries.Panel:
    description = f"How long the newest finished run of each job took, over the last {LATELY}."
    query = lately("credit_risk_run_duration_seconds", "{{job}}")
    panel = lines("Run duration", description, [query], (12, 9), "s", 0, PROMETHEUS)
    return panel.time_from(LATELY).min(0)


def _checks() -> table.Panel:
    description = "Checks that fail at their latest evaluation for the newest month."
    query = rows("credit_risk_check_failed")
    panel = rows_table("Failing checks", description, [query], (12, 9), PROMETHEUS)
    names = {"severity": "Severity", "table": "Table", "check": "Check"}
    return panel.transformations([arranged(names, SCRAPED)]).no_value("Every check passes")


def _checks_lately() -> timeseries.Panel:
    description = f"Checks that failed for the month that was newest, over the last {LATELY}."
    query = lately("sum by (severity) (credit_risk_failed_checks)", "{{severity}}")
    title = "Failed checks over time"
    panel = lines(title, description, [query], (12, 9), decimals=0, source=PROMETHEUS)
    return panel.time_from(LATELY).min(0)


def _tables() -> table.Panel:
    description = "Newest month of every table, and when it was last written."
    queries = [
        rows("1000 * max by (table) (credit_risk_newest_month_timestamp_seconds)", "Month"),
        rows("1000 * max by (table) (credit_risk_partition_written_timestamp_seconds)", "Written"),
    ]
    panel = rows_table("Tables", description, queries, (10, 12), PROMETHEUS)
    names = {"table": "Table", "Value #Month": "Newest month", "Value #Written": "Written"}
    merged = DataTransformerConfig(id_val="merge", options={})
    panel.transformations([merged, arranged(names, ["Time"])])
    panel.override_by_name("Newest month", in_unit("time:YYYY-MM", 0))
    return panel.override_by_name("Written", in_unit(DATE, 0))


def _deliveries() -> table.Panel:
    description = "When the extract behind each source's newest month was last changed."
    query = rows("1000 * max by (source) (credit_risk_delivery_timestamp_seconds)")
    panel = rows_table("Extracts", description, [query], (6, 12), PROMETHEUS)
    panel.transformations([arranged({"source": "Source", "Value": "Changed"}, ["Time"])])
    return panel.override_by_name("Changed", in_unit(DATE, 0))


def _firing() -> table.Panel:
    description = "Alert rules of Prometheus that hold now."
    query = rows('ALERTS{alertstate="firing"}')
    panel = rows_table("Prometheus rules that fire", description, [query], (8, 12), PROMETHEUS)
    names = {"severity": "Severity", "alertname": "Rule", "table": "Table", "check": "Check"}
    left_out = [name for name in SCRAPED if name != "job"]
    return panel.transformations([arranged(names, left_out)]).no_value("No rule fires")


def _lights() -> list[DynamicConfigValue]:
    shown = words(
        {
            light: (light, color)
            for light, color in (("green", GREEN), ("amber", YELLOW), ("red", RED), ("grey", GREY))
        }
    )
    return [
        DynamicConfigValue(id_val="mappings", value=shown),
        custom("cellOptions", {"type": "color-background", "mode": "basic"}),
        custom("width", 90),
    ]


def _wrapped() -> DynamicConfigValue:
    return custom("cellOptions", {"type": "auto", "wrapText": True})
