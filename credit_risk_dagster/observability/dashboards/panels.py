"""The kinds of panels that the dashboards are made of, in one look."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import (
    barchart,
    common,
    dashboard,
    stat,
    statushistory,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    FieldColorModeId,
)

from credit_risk_dagster.observability.dashboards.queries import MONITORING

RATE, NUMBER = "percentunit", "short"

Queries = Sequence[Builder[Dataquery]]
Size = tuple[int, int]
"""Width in 24ths of the page, and height in rows of 30 pixels."""


def lines(
    title: str,
    description: str,
    queries: Queries,
    size: Size,
    unit: str = NUMBER,
    decimals: int = 2,
    source: DataSourceRef = MONITORING,
) -> timeseries.Panel:
    """Show series over time as lines with a point for each month."""
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(source)
        .targets(list(queries))
        .span(size[0])
        .height(size[1])
        .unit(unit)
        .decimals(decimals)
        .line_width(2)
        .point_size(6)
        .show_points(VisibilityMode.ALWAYS)
        .legend(_legend())
        .tooltip(_tooltip())
    )


def numbers(
    title: str,
    description: str,
    queries: Queries,
    size: Size,
    unit: str = NUMBER,
    decimals: int = 0,
    source: DataSourceRef = MONITORING,
) -> stat.Panel:
    """Show the newest known value of each series as a number."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(source)
        .targets(list(queries))
        .span(size[0])
        .height(size[1])
        .unit(unit)
        .decimals(decimals)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.FIXED).fixed_color("text"))
    )


def rows_table(
    title: str,
    description: str,
    queries: Queries,
    size: Size,
    source: DataSourceRef = MONITORING,
) -> table.Panel:
    """Show the rows of a query."""
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(source)
        .targets(list(queries))
        .span(size[0])
        .height(size[1])
        .filterable(True)
    )


def heat_map(
    title: str, description: str, queries: Queries, size: Size, unit: str, decimals: int = 2
) -> statushistory.Panel:
    """Show a row for each series and a colored cell for each month."""
    return (
        statushistory.Panel()
        .title(title)
        .description(description)
        .datasource(MONITORING)
        .targets(list(queries))
        .span(size[0])
        .height(size[1])
        .unit(unit)
        .decimals(decimals)
        .row_height(0.9)
        .show_value(VisibilityMode.AUTO)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .legend(_legend())
        .tooltip(_tooltip())
    )


def bars(
    title: str, description: str, queries: Queries, size: Size, x_field: str, unit: str
) -> barchart.Panel:
    """Show groups of bars side by side."""
    return (
        barchart.Panel()
        .title(title)
        .description(description)
        .datasource(MONITORING)
        .targets(list(queries))
        .span(size[0])
        .height(size[1])
        .unit(unit)
        .decimals(1)
        .x_field(x_field)
        .show_value(VisibilityMode.NEVER)
        .legend(_legend())
        .tooltip(_tooltip())
    )


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
    )


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI)
