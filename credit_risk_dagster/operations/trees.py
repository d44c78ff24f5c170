"""Trees of files: copied with their SHA-256; databases by SQLite's own online backup."""

import os
import shutil
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from credit_risk_dagster.datamart.disk import sha256_of
from credit_risk_dagster.errors import PlatformError

SQLITE_HEADER = b"SQLite format 3\0"
SQLITE_COMPANIONS = ("-wal", "-shm", "-journal")
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


@dataclass(frozen=True)
class KeptFile:
    """A file of a backup: its size, its SHA-256, and the mode that it had."""

    size: int
    sha256: str
    mode: int


def mode_of(path: Path) -> int:
    """Return the permission bits of a file or folder."""
    return path.stat().st_mode & 0o777


def folders_and_files(
    tree: Path, leave_out: Collection[Path] = ()
) -> tuple[list[Path], list[Path]]:
    """Return the folders and the files of a tree, what links lead to included.

    What belongs to an open SQLite database beside its file is part of the database, not a file.

    Args:
        tree: the folder; its own path comes first among the folders.
        leave_out: files and folders that do not count.

    Raises:
        PlatformError: if a folder cannot be read.
    """
    left_out = {path.resolve() for path in leave_out}
    folders: list[Path] = []
    files: list[Path] = []
    seen: set[Path] = set()
    for place, below, names in os.walk(tree, onerror=_refuse_unreadable, followlinks=True):
        here = Path(place)
        if here.resolve() in seen:  # links may lead round in circles
            below.clear()
            continue
        seen.add(here.resolve())
        folders.append(here)
        below[:] = sorted(name for name in below if (here / name).resolve() not in left_out)
        found = (here / name for name in sorted(names))
        files += [path for path in found if path.resolve() not in left_out and _counts(path)]
    return folders, files


def keep_file(source: Path, target: Path) -> KeptFile:
    """Copy a file into a backup, readable for the owner alone; return what was copied.

    Raises:
        PlatformError: if the file cannot be read, or is a damaged database.
    """
    try:
        mode = mode_of(source)
        if is_sqlite(source):
            copy_database(source, target)
        else:
            shutil.copyfile(source, target)
    except OSError as error:
        raise PlatformError(
            f"{source} cannot be backed up: {error.strerror}. Give this user access to it, or try "
            "again if something was at work on it."
        ) from error
    return described(target, mode)


def described(path: Path, mode: int = PRIVATE_FILE) -> KeptFile:
    """Make a file of a backup readable for its owner alone; return what it is."""
    path.chmod(PRIVATE_FILE)
    return KeptFile(path.stat().st_size, sha256_of(path), mode)


def put_back(source: Path, kept: KeptFile, target: Path) -> None:
    """Copy a file out of a backup, with the mode that it had.

    Raises:
        PlatformError: if it is not what the backup recorded.
    """
    shutil.copyfile(source, target)
    if sha256_of(target) != kept.sha256:
        raise PlatformError(f"{source} was changed while it was restored. Restore again.")
    target.chmod(kept.mode)


def is_sqlite(path: Path) -> bool:
    """Return whether a file is an SQLite database.

    Raises:
        PlatformError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(SQLITE_HEADER)) == SQLITE_HEADER
    except OSError as error:
        _refuse_unreadable(error)


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database as of one moment, whoever is writing it.

    Raises:
        PlatformError: if it is damaged.
    """
    address = f"{source.resolve().as_uri()}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(address, uri=True)) as database,
            closing(sqlite3.connect(target)) as copy,
        ):
            database.backup(copy)
            verdict = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        raise PlatformError(
            f"The database {source} cannot be backed up: {verdict}. If it is damaged, restore it "
            "from an earlier backup."
        )


def move_in(staged: Path, target: Path, last: str) -> None:
    """Move all that is in a staged folder into another, one entry to the end.

    Folders that are there, volumes for example, are filled; files that are there stay.
    """
    for path in sorted(staged.iterdir(), key=lambda path: (path.name == last, path.name)):
        place = target / path.name
        if place.is_dir() and path.is_dir():
            move_in(path, place, last)
        elif not place.exists():
            shutil.move(path, place)  # by a rename, where it is the same disk


def _counts(path: Path) -> bool:
    for companion in SQLITE_COMPANIONS:
        if path.name.endswith(companion):
            database = path.with_name(path.name.removesuffix(companion))
            return not (database.is_file() and is_sqlite(database))
    return path.is_file()


def _refuse_unreadable(error: OSError) -> NoReturn:
    raise PlatformError(
        f"{error.filename} cannot be read: {error.strerror}. Give this user access to it."
    ) from error
