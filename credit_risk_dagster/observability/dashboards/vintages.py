"""Panels of vintages: how the loans of each origination month have fared by months on book."""

from grafana_foundation_sdk.builders import table, trend
from grafana_foundation_sdk.builders.common import VizLegendOptions
from grafana_foundation_sdk.models.common import (
    LegendDisplayMode,
    LegendPlacement,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from credit_risk_dagster.observability.dashboards.panels import RATE, rows_table
from credit_risk_dagster.observability.dashboards.queries import MONITORING, statement
from credit_risk_dagster.observability.dashboards.styles import (
    ORANGE,
    RED,
    YELLOW,
    colored_cells,
    in_unit,
)

MONTHS_ON_BOOK = "Months on book"
VINTAGE = "Vintage"
SEEN_MONTHS = range(1, 13)

MEANING = (
    "Vintage: the loans of one origination month. Share of them that was ever as much in arrears "
    "as a default is, by months on book."
)

SEEN = (
    "WITH seen AS (\n"
    "  SELECT to_date(subject, 'YYYY-MM') AS originated, subject AS vintage, value, sample_size,\n"
    "    (extract(year FROM age(snapshot_date, to_date(subject, 'YYYY-MM'))) * 12\n"
    "      + extract(month FROM age(snapshot_date, to_date(subject, 'YYYY-MM'))))::int AS months\n"
    "  FROM monitoring_facts WHERE metric = 'cumulative_arrears_rate'\n"
    ")\n"
)


def vintage_curves() -> trend.Panel:
    """Return one line for each vintage, over months on book."""
    text = (
        f'{SEEN}SELECT months AS "{MONTHS_ON_BOOK}", vintage AS "{VINTAGE}", value AS "Share"\n'
        "FROM seen WHERE $__timeFilter(originated)\nORDER BY months, vintage"
    )
    x_field = f"{MONTHS_ON_BOOK}\\{VINTAGE}"  # as the first transformation names it
    one_column_a_vintage = DataTransformerConfig(
        id_val="groupingToMatrix",
        options={
            "rowField": MONTHS_ON_BOOK,
            "columnField": VINTAGE,
            "valueField": "Share",
            "emptyValue": "null",
        },
    )
    as_numbers = DataTransformerConfig(
        id_val="convertFieldType",
        options={"conversions": [{"targetField": x_field, "destinationType": "number"}]},
    )
    legend = VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
    return (
        trend.Panel()
        .title("Vintage curves")
        .description(f"{MEANING} A curve that runs above the older ones is a warning.")
        .datasource(MONITORING)
        .targets([statement(text)])
        .transformations([one_column_a_vintage, as_numbers])
        .span(12)
        .height(13)
        .x_field(x_field)
        .unit(RATE)
        .decimals(1)
        .min(0)
        .line_width(2)
        .show_points(VisibilityMode.ALWAYS)
        .span_nulls(False)
        .legend(legend.placement(LegendPlacement.RIGHT))
    )


def vintage_table() -> table.Panel:
    """Return a row for each vintage and a column for each month on book."""
    columns = ",\n".join(
        f'  max(value) FILTER (WHERE months = {month}) AS "{month}"' for month in SEEN_MONTHS
    )
    text = (
        f'{SEEN}SELECT vintage AS "{VINTAGE}", max(sample_size) AS "Loans",\n{columns}\n'
        "FROM seen WHERE $__timeFilter(originated)\n"
        "GROUP BY vintage ORDER BY vintage DESC"
    )
    description = f"{MEANING} Columns are months on book; empty is not known yet."
    panel = rows_table("Vintages by months on book", description, [statement(text)], (12, 13))
    cells = colored_cells((0.1, YELLOW), (0.2, ORANGE), (0.3, RED))
    return panel.override_by_regexp("^[0-9]+$", [*in_unit(RATE, 1), *cells])
