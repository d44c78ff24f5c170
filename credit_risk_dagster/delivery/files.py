"""Which files of the raw folder belong to a source, and for which month."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.formats import Format, format_of
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster.months import parse_month

# 2024-01, 2024_01 or 202401, with the day in the same style, standing by itself.
_DATE = re.compile(
    r"(?<![0-9A-Za-z])(?P<year>(?:19|20)\d\d)(?P<style>[-_]?)(?P<month>0[1-9]|1[0-2])"
    r"(?:(?P=style)(?P<day>\d\d))?(?![0-9A-Za-z])"
)
# part1of3, part-002, part 2 of 3; five digits are a number, six may be a month.
_COMPRESSED = re.compile(r"\.(gz|zst)\Z", re.IGNORECASE)
_UNFINISHED = (".tmp", ".part", ".crdownload", ".filepart")
_COMPANIONS = (".md5", ".sha1", ".sha256", ".sha512", ".crc", ".ok", ".done", ".ready", ".control")
_MARKS = ("_SUCCESS", "_committed_", "_started_", "_metadata", "_common_metadata")  # of Spark

LEADS_OUT = "a link that leads out of the raw folder"


@dataclass(frozen=True)
class DeliveredFile:
    """One file of a source; `month` is None where the file is cumulative."""

    path: Path
    relative: str
    month: str | None
    size: int
    modified: datetime

    @cached_property
    def format(self) -> Format | None:
        """How it is to be read, by its name; None where that is not known."""
        return format_of(self.path.name)


@dataclass(frozen=True)
class PassedOver:
    """What lies in the raw folder and is not looked at, with the reason as a phrase."""

    relative: str
    reason: str


def find_files(folder: Path, source: Source) -> list[DeliveredFile]:
    """Return the files of a source anywhere under the raw folder, in the order of their paths.

    A file is a source's by its name (`lms_loan_daily.csv`, `lms_loan_daily_2024-01.csv`), by a
    pattern of the contract that its name or path matches, else by the nearest folder so named
    (`lms_loan_daily/2024-01.csv`); of several sources, by the longest stem or pattern. It is for
    a month if its path holds one, and one only; otherwise it is cumulative. Files of formats that
    are not read are returned too, so that the reader can refuse them.

    Hidden and unfinished files (`.tmp`, `.part`, `.crdownload`, `.filepart`) do not count, nor
    those that accompany a delivery (checksums, marks of its end). Links are followed within the
    raw folder only: whoever may put a link there must not make the platform read elsewhere.
    `passed_over` lists those that lead out.

    Raises:
        DeliveryError: if a folder or file cannot be looked at.
    """
    with _looking(folder, source):
        found = [
            _describe(path, folder)
            for path in _entries(folder)
            if not _leads_out(path, folder) and _source_of(path.relative_to(folder)) == source
        ]
    return sorted(found, key=lambda file: file.relative)


def passed_over(folder: Path, source: Source) -> list[PassedOver]:
    """Return the links out of the raw folder that may hold files of a source.

    Those are links by a name of the source, and links to folders by the name of no source.

    Raises:
        DeliveryError: if a folder or file cannot be looked at.
    """
    found = []
    with _looking(folder, source):
        for path in _entries(folder):
            owner = _source_of(path.relative_to(folder))
            may_hold = owner == source or (owner is None and path.is_dir())
            if may_hold and _leads_out(path, folder):
                found.append(PassedOver(_shown(path, folder), LEADS_OUT))
    return sorted(found, key=lambda one: one.relative)


def expected_names(source: Source, month: str) -> str:
    """Say by which names a month of a source is looked for, as a phrase."""
    name = source.files[0]
    if "*" in name:
        return f"a file named like {name}, with {month[:7]} in its name unless it has all months,"
    return f"{name}.csv with all months, or {name}_{month[:7]}.csv"


@contextmanager
def _looking(folder: Path, source: Source) -> Iterator[None]:
    """Say which folder or file the system does not show."""
    try:
        yield
    except OSError as error:
        raise DeliveryError(
            f"{source.name}: cannot look at {error.filename}: {error.strerror}. Give the platform "
            f"read access to the raw folder {folder} and all within it."
        ) from error


def _entries(folder: Path) -> Iterator[Path]:
    """Yield the files under a folder, and the links that lead out of it."""

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
        out = [name for name in folders if _leads_out(Path(place, name), folder)]
        folders[:] = [name for name in folders if name not in out]
        yield from (Path(place, name) for name in (*names, *out) if _counts(name))


def _leads_out(path: Path, folder: Path) -> bool:
    return path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(
        os.path.realpath(folder)
    )


def _counts(name: str) -> bool:
    return not name.startswith((".", *_MARKS)) and not name.lower().endswith(
        (*_UNFINISHED, *_COMPANIONS)
    )


def _source_of(relative: Path) -> Source | None:
    names = (relative.name, relative.as_posix())
    written = {*names, *(_COMPRESSED.sub("", name) for name in names)}
    for name in reversed(relative.parts):
        fits = [
            (len(stem), source)
            for source in CONTRACT.sources
            for stem in source.files
            if _fits(stem, name, written)
        ]
        if fits:
            return max(fits, key=lambda fit: fit[0])[1]
    return None


def _fits(stem: str, name: str, written: set[str]) -> bool:
    """Return whether a stem fits a name of a file or folder, or a pattern the file itself."""
    if "*" in stem:
        return any(fnmatchcase(one, stem) for one in written)
    return re.fullmatch(rf"{re.escape(stem)}([^0-9A-Za-z].*)?", name) is not None


def _describe(path: Path, folder: Path) -> DeliveredFile:
    status = path.stat()
    relative = _shown(path, folder)
    return DeliveredFile(
        path=path,
        relative=relative,
        month=_month_in(relative),
        size=status.st_size,
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
    )


def _shown(path: Path, folder: Path) -> str:
    return os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")


def _month_in(relative: str) -> str | None:
    months = {
        parse_month(f"{date['year']}-{date['month']}") if date["day"] in (None, "01") else None
        for date in _DATE.finditer(relative)
    }
    return months.pop() if len(months) == 1 else None
