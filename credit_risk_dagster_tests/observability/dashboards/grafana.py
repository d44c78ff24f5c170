"""What Grafana does with the committed dashboards: their targets, macros and time range."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dateutil.relativedelta import relativedelta

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "grafana"
NAMES = ("model_performance", "drift", "portfolio", "pipeline")

MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
"""As Grafana's PostgreSQL data source finds macros: an argument cannot hold a parenthesis."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A query of a panel, or of a dashboard's annotations, with the panel around it."""

    dashboard: str
    panel: str
    query: Json
    content: Json = field(repr=False)

    @property
    def name(self) -> str:
        """What names it in a test."""
        return f"{self.dashboard}-{self.panel}-{self.query['refId']}"

    @property
    def is_sql(self) -> bool:
        """Whether it is for PostgreSQL."""
        return "rawSql" in self.query


def dashboard(name: str) -> Json:
    """Return a committed dashboard."""
    content: Json = json.loads((FOLDER / "dashboards" / f"{name}.json").read_text())
    return content


def panels(content: Json) -> Iterator[Json]:
    """Return every panel of a dashboard that shows something, those in folded rows included."""
    for panel in content["panels"]:
        yield from (panel["panels"] if panel["type"] == "row" else [panel])


def targets() -> list[Target]:
    """Return every query of every dashboard."""
    found = []
    for name in NAMES:
        content = dashboard(name)
        for panel in panels(content):
            found += [Target(name, panel["title"], query, panel) for query in panel["targets"]]
        for annotation in content.get("annotations", {}).get("list", []):
            found.append(Target(name, annotation["name"], annotation["target"], annotation))
    return found


def default_range(name: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the time that a dashboard shows when it is opened."""
    shown = dashboard(name)["time"]
    years = re.fullmatch(r"now-(\d+)y", shown["from"])
    assert years is not None
    assert shown["to"] == "now"
    return now - relativedelta(years=int(years[1])), now


def expanded(sql: str, start: datetime, end: datetime) -> str:
    """Return the statement that Grafana sends to PostgreSQL."""
    first, last = (f"'{time:%Y-%m-%dT%H:%M:%SZ}'" for time in (start, end))

    def value(match: re.Match[str]) -> str:
        name, argument = match.groups()
        values = {
            "__timeFilter": f"{argument} BETWEEN {first} AND {last}",
            "__timeFrom": first,
            "__timeTo": last,
        }
        return values[name]

    statement = MACRO.sub(value, sql)
    assert "$" not in statement, statement
    return statement
