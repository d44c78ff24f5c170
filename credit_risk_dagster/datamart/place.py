"""What the tables ask of the store that they lie in: a local disk, or an object store."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from credit_risk_dagster.datamart.record import StoredFile

Result = TypeVar("Result")

REFUSED = ".refused"
"""Folder of a table in which refused rows are kept aside for a person to look at."""

STAGING_PREFIX = ".staging-"
"""Folders of a table into which an engine writes before it knows the names of its files."""

LOG = "_delta_log"


class Place(Protocol):
    """The folder of one table. Names are paths in it, with `/` between folders.

    Files are worked on as local ones: `new_file` says where the next one is written, `keep` makes
    it the table's, and `fetch` gives a stored one, byte for byte what was recorded.
    """

    @property
    def uri(self) -> str:
        """What the table format's library opens."""

    @property
    def options(self) -> dict[str, str] | None:
        """What that library needs to know of the store."""

    @property
    def address(self) -> str:
        """Where any other reader finds the table."""

    def patiently(self, action: Callable[[], Result]) -> Result:
        """Return what an action of that library on the table returns, once the store is there."""

    def shown(self, name: str = "") -> str:
        """Return how a file is named to a person."""

    def exists(self, name: str) -> bool:
        """Return whether there is a file of a name."""

    def state(self, name: str) -> tuple[int, ...] | None:
        """Return what changes when a file is written again, its size first; None without it."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            OSError: if it cannot be read.
        """

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, so that it survives a power cut."""

    def sync(self, name: str) -> None:
        """Make a file that somebody else wrote, and the folders that name it, survive one too."""

    def remove(self, name: str) -> None:
        """Remove a file or a folder, if it is there."""

    def set_aside(self, name: str, aside: str) -> None:
        """Move a file to another name, over whatever is there."""

    def files(self) -> Iterator[str]:
        """Give every file of the table that is neither log, nor kept aside, nor being staged."""

    def staging(self) -> list[str]:
        """Return the folders that engines were given to stage in."""

    def log_files(self) -> list[str]:
        """Return the names of all files of the log."""

    def make(self) -> None:
        """Make the folder."""

    def new_staging(self) -> Path:
        """Return a local folder, which is not there yet, to stage in."""

    def new_file(self, folder: str) -> Path:
        """Return where the next file of a folder is to be written."""

    def name_of(self, path: Path) -> str:
        """Return the name of a file that `new_file` gave."""

    def keep(self, path: Path, file: StoredFile) -> None:
        """Make a file that `new_file` gave the table's, so that it survives a power cut."""

    def forget(self, path: Path, *, is_kept: bool) -> None:
        """Remove a file that `new_file` gave from where it was written, unless it stays there.

        Args:
            path: the file.
            is_kept: whether a commit names it.
        """

    def keep_aside(self, path: Path, aside: str) -> None:
        """Keep a file that `new_file` gave, under another name, for a person to look at."""

    def is_whole(self, file: StoredFile) -> bool:
        """Return whether a stored file is what was recorded of it, byte for byte."""

    def stored(self, file: StoredFile) -> Path:
        """Return where a stored file can be read, whatever has become of it."""

    def fetch(self, file: StoredFile) -> Path | None:
        """Return where a stored file can be read; None if it is not what was recorded."""


def log_entry(version: int) -> str:
    """Return the name of the log entry of a version."""
    return f"{LOG}/{version:020d}.json"


def log_versions(place: Place) -> list[int]:
    """Return the versions that have a log entry, oldest first."""
    names = (name.rpartition("/")[2] for name in place.log_files())
    stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return sorted(int(stem) for stem in stems if len(stem) == 20 and stem.isdigit())


def has_no_more_than_a_folder(place: Place) -> bool:
    """Return whether neither a log nor any file of the table is there."""
    return not log_versions(place) and next(place.files(), None) is None


def is_apart(name: str) -> bool:
    """Return whether a folder holds log, refused rows or what is being staged."""
    return name in (LOG, REFUSED) or name.startswith(STAGING_PREFIX)
