"""PostgreSQL's own `pg_dump` and `pg_restore`, of a release that fits the server."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import sqlalchemy as sa

from credit_risk_dagster.errors import PlatformError

DEBIAN_PLACE = Path("/usr/lib/postgresql")
"""Where Debian keeps each release's tools, of which only one is on the path."""


def server_release(connection: sa.Connection) -> int:
    """Return the major release of a server."""
    number: str = connection.execute(sa.text("SHOW server_version_num")).scalar_one()
    return int(number) // 10000


def dump(url: sa.URL, release: int, file: Path) -> None:
    """Write a database to a file in PostgreSQL's custom format, as of one moment.

    Owners and grants stay behind: they belong to the server, not to the data.

    Raises:
        PlatformError: if there is no fitting `pg_dump`, or it fails.
    """
    _run("pg_dump", url, release, "--format=custom", f"--file={file}")


def load(url: sa.URL, release: int, file: Path) -> None:
    """Fill an empty database from a dump in one transaction.

    Raises:
        PlatformError: if there is no fitting `pg_restore`, or it fails; then nothing is filled.
    """
    _run("pg_restore", url, release, "--single-transaction", "--exit-on-error", str(file))


def find_tool(name: str, release: int) -> Path:
    """Return a tool of the server's release, else of the next newer one.

    An older one cannot read the server; a much newer one may write what it does not know.

    Raises:
        PlatformError: if there is none.
    """
    on_path = shutil.which(name)
    places = [Path(on_path)] if on_path else []
    places += DEBIAN_PLACE.glob(f"*/bin/{name}")
    fitting = sorted((found, place) for place in places if (found := _release(place)) >= release)
    if not fitting:
        raise PlatformError(
            f"The server is PostgreSQL {release}, and no {name} of release {release} or newer was "
            f"found. Install postgresql-client-{release}, or put its folder on the PATH."
        )
    return fitting[0][1]


def _release(tool: Path) -> int:
    answer = subprocess.run(  # noqa: S603 - PostgreSQL's own tool, named by path
        [str(tool), "--version"], capture_output=True, text=True, check=False
    )
    match = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(match.group(1)) if match else 0


def _run(name: str, url: sa.URL, release: int, *arguments: str) -> None:
    address = sa.URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, url.query
    )
    options = ["--no-owner", "--no-privileges", "--no-password"]
    database = f"--dbname={address.render_as_string()}"
    environment = dict(os.environ)
    if url.password:  # not an argument, which every user of the machine could read
        environment["PGPASSWORD"] = url.password
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own tool, named by path
        [str(find_tool(name, release)), *options, database, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise PlatformError(f"{name} of {address.render_as_string()} failed: {' '.join(said[:3])}")
