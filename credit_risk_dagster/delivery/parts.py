"""What the files of one delivery are called: `loans_2024-01_part1of3.csv`, `loans.part-002.csv`."""

import re
from dataclasses import dataclass

_FORMATS = re.compile(r"(\.(csv|parquet))?(\.(gz|zst))?$", re.IGNORECASE)
_PART = re.compile(
    r"[._ -]?part[._ -]?(?P<part>\d{1,5})([._ -]?of[._ -]?(?P<parts>\d{1,5}))?$", re.IGNORECASE
)


@dataclass(frozen=True)
class Part:
    """Which delivery a file belongs to.

    Attributes:
        delivery: the path of the file without part marker and format.
        part: its number, if it is one part of several.
        parts: how many there are, if it says so.
    """

    delivery: str
    part: int | None = None
    parts: int | None = None


def part_of(relative: str) -> Part:
    """Return which delivery a path of the raw folder belongs to."""
    stem = _FORMATS.sub("", relative)
    found = _PART.search(stem)
    if found is None:
        return Part(stem)
    parts = found["parts"]
    return Part(stem[: found.start()], int(found["part"]), int(parts) if parts else None)
