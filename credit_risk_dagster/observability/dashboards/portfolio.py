"""Portfolio: the loan book by vintage, by bucket of missed instalments, and in volume."""

from itertools import pairwise

from grafana_foundation_sdk.builders import common, dashboard, stat, table, timeseries
from grafana_foundation_sdk.models.common import GraphDrawStyle, StackingMode

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
    by_month,
    by_subject,
    statement,
    with_bounds,
)
from credit_risk_dagster.observability.dashboards.styles import (
    BLUE,
    ORANGE,
    RED,
    YELLOW,
    colored_cells,
    in_unit,
    with_interval,
)
from credit_risk_dagster.observability.dashboards.vintages import vintage_curves, vintage_table
from credit_risk_dagster.tables.portfolio import BUCKETS

WORSE = tuple(f"{less} to {more}" for less, more in pairwise(BUCKETS))
CURED = tuple(f"{late} to {BUCKETS[0]}" for late in BUCKETS[1:])
MISSED = "missed instalments"
ARREARS = "In arrears"
VOLUMES = {
    "Applications": "applications",
    "Scored applicants": "scored_applicants",
    "New loans": "originated_loans",
}
AMOUNTS = {"Outstanding balance": "outstanding_balance", "New loans": "originated_amount"}


def portfolio() -> dashboard.Dashboard:
    """Return the dashboard."""
    return laid_out(
        "portfolio",
        "Portfolio",
        "The loan book: how vintages age, how loans move between buckets of missed instalments, "
        "how much is applied for, lent and delivered.",
        {
            "Newest month": [_newest()],
            "Vintages": [vintage_curves(), vintage_table()],
            "Moves between buckets of missed instalments": [
                _moves("Getting worse", WORSE),
                _moves("Paying again", CURED),
                _newest_moves(),
            ],
            "Defaults and arrears": [_default_rate(), _arrears()],
            "Volumes": [
                _volumes("Applications and new loans", VOLUMES),
                _volumes("Amounts", AMOUNTS),
                _volumes("Loans with a balance", {"Active loans": "active_loans"}),
            ],
            "Delivered rows": [
                _delivered("accepted"),
                _delivered("quarantined"),
                _delivered("duplicate"),
                _newest_delivery(),
            ],
        },
    )


def _newest() -> stat.Panel:
    names = VOLUMES | {"Active loans": "active_loans", "Balance": "outstanding_balance"}
    rates = {ARREARS: "arrears_rate", "Default rate": "default_rate"}
    figures = {name: Figure("book", metric) for name, metric in (names | rates).items()}
    description = (
        f"The newest known figures. {ARREARS}: as much as a default is. Default rate: of the loans "
        "whose label matured."
    )
    panel = numbers("The book", description, [by_month(figures)], (24, 4))
    for name in rates:
        panel.override_by_name(name, in_unit(RATE, 1))
    return panel


def _moves(title: str, moves: tuple[str, ...]) -> timeseries.Panel:
    figures = {move: Figure("roll", "roll_rate", move) for move in moves}
    description = (
        "Roll rates: of the loans in a bucket last month, the share that is in the other now. "
        f"Buckets are {MISSED}."
    )
    return lines(title, description, [by_month(figures)], (8, 10), RATE, 1).min(0)


def _newest_moves() -> table.Panel:
    columns = ",\n".join(
        f"  max(value) FILTER (WHERE split_part(subject, ' to ', 2) = '{bucket}') AS \"{bucket}\""
        for bucket in BUCKETS
    )
    text = (
        "SELECT split_part(subject, ' to ', 1) AS \"From\", "  # noqa: S608 - only our own words
        'max(sample_size) AS "Loans",\n'
        f"{columns}\nFROM monitoring_facts\nWHERE metric = 'roll_rate' AND snapshot_date = (\n"
        "    SELECT max(snapshot_date) FROM monitoring_facts\n"
        "    WHERE $__timeFilter(snapshot_date) AND metric = 'roll_rate')\n"
        "GROUP BY split_part(subject, ' to ', 1)\nORDER BY \"From\""
    )
    description = f"From the bucket of last month (row) to that of the newest (column), {MISSED}."
    panel = rows_table("Moves into the newest month", description, [statement(text)], (8, 10))
    return panel.override_by_regexp("^[0-9]", in_unit(RATE, 1))


def _default_rate() -> timeseries.Panel:
    figures = with_bounds("Default rate", "book", "default_rate")
    description = (
        "Of the loans whose label matured in the month, the share in default, with its 95 % "
        "interval."
    )
    panel = lines("Default rate", description, [by_month(figures)], (12, 9), RATE, 1)
    return with_interval(panel, "Default rate", ORANGE)


def _arrears() -> timeseries.Panel:
    figures = with_bounds(ARREARS, "book", "arrears_rate")
    description = "Share of the loans with a balance that are as much in arrears as a default is."
    panel = lines(ARREARS, description, [by_month(figures)], (12, 9), RATE, 1)
    return with_interval(panel, ARREARS, BLUE)


def _volumes(title: str, names: dict[str, str]) -> timeseries.Panel:
    figures = {name: Figure("book", metric) for name, metric in names.items()}
    description = (
        "By month. Amounts are in the currency of the extracts; an application without a loan is "
        "counted, not scored."
    )
    return lines(title, description, [by_month(figures)], (8, 9), decimals=0).min(0)


def _delivered(outcome: str) -> timeseries.Panel:
    meanings = {
        "accepted": "Rows that went into the silver tables, by source.",
        "quarantined": "Rows set aside with a reason, unreadable lines included, by source.",
        "duplicate": "Rows that repeat a key, of which one was kept, by source.",
    }
    query = by_subject("delivery", f"rows_{outcome}")
    title = f"Rows: {outcome}"
    panel = lines(title, meanings[outcome], [query], (8, 9), decimals=0)
    stacked = common.StackingConfig().mode(StackingMode.NORMAL)
    return panel.draw_style(GraphDrawStyle.BARS).fill_opacity(70).stacking(stacked).min(0)


def _newest_delivery() -> table.Panel:
    outcomes = ("delivered", "accepted", "quarantined", "duplicate")
    columns = ",\n".join(
        f"  max(value) FILTER (WHERE metric = 'rows_{outcome}') AS \"{outcome.capitalize()}\""
        for outcome in outcomes
    )
    text = (
        'SELECT to_char(snapshot_date, \'YYYY-MM\') AS "Month", subject AS "Source",\n'
        f"{columns},\n"
        "  max(value) FILTER (WHERE metric = 'rows_quarantined')\n"
        "    / nullif(max(value) FILTER (WHERE metric = 'rows_delivered'), 0)"
        ' AS "Share quarantined"\n'
        "FROM monitoring_facts\nWHERE $__timeFilter(snapshot_date) AND basis = 'delivery'\n"
        'GROUP BY snapshot_date, subject ORDER BY snapshot_date DESC, "Source"'
    )
    description = "What became of every delivered row: accepted, quarantined and duplicate add up."
    panel = rows_table("Deliveries", description, [statement(text)], (24, 10))
    panel.override_by_regexp("^(Delivered|Accepted|Quarantined|Duplicate)$", in_unit(NUMBER, 0))
    share = [*in_unit(RATE, 2), *colored_cells((0.01, YELLOW), (0.05, RED))]
    return panel.override_by_name("Share quarantined", share)
