"""Panels of calibration: whether as many loans default as the scores said, overall and by band."""

from grafana_foundation_sdk.builders import barchart, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from credit_risk_dagster.observability.dashboards.panels import RATE, bars, lines, rows_table
from credit_risk_dagster.observability.dashboards.queries import (
    Figure,
    by_month,
    by_subject,
    statement,
    with_bounds,
)
from credit_risk_dagster.observability.dashboards.styles import (
    BLUE,
    GREY,
    ORANGE,
    dashed,
    in_unit,
    limits,
    with_interval,
)

COLORS = {"Current": BLUE, "Issued": ORANGE}


def calibration_panels() -> list[Builder[Panel]]:
    """Return the panels, from the whole book to its bands."""
    return [
        _default_rates("Current"),
        _default_rates("Issued"),
        _ratio(),
        _recalibration(),
        _brier(),
        _newest_bands("Current"),
        _newest_bands("Issued"),
        _band_table(),
        _bands_over_time("Current"),
        _bands_over_time("Issued"),
    ]


def _default_rates(name: str) -> timeseries.Panel:
    basis = name.lower()
    figures = with_bounds("Observed", basis, "observed_default_rate")
    figures |= {"Expected": Figure(basis, "expected_default_rate")}
    description = (
        "Share of matured loans that defaulted, with its 95 % interval, and the mean probability "
        "that the scores gave them. Outside the shade, the scores are too low or too high."
    )
    query = by_month(figures)
    panel = lines(f"{name}: default rate", description, [query], (12, 9), RATE, 1)
    return dashed(with_interval(panel, "Observed", COLORS[name]), "Expected", GREY)


def _ratio() -> timeseries.Panel:
    figures: dict[str, Figure] = {}
    for name in COLORS:
        figures |= with_bounds(name, name.lower(), "observed_expected_ratio")
    description = (
        "Defaults over the number that the scores expected. Above 1, risk is underestimated; noise "
        "where the shade holds 1."
    )
    panel = lines("Observed over expected", description, [by_month(figures)], (8, 9))
    for name, color in COLORS.items():
        with_interval(panel, name, color)
    return limits(panel, (1.0, GREY))


def _recalibration() -> timeseries.Panel:
    figures = {
        f"{name}: {metric}": Figure(name.lower(), f"calibration_{metric}")
        for name in COLORS
        for metric in ("slope", "intercept")
    }
    description = (
        "How scores would have to be stretched and shifted to fit the outcomes, in log odds: a "
        "slope of 1 and an intercept of 0 need nothing. A slope below 1: scores are too extreme."
    )
    panel = lines("Slope and intercept", description, [by_month(figures)], (8, 9))
    return limits(panel, (0.0, GREY), (1.0, GREY))


def _brier() -> timeseries.Panel:
    figures = {name: Figure(name.lower(), "brier") for name in COLORS}
    description = "Mean squared distance of probability and outcome: the lower, the better."
    return lines("Brier score", description, [by_month(figures)], (8, 9), decimals=3).min(0)


def _newest_bands(name: str) -> barchart.Panel:
    basis = name.lower()
    text = (
        'SELECT subject AS "Band",\n'
        "  max(value) FILTER (WHERE metric = 'observed_default_rate') AS \"Observed\",\n"
        "  max(value) FILTER (WHERE metric = 'expected_default_rate') AS \"Expected\"\n"
        f"FROM monitoring_facts\nWHERE basis = '{basis}' AND subject LIKE 'band %'\n"
        f"  AND snapshot_date = ({_newest_month(basis)})\n"
        "GROUP BY subject ORDER BY subject"
    )
    description = "Default rate of each score band in the newest month that has outcomes."
    title = f"{name}: newest month by band"
    return bars(title, description, [statement(text)], (8, 9), "Band", RATE)


def _band_table() -> table.Panel:
    parts = [
        f"SELECT '{name}' AS \"Basis\", to_char(observed.snapshot_date, 'YYYY-MM') AS \"Month\",\n"
        '  observed.subject AS "Band", observed.sample_size AS "Loans",\n'
        '  observed.value AS "Observed", observed.lower AS "From", observed.upper AS "To",\n'
        '  expected.value AS "Expected"\n'
        "FROM monitoring_facts AS observed\n"
        "JOIN monitoring_facts AS expected USING (snapshot_date, source, basis, subject)\n"
        f"WHERE basis = '{name.lower()}' AND subject LIKE 'band %'\n"
        "  AND observed.metric = 'observed_default_rate'\n"
        "  AND expected.metric = 'expected_default_rate'\n"
        f"  AND snapshot_date = ({_newest_month(name.lower())})"
        for name in COLORS
    ]
    text = "\nUNION ALL\n".join(parts) + '\nORDER BY "Basis", "Band"'
    description = "The same with the loans behind it and the 95 % interval of the observed rate."
    panel = rows_table("Newest month by band", description, [statement(text)], (8, 9))
    return panel.override_by_regexp("^(Observed|From|To|Expected)$", in_unit(RATE, 1))


def _bands_over_time(name: str) -> timeseries.Panel:
    query = by_subject(name.lower(), "observed_default_rate", "subject LIKE 'band %'")
    description = "Observed default rate of each score band: bands should keep their order."
    return lines(f"{name}: default rate by band", description, [query], (12, 9), RATE, 1)


def _newest_month(basis: str) -> str:
    return (
        "SELECT max(snapshot_date) FROM monitoring_facts\n"  # noqa: S608 - only our own words
        f"    WHERE $__timeFilter(snapshot_date) AND basis = '{basis}'\n"
        "    AND metric = 'observed_default_rate' AND value IS NOT NULL"
    )
