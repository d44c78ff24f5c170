"""What docker-compose.yaml says, for tests that read it or do what it says."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).resolve().parents[2]
COMPOSE_FILE = TOP / "docker-compose.yaml"

Service = dict[str, Any]


@cache
def composed() -> dict[str, Any]:
    """Return the compose file with its anchors and merges resolved; do not change it."""
    content: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
    return content


def services() -> dict[str, Service]:
    """Return every service by name."""
    named: dict[str, Service] = composed()["services"]
    return named


@dataclass(frozen=True)
class Mount:
    """What a service mounts: a volume, or a path that starts with `./` or `${`; and where."""

    source: str
    inside: str
    read_only: bool
    subpath: str = ""


def mounts(service: Service) -> list[Mount]:
    """Return what a service mounts, from the short form and the long one."""
    return [
        Mount(one["source"], one["target"], one["read_only"], one["volume"]["subpath"])
        if isinstance(one, dict)
        else _mount(one)
        for one in service.get("volumes", [])
    ]


def _mount(short: str) -> Mount:
    place = short.removesuffix(":ro")
    source, inside = place.rsplit(":", 1)
    return Mount(source, inside, read_only=place != short)


def dependencies(service: Service) -> list[str]:
    """Return the services that must be healthy before this one starts."""
    return list(service.get("depends_on", {}))
