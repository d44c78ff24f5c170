"""Dagit, its daemon and the reports of an installation: started once, ended with all of it."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.settings import Settings

HOST = "127.0.0.1"
HOLDER = ".dev"
"""A file of the home that `dev` and the process behind it lock; it says who they are."""

SECONDS_TO_END = 20
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def only_dagit(settings: Settings) -> Iterator[int]:
    """Keep a second Dagit from a home: two daemons would start everything twice.

    The lock is inherited by the process that the descriptor is passed to, so that it is held as
    long as one of them lives, however the other ended.

    Args:
        settings: the installation.

    Yields:
        The descriptor to pass on.

    Raises:
        PlatformError: naming the process that is at work in the home.
    """
    holder = settings.home / HOLDER
    descriptor = os.open(holder, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PlatformError(
                f"Dagit is at work in {settings.home} already: "
                f"{holder.read_text(encoding='utf-8').strip() or 'it is just starting'}. "
                "Use that one, or end it first: Ctrl-C in its terminal, or `kill` and the number."
            ) from error
        yield descriptor
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def require_free(port: int) -> None:
    """Check that a port can be listened on.

    Raises:
        PlatformError: if it is taken, naming one that is free.
    """
    if _can_listen(port):
        return
    with socket.socket() as other:
        other.bind((HOST, 0))
        free: int = other.getsockname()[1]
    raise PlatformError(
        f"Port {port} is taken by another process: try `--port {free}`, it is free."
    )


def dagit_command(port: int) -> list[str]:
    """Return the command that starts Dagit and its daemon from any folder."""
    dagster = Path(sys.executable).with_name("dagster")
    module = "credit_risk_dagster.definitions"
    return [str(dagster), "dev", "-m", module, "-h", HOST, "-p", str(port)]


def serve_dagit(command: Sequence[str], lock: int, environment: Mapping[str, str]) -> int:
    """Run Dagit and its daemon until they end or this process is asked to; end all of them.

    Args:
        command: what starts them.
        lock: the descriptor of `only_dagit`.
        environment: that of the processes.

    Returns:
        0 if they were ended as asked, else the code with which they ended.
    """
    asked = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        asked.set()

    before = {number: signal.signal(number, ask) for number in ENDING}
    process = subprocess.Popen(  # noqa: S603
        command,
        env=environment,
        pass_fds=(lock,),
        start_new_session=True,  # one group, that Ctrl-C does not reach before we do
    )
    said = f"process {os.getpid()}, which started process {process.pid}, {' '.join(command[-2:])}\n"
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, said.encode(), 0)
        while process.poll() is None and not asked.wait(0.5):
            pass
        return 0 if asked.is_set() else process.returncode
    finally:
        _end_group(process)
        for number, handler in before.items():
            signal.signal(number, handler)


def serve_reports(folder: Path, port: int) -> bool:
    """Serve the reports to this machine; return whether that could be."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    try:
        server = ThreadingHTTPServer((HOST, port), handler)
    except OSError:
        return False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return True


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process as Ctrl-C does, then whatever is left of its group."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_TO_END)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _can_listen(port: int) -> bool:
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((HOST, port))
        except OSError:
            return False
        return True
