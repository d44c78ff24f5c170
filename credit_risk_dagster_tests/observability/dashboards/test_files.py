"""The committed dashboards are those of the code, and what Grafana needs of them holds."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from credit_risk_dagster.observability.dashboards.files import rendered, write
from credit_risk_dagster.resources.metrics_store import SCHEMA
from credit_risk_dagster_tests.observability.dashboards.grafana import (
    FOLDER,
    NAMES,
    Json,
    dashboard,
    panels,
    targets,
)

SCHEMA_VERSION = 41
"""Of Grafana 11.6."""

PAGE_WIDTH = 24
TABLE_AFTER = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)\b(?!\()")


def test_the_committed_files_are_what_the_code_gives(tmp_path: Path) -> None:
    files = {path.name: path.read_text() for path in (FOLDER / "dashboards").iterdir()}

    assert files == rendered(), "run `python -m credit_risk_dagster.observability.dashboards`"
    assert {path.name: path.read_text() for path in write(tmp_path)} == files


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_one_that_grafana_can_load(name: str) -> None:
    content = dashboard(name)
    numbers = [panel["id"] for panel in content["panels"]]

    assert content["schemaVersion"] == SCHEMA_VERSION
    assert re.fullmatch(r"[a-z-]{1,40}", content["uid"])
    assert content["timezone"] == "utc", "elsewhere a month would begin on the last day before it"
    assert content["time"] == {"from": "now-3y", "to": "now"}
    assert numbers == list(range(1, len(numbers) + 1))
    for panel in panels(content):
        assert panel["title"]
        assert len(panel["description"]) > 20
        assert panel["fieldConfig"]["defaults"].get("unit") or panel["type"] == "table"
        references = [query["refId"] for query in panel["targets"]]
        assert len(set(references)) == len(references)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_one_that_grafanas_schema_knows(name: str) -> None:
    register_default_plugins()
    content = dashboard(name)
    content.pop("annotations", None)  # the schema knows only those of Grafana's own database

    understood = json.loads(JSONEncoder().encode(Dashboard.from_json(content)))

    assert not set(leaves(content)) - set(leaves(understood))


@pytest.mark.parametrize("name", NAMES)
def test_panels_fill_the_page_without_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    rows: dict[int, int] = {}
    for panel in dashboard(name)["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= PAGE_WIDTH
        taken |= cells
        rows[place["y"]] = rows.get(place["y"], 0) + place["w"]

    assert set(rows.values()) == {PAGE_WIDTH}


def test_every_uid_is_its_own_and_every_name_within_a_dashboard() -> None:
    uids = [dashboard(name)["uid"] for name in NAMES]

    assert len(set(uids)) == len(uids)
    assert len({target.name for target in targets()}) == len(targets())


def test_every_query_goes_to_a_data_source_that_is_provisioned() -> None:
    provisioned = {(source["type"], source["uid"]) for source in sources()}

    for target in targets():
        asked = target.query["datasource"]
        assert (asked["type"], asked["uid"]) in provisioned, target.name
        assert target.content["datasource"] == asked, target.name
        assert target.is_sql == (asked["type"] != "prometheus")


def test_sql_reads_tables_of_the_metrics_store_and_changes_nothing() -> None:
    for target in (target for target in targets() if target.is_sql):
        text = target.query["rawSql"]
        own = set(re.findall(r"\b([a-z_]+) AS \(", text))
        assert set(TABLE_AFTER.findall(text)) - own <= set(SCHEMA.tables), target.name
        assert re.match(r"(SELECT|WITH)\b", text)
        assert ";" not in text


def test_sql_panels_follow_the_time_that_the_dashboard_shows() -> None:
    for target in (target for target in targets() if target.is_sql):
        assert "$__timeFilter(" in target.query["rawSql"], target.name


def test_provisioning_takes_the_password_from_the_environment_and_finds_the_files() -> None:
    (postgres,) = (source for source in sources() if source["type"] != "prometheus")
    (provider,) = provisioning("dashboards")["providers"]

    assert re.fullmatch(r"\$[A-Z_]+", postgres["secureJsonData"]["password"])
    assert postgres["user"] == "grafana"
    assert postgres["jsonData"]["database"] == "monitoring"
    assert all(not source["editable"] for source in sources())
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


def leaves(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return every value of a document that holds no other, with its place."""
    if isinstance(content, dict | list) and content:
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, inner in items:
            yield from leaves(inner, f"{path}/{key}")
    else:
        yield path, repr(content)


def sources() -> list[Json]:
    found: list[Json] = provisioning("datasources")["datasources"]
    return found


def provisioning(kind: str) -> Json:
    (file,) = (FOLDER / "provisioning" / kind).iterdir()
    content: Json = yaml.safe_load(file.read_text())
    return content
