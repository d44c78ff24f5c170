"""Of PostgreSQL's tools the one that fits the server is taken."""

from pathlib import Path

import pytest

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations import postgresql


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[int, Path]:
    """Tools of release 18 on the path, and of 16 and 17 where Debian keeps them."""
    debian = tmp_path / "postgresql"
    places = {18: tmp_path / "bin"} | {release: debian / f"{release}/bin" for release in (16, 17)}
    for release, place in places.items():
        place.mkdir(parents=True)
        tool = place / "pg_dump"
        tool.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {release}.2'\n")
        tool.chmod(0o700)
    monkeypatch.setattr(postgresql, "DEBIAN_PLACE", debian)
    monkeypatch.setenv("PATH", str(places[18]))
    return {release: place / "pg_dump" for release, place in places.items()}


@pytest.mark.parametrize(("server", "taken"), [(15, 16), (16, 16), (17, 17), (18, 18)])
def test_the_tool_of_the_servers_release_is_taken_or_the_next_newer_one(
    tools: dict[int, Path], server: int, taken: int
) -> None:
    assert postgresql.find_tool("pg_dump", server) == tools[taken]


@pytest.mark.parametrize(("name", "server"), [("pg_dump", 19), ("pg_restore", 18)])
def test_where_none_fits_it_is_said_what_to_install(
    tools: dict[int, Path], name: str, server: int
) -> None:
    with pytest.raises(PlatformError, match=f"no {name} of release {server} or newer was found"):
        postgresql.find_tool(name, server)
