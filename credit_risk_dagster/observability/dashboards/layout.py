"""What all dashboards share: identity, time range, links to one another, and their file."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    RowPanel,
)

TAG = "credit-risk"
YEARS_SHOWN = 3

Rows = Mapping[str, Sequence[Builder[Panel]]]
"""The panels of a dashboard under the headings of its rows, from left to right."""


def laid_out(name: str, title: str, description: str, rows: Rows) -> dashboard.Dashboard:
    """Return a dashboard of rows of panels.

    Args:
        name: its file's name, and the end of its address.
        title: as people know it.
        description: what it answers.
        rows: what it shows.
    """
    board = (
        dashboard.Dashboard(title)
        .uid(f"{TAG}-{name.replace('_', '-')}")
        .description(description)
        .tags([TAG])
        .timezone("utc")
        .time(f"now-{YEARS_SHOWN}y", "now")
        .refresh("5m")
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_links())
    )
    for heading, panels in rows.items():
        board.with_row(dashboard.Row(heading))
        for panel in panels:
            board.with_panel(panel)
    return board


def numbered(board: Dashboard) -> Dashboard:
    """Give every panel of a dashboard its own number, from top to bottom."""
    panels: list[Panel | RowPanel] = list(board.panels or [])
    for number, panel in enumerate(panels, start=1):
        panel.id_val = number
    return board


def _links() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Credit risk")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .keep_time(True)
    )
