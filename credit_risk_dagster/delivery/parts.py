"""What the files of one delivery are called: `loans_2024-01_part1of3.csv`, `loans.part-002.csv`."""

import re
from dataclasses import dataclass

from credit_risk_dagster.delivery.formats import without_suffix

_PART = re.compile(
    r"[ _.-]*(?<![0-9A-Za-z])part[ _.-]*(?P<part>\d{1,5})"
    r"(?:[ _.-]*of[ _.-]*(?P<parts>\d{1,5}))?(?![0-9A-Za-z])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Part:
    """Which delivery a file belongs to.

    Attributes:
        delivery: the path of the file without part marker and format: parts of one have it alike.
        part: its number, if it is one part of several.
        parts: how many there are, if it says so.
    """

    delivery: str
    part: int | None = None
    parts: int | None = None


def part_of(relative: str) -> Part:
    """Return which delivery a path of the raw folder belongs to."""
    folder, slash, name = relative.rpartition("/")
    stem = without_suffix(name)
    delivery = f"{folder}{slash}{_PART.sub('', stem).lstrip(' _.-')}".rstrip("/")
    found = _PART.search(stem)
    if found is None:
        return Part(delivery)
    parts = found["parts"]
    return Part(delivery, int(found["part"]), int(parts) if parts else None)
