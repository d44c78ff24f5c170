"""What the doctor says of one thing."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["ok", "warning", "failed"]
_ORDER: tuple[Status, ...] = ("ok", "warning", "failed")


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it is, what was found, and what to do about it."""

    check: str
    status: Status
    found: str
    remedy: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the line as what JSON can hold."""
        return asdict(self)


def ok(check: str, found: str) -> Finding:
    """Return that something is well."""
    return Finding(check, "ok", found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """Return that something will need a person."""
    return Finding(check, "warning", found, remedy)


def failed(check: str, found: str, remedy: str) -> Finding:
    """Return that something does not work, or will not."""
    return Finding(check, "failed", found, remedy)


def worst(findings: Sequence[Finding]) -> Status:
    """Return the worst status of all."""
    return max((finding.status for finding in findings), key=_ORDER.index, default="ok")
