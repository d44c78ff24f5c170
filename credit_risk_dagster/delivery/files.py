"""Which files of the raw folder belong to a source, and for which month."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster.months import parse_month

# 2024-01, 2024_01 or 202401, with the day in the same style, standing by itself.
_DATE = re.compile(
    r"(?<![0-9A-Za-z])(?P<year>(?:19|20)\d\d)(?P<style>[-_]?)(?P<month>0[1-9]|1[0-2])"
    r"(?:(?P=style)(?P<day>\d\d))?(?![0-9A-Za-z])"
)
_UNFINISHED = (".tmp", ".part")


@dataclass(frozen=True)
class DeliveredFile:
    """One file of a source; `month` is None where the file is cumulative."""

    path: Path
    relative: str
    month: str | None
    size: int
    modified: datetime


def find_files(folder: Path, source: Source) -> list[DeliveredFile]:
    """Return the files of a source anywhere under the raw folder, in the order of their paths.

    A file is a source's by its name (`lms_loan_daily.csv`, `lms_loan_daily_2024-01.csv`), else by
    the nearest folder so named (`lms_loan_daily/2024-01.csv`). It is for a month if its path holds
    one, and one only; otherwise it is cumulative. Hidden and unfinished files (`.tmp`, `.part`)
    do not count.

    Raises:
        DeliveryError: if a folder or file cannot be looked at.
    """
    try:
        found = [
            _describe(path, folder)
            for path in _csv_files(folder)
            if _source_of(path.relative_to(folder)) == source
        ]
    except OSError as error:
        raise DeliveryError(
            f"{source.name}: cannot look at {error.filename}: {error.strerror}. Give the platform "
            f"read access to the raw folder {folder} and all within it."
        ) from error
    return sorted(found, key=lambda file: file.relative)


def _csv_files(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    if not folder.exists():
        return
    seen: set[Path] = set()
    for place, folders, names in os.walk(folder, onerror=fail, followlinks=True):
        folders[:] = sorted(name for name in folders if _counts(name))
        if (resolved := Path(place).resolve()) in seen:  # links may lead round in circles
            folders.clear()
            continue
        seen.add(resolved)
        for name in names:
            if _counts(name) and name.lower().endswith(".csv"):
                yield Path(place, name)


def _counts(name: str) -> bool:
    return not name.startswith(".") and not name.lower().endswith(_UNFINISHED)


def _source_of(relative: Path) -> Source | None:
    for name in reversed(relative.parts):
        for source in CONTRACT.sources:
            if re.fullmatch(rf"{source.files[0]}([^0-9A-Za-z].*)?", name):
                return source
    return None


def _describe(path: Path, folder: Path) -> DeliveredFile:
    status = path.stat()
    relative = os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")
    return DeliveredFile(
        path=path,
        relative=relative,
        month=_month_in(relative),
        size=status.st_size,
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
    )


def _month_in(relative: str) -> str | None:
    months = {
        parse_month(f"{date['year']}-{date['month']}") if date["day"] in (None, "01") else None
        for date in _DATE.finditer(relative)
    }
    return months.pop() if len(months) == 1 else None
