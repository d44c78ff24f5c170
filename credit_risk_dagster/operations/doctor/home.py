"""The home: can it be written, who can read it, how much fits in, what is left over."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from credit_risk_dagster.operations.doctor.finding import Finding, failed, ok, warning
from credit_risk_dagster.operations.leftovers import RESTORING, leftovers, refused_partitions
from credit_risk_dagster.operations.trees import mode_of
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import SETTINGS_FILE, Settings
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.catalogue import ALL_TABLES

OTHERS_READ, OTHERS_ENTER = 0o004, 0o001
FEW_MONTHS, SOME_MONTHS = 2, 12
"""A month is written beside the one that it replaces, which is kept."""

SHOWN = 3


def home_findings(
    settings: Settings, run_at_work: str | None, logs_are_whole: bool
) -> Iterator[Finding]:
    """Look at the home and what lies in it; end where there is none.

    Sizes and leftovers are told from the logs of the tables, where those are whole.
    """
    home = settings.home
    if not home.is_dir():
        yield failed(
            "home",
            f"{home.resolve()} does not exist.",
            "Set CREDIT_RISK_HOME or --home, or run months first: `credit-risk run`.",
        )
        return
    if (home / RESTORING).exists():
        yield failed(
            "restore",
            f"A restore into {home} did not end; what is there is not whole.",
            "Empty the home and restore again.",
        )
    yield _writable(home)
    yield from _permissions(settings)
    if logs_are_whole:
        yield _space(settings)
        yield _leftovers(settings, run_at_work)
    refused = refused_partitions(settings)
    if refused:
        yield warning(
            "refused rows",
            f"Kept aside: {_some(refused)}.",
            "Look at them, correct their cause, run the month again, then remove the folders.",
        )


def _writable(home: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=home):
            return ok("home", f"{home.resolve()} can be written.")
    except OSError as error:
        return failed(
            "home",
            f"{home.resolve()} cannot be written: {error.strerror}.",
            "Give this user write access to it, or run as the user that owns it.",
        )


def _permissions(settings: Settings) -> Iterator[Finding]:
    """Personal data stays in bronze and in the raw folder; settings may hold passwords."""
    bronze = Path(open_datamart(settings).place(next(iter(BRONZE.values()))).address).parent
    places = {
        "bronze": bronze,
        "raw folder": settings.raw_folder,
        "settings.env": settings.home / SETTINGS_FILE,
    }
    for name, path in places.items():
        if path.exists():
            check = f"permissions of {name}"
            if _is_open(path):
                yield warning(
                    check,
                    f"Every user of this machine can read {path}.",
                    f"chmod {'-R ' if path.is_dir() else ''}o-rwx {path}",
                )
            else:
                yield ok(check, f"{path} is closed to other users.")


def _is_open(path: Path) -> bool:
    """Return whether others can read a file, or enter a folder, through all that it lies in."""
    path = path.resolve()
    above = all(mode_of(folder) & OTHERS_ENTER for folder in path.parents)
    return above and bool(mode_of(path) & (OTHERS_ENTER if path.is_dir() else OTHERS_READ))


def _space(settings: Settings) -> Finding:
    month = month_bytes(settings)
    free = shutil.disk_usage(settings.home).free
    found = f"{free:,} bytes are free; a month has taken {month:,} at most."
    remedy = "Give the home a larger disk, or move what else is on it."
    if free < FEW_MONTHS * month:
        return failed("disk", f"{found} A month is written beside what it replaces.", remedy)
    if free < SOME_MONTHS * month:
        return warning("disk", f"{found} That is less than a year.", remedy)
    return ok("disk", found)


def month_bytes(settings: Settings) -> int:
    """Return the size of the largest month, with its share of models, reports, runs and events."""
    datamart = open_datamart(settings)
    sizes: dict[str, int] = {}
    for table in ALL_TABLES:
        for month, record in datamart.records(table).items():
            beside = (file for one in record.beside.values() for file in one.files)
            size = sum(file.size for file in (*record.files, *beside))
            sizes[month] = sizes.get(month, 0) + size
    apart = {
        (settings.home / "raw").resolve(),
        settings.raw_folder.resolve(),
        datamart.folder.resolve(),
        settings.scratch_folder.resolve(),
    }
    shared = (path for path in settings.home.iterdir() if path.resolve() not in apart)
    return max(sizes.values(), default=0) + sum(map(_size, shared)) // max(len(sizes), 1)


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _leftovers(settings: Settings, run_at_work: str | None) -> Finding:
    home, found = settings.home, leftovers(settings)
    if not found:
        return ok("leftovers", "Nothing is left of interrupted runs.")
    if run_at_work is not None:
        return ok("leftovers", f"Run {run_at_work} is writing {_listed(home, found)}.")
    return warning(
        "leftovers",
        f"Interrupted runs left {_listed(home, found)}. No reader takes it for data.",
        "Run `credit-risk maintain` while no run is at work.",
    )


def _listed(home: Path, paths: list[Path]) -> str:
    in_home = [path.relative_to(home) if path.is_relative_to(home) else path for path in paths]
    return _some([path.as_posix() for path in in_home])


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
