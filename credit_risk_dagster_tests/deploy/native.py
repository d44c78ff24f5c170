"""Runs the services of docker-compose.yaml on this machine, without containers.

Commands, environment, configuration files and health checks are those of the compose file. What a
container has for itself is replaced, and nothing else:

- a service's name and port, wherever they stand as an address: by 127.0.0.1 and a free port;
- a path that a service mounts: by the same path below a temporary folder; a mounted file by a copy
  in which addresses and paths are replaced;
- `${NAME...}`: by what deploy/write_secrets.py wrote to a temporary .env;
- an image: by the programs of this Python environment, and by PostgreSQL and Prometheus where the
  tests find them. Of this process's environment nothing is handed on but what chooses the
  kernels of linear algebra: models are compared to the last digit.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from credit_risk_dagster_tests.deploy.compose import TOP, Service, dependencies, mounts, services
from credit_risk_dagster_tests.ports import free_port
from credit_risk_dagster_tests.postgres import PostgresServer

PORTS = {
    "postgres": 5432,
    "mlflow": 5000,
    "dagster_code": 4000,
    "dagster_webserver": 3000,
    "exporter": 9464,
    "prometheus": 9090,
    "dagit_proxy": 3080,
}
"""Services that run here, and the port on which each listens in its container."""

SERVICES = (*PORTS, "dagster_daemon")

VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)(?::([-?])([^}]*))?\}")
HEALTHY_WITHIN_SECONDS = 240
STOPPED_WITHIN_SECONDS = 30


@dataclass
class Native:
    """The services of the compose file that run on this machine."""

    folder: Path
    variables: Mapping[str, str]
    database: PostgresServer
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    healthy: set[str] = field(default_factory=lambda: {"postgres"})

    def __post_init__(self) -> None:
        """Choose the ports, mount the files."""
        self.ports = {name: free_port() for name in PORTS} | {"postgres": self.database.port}
        for name in SERVICES:
            self._mount(services()[name])

    def start(self, names: Iterable[str]) -> None:
        """Start services, each when those that it depends on are healthy; wait for all of them."""
        waiting, started = list(names), list[str]()
        deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
        while waiting or started:
            for name in [one for one in waiting if self.healthy >= self._needed(one)]:
                self._start(name)
                waiting.remove(name)
                started.append(name)
            for name in [one for one in started if self.is_healthy(one)]:
                started.remove(name)
                self.healthy.add(name)
            assert time.monotonic() < deadline, self._reports(started)
            assert all(self.processes[name].poll() is None for name in started), self._reports(
                started
            )
            time.sleep(0.2)

    def kill(self, name: str) -> None:
        """End a service with everything that it started, at once, as a container that is killed."""
        process = self.processes.pop(name)
        self.healthy.discard(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOPPED_WITHIN_SECONDS)

    def restart_ended(self) -> None:
        """Start what has ended by itself again, as the restart policy says."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None and services()[name]["restart"] == "unless-stopped":
                self.kill(name)
                self._start(name)

    def stop(self) -> None:
        """End every service."""
        for name in list(self.processes):
            self.kill(name)

    def is_healthy(self, name: str) -> bool:
        """Return whether a service's own health check passes; asked when its port is open."""
        service = services()[name]
        if name in PORTS and not self._listens(name):
            return False
        kind, *command = service["healthcheck"]["test"]
        assert kind == "CMD", f"{name}: a health check without a shell"
        checked = subprocess.run(
            [self.text(word) for word in command],
            env=self.environment(service),
            cwd=self.path("/"),
            capture_output=True,
            timeout=60,
            check=False,
        )
        return checked.returncode == 0

    def url(self, name: str) -> str:
        """Return where a service answers."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def path(self, inside: str) -> Path:
        """Return where a path of a container is on this machine."""
        return self.folder / "root" / inside.lstrip("/")

    def log(self, name: str) -> str:
        """Return what a service has written."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def environment(self, service: Service) -> dict[str, str]:
        """Return the environment of a service's process."""
        programs = [Path(sys.executable).parent, self.database.programs, TOP / ".prometheus/bin"]
        settings = dict(
            line.split("=", 1)
            for entry in service.get("env_file", [])
            if (file := self.folder / entry["path"]).exists()
            for line in file.read_text().splitlines()
        )
        given = {
            name: self.text(str(value)) for name, value in service.get("environment", {}).items()
        }
        path = ":".join([*(str(place) for place in programs), os.environ["PATH"]])
        kernels = {name: text for name, text in os.environ.items() if name.startswith("OPENBLAS")}
        return {"PATH": path, "HOME": str(self.folder), "TZ": "UTC"} | kernels | settings | given

    def text(self, text: str) -> str:
        """Return a text of the compose file with variables, addresses and paths replaced."""
        return self.placed(VARIABLE.sub(self._variable, text))

    def placed(self, text: str) -> str:
        """Return a text with addresses and paths replaced."""
        for name, port in PORTS.items():
            here = f"127.0.0.1:{self.ports[name]}"
            text = re.sub(rf"(?<![\w.-]){name}:{port}(?!\w)", here, text)
            text = re.sub(rf"(?<!\w)(?:127\.0\.0\.1|localhost):{port}(?!\w)", here, text)
            text = re.sub(rf"(--host=|host: |address=){name}(?!\w)", r"\g<1>127.0.0.1", text)
            text = re.sub(
                rf"(--port=|port: |^:){port}(?!\w)", rf"\g<1>{self.ports[name]}", text, flags=re.M
            )
        for inside in sorted(self._mounted(), key=len, reverse=True):
            text = re.sub(rf"(?<![\w.]){inside}(?![\w-])", str(self.path(inside)), text)
        return text

    def _listens(self, name: str) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.ports[name])) == 0

    def _variable(self, match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        if name not in self.variables and kind == "-":
            return str(default)
        return self.variables[name]

    def _mounted(self) -> set[str]:
        return {mount.inside for name in SERVICES for mount in mounts(services()[name])}

    def _mount(self, service: Service) -> None:
        for mount in mounts(service):
            target, given = self.path(mount.inside), TOP / mount.source
            if mount.source.isidentifier():
                volume = self.folder / "volumes" / mount.source / mount.subpath
                volume.mkdir(parents=True, exist_ok=True)
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    target.symlink_to(volume)
            elif mount.source.startswith("./"):
                self._copy(given, target)
            else:
                target.mkdir(parents=True, exist_ok=True)

    def _copy(self, given: Path, target: Path) -> None:
        files = [given] if given.is_file() else [one for one in given.rglob("*") if one.is_file()]
        for file in files:
            copy = target / file.relative_to(given) if given.is_dir() else target
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(self.placed(file.read_text()))

    def _needed(self, name: str) -> set[str]:
        return {one for one in dependencies(services()[name]) if one in SERVICES}

    def _start(self, name: str) -> None:
        service = services()[name]
        command = [*service.get("entrypoint", []), *service.get("command", [])]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [self.text(word) for word in command],
                env=self.environment(service),
                cwd=self.path("/"),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _reports(self, names: Iterable[str]) -> str:
        return "\n".join(f"--- {name} is not healthy:\n{self.log(name)[-4000:]}" for name in names)


def prepare_database(native: Native) -> None:
    """Do what the image of PostgreSQL does on an empty volume: options, roles, databases."""
    service, server = services()["postgres"], native.database
    options = [word for word in service["command"][1:] if word != "-c"]
    with (server.folder / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("".join(f"{option}\n" for option in options))
    server.stop()
    server.start()
    places = (mount.inside for mount in mounts(service))
    (script,) = (native.path(place) for place in places if place.endswith(".sql"))
    command = ["psql", "--quiet", "--host=127.0.0.1", f"--port={server.port}"]
    subprocess.run(
        [*command, "--username=postgres", f"--file={script}"],
        env=native.environment(service) | {"PGPASSWORD": server.password},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def written_secrets(folder: Path) -> dict[str, str]:
    """Return what `make secrets` writes."""
    script, target = TOP / "deploy" / "write_secrets.py", folder / ".env"
    subprocess.run(
        [sys.executable, str(script), f"--target={target}"], stdout=subprocess.DEVNULL, check=True
    )
    return dict(line.split("=", 1) for line in target.read_text().splitlines())


def found(program: str) -> bool:
    """Return whether a program is on this machine."""
    return bool(shutil.which(program) or shutil.which(program, path=str(TOP / ".prometheus/bin")))
