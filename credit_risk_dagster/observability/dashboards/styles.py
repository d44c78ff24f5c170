"""How panels look: colors, limits, intervals, units of single series or columns."""

from collections.abc import Iterable, Mapping

from grafana_foundation_sdk.builders import common, dashboard, timeseries
from grafana_foundation_sdk.models.common import GraphThresholdsStyleMode
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

BLUE, ORANGE, GREEN, YELLOW, RED, GREY = "blue", "orange", "green", "yellow", "red", "#8e8e8e"


def with_interval(panel: timeseries.Panel, name: str, color: str) -> timeseries.Panel:
    """Shade the interval of a series, whose ends come as `<name>, lower` and `<name>, upper`."""
    hidden = [
        custom("lineWidth", 0),
        custom("showPoints", "never"),
        custom("hideFrom", {"legend": True, "tooltip": False, "viz": False}),
        fixed_color(color),
    ]
    shaded = [custom("fillBelowTo", f"{name}, lower"), custom("fillOpacity", 15)]
    return (
        panel.override_by_name(name, [fixed_color(color)])
        .override_by_name(f"{name}, lower", hidden)
        .override_by_name(f"{name}, upper", [*hidden, *shaded])
    )


def dashed(
    panel: timeseries.Panel, name: str, color: str, stepped: bool = False
) -> timeseries.Panel:
    """Draw a series as something to compare with: dashed, without points, in steps if it keeps."""
    style = custom("lineStyle", {"fill": "dash", "dash": [8, 6]})
    shape = custom("lineInterpolation", "stepAfter" if stepped else "linear")
    return panel.override_by_name(
        name, [fixed_color(color), style, shape, custom("showPoints", "never")]
    )


def limits(panel: timeseries.Panel, *bounds: tuple[float, str]) -> timeseries.Panel:
    """Draw limits as dashed lines."""
    style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(thresholds(*bounds, below="transparent")).thresholds_style(style)


def thresholds(*bounds: tuple[float, str], below: str = GREEN) -> dashboard.ThresholdsConfig:
    """Return colors by value: one below all bounds, then one from each bound on."""
    first = Threshold(value=None, color=below)
    rest = [Threshold(value=bound, color=color) for bound, color in bounds]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([first, *rest])


def words(texts: Mapping[str, tuple[str, str]]) -> list[ValueMap]:
    """Return how values are shown: as which text, in which color."""
    shown = {
        value: ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(texts.items())
    }
    return [ValueMap(options=shown)]


def custom(name: str, value: object) -> DynamicConfigValue:
    """Return an option of a series or column that belongs to its kind of panel."""
    return DynamicConfigValue(id_val=f"custom.{name}", value=value)


def fixed_color(color: str) -> DynamicConfigValue:
    """Return the color of a series."""
    return DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": color})


def in_unit(unit: str, decimals: int) -> list[DynamicConfigValue]:
    """Return the unit of a series or column that differs from the panel's."""
    return [
        DynamicConfigValue(id_val="unit", value=unit),
        DynamicConfigValue(id_val="decimals", value=decimals),
    ]


def colored_cells(*bounds: tuple[float, str], below: str = GREEN) -> list[DynamicConfigValue]:
    """Color the cells of a column by value."""
    return [
        custom("cellOptions", {"type": "color-background", "mode": "basic"}),
        DynamicConfigValue(id_val="thresholds", value=thresholds(*bounds, below=below).build()),
        DynamicConfigValue(id_val="color", value={"mode": "thresholds"}),
    ]


def arranged(names: Mapping[str, str], left_out: Iterable[str] = ()) -> DataTransformerConfig:
    """Rename columns, order them as named, and leave some out."""
    options = {
        "renameByName": dict(names),
        "indexByName": {name: index for index, name in enumerate(names)},
        "excludeByName": dict.fromkeys(left_out, True),
    }
    return DataTransformerConfig(id_val="organize", options=options)
