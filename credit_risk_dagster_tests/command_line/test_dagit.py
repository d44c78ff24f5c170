"""Dagit is started once on a home, and whoever ends the command ends all that it started."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from credit_risk_dagster.command_line.dagit import (
    HOLDER,
    dagit_command,
    only_dagit,
    require_free,
)
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.ports import free_port, wait_for_port

STAND_IN = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
"""Starts a child and, ended by a signal, leaves it alone: the worst that Dagster can do."""

COMMAND = """
import os, sys
from pathlib import Path
from credit_risk_dagster.command_line.dagit import only_dagit, serve_dagit
from credit_risk_dagster.settings import Settings
with only_dagit(Settings(home=Path(sys.argv[1]))) as lock:
    sys.exit(serve_dagit([sys.executable, "-c", sys.argv[2]], lock, os.environ))
"""


@contextmanager
def stand_in(home: Path) -> Iterator[tuple["subprocess.Popen[str]", list[psutil.Process]]]:
    """Start the command with a stand-in for Dagster; yield it and all that it started."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(home), STAND_IN], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    started = psutil.Process(process.pid).children(recursive=True)
    try:
        yield process, started
    finally:
        for one in (process, *started):
            if isinstance(one, subprocess.Popen) or one.is_running():
                one.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_whatever_was_started_ends_with_the_command(tmp_path: Path, ending: int) -> None:
    with stand_in(tmp_path) as (process, started):
        assert len(started) == 2
        process.send_signal(ending)

        assert process.wait(30) == 0
        psutil.wait_procs(started, timeout=5)
        assert not [one for one in started if _is_alive(one)]
    with only_dagit(Settings(home=tmp_path)):
        pass


def test_a_second_one_on_the_same_home_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    with stand_in(tmp_path) as (process, _):
        _wait_for_text(tmp_path / HOLDER)
        with (
            pytest.raises(PlatformError, match=rf"at work in .* process {process.pid}, which"),
            only_dagit(Settings(home=tmp_path)),
        ):
            pytest.fail("a second one was let in")


def test_what_a_killed_command_left_holds_the_home_still(tmp_path: Path) -> None:
    with stand_in(tmp_path) as (process, started):
        _wait_for_text(tmp_path / HOLDER)
        process.kill()
        process.wait()

        with (
            pytest.raises(PlatformError, match=rf"which started process {started[0].pid}"),
            only_dagit(Settings(home=tmp_path)),
        ):
            pytest.fail("a second one was let in")


def test_of_a_port_that_is_taken_a_free_one_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PlatformError, match=r"is taken .* try `--port (\d+)`") as told:
            require_free(taken.getsockname()[1])
    require_free(int(str(told.value).split("--port ")[1].split("`")[0]))


def test_dagit_loads_the_platform_from_any_folder() -> None:
    command = dagit_command(3000)

    assert Path(command[0]).is_absolute()
    assert command[1:4] == ["dev", "-m", "credit_risk_dagster.definitions"]


@pytest.mark.long
def test_dagit_itself_its_daemon_and_its_code_server_end_with_the_command(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("credit-risk")
    port = free_port()
    process = subprocess.Popen(
        [str(command), "dev", "--port", str(port), "--home", str(tmp_path)],
        env={**os.environ, "DAGSTER_HOME": ""},
    )
    try:
        wait_for_port(port, seconds=120)
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()

        assert process.wait(60) == 0
        assert len(started) >= 3
        assert not [one for one in started if _is_alive(one)]
    finally:
        process.kill()


def _wait_for_text(file: Path) -> None:
    until = time.monotonic() + 10
    while not file.read_text(encoding="utf-8"):
        assert time.monotonic() < until, f"{file} stays empty"
        time.sleep(0.05)


def _is_alive(process: psutil.Process) -> bool:
    """Whether a process is at work; a zombie has ended, and waits for its parent to look."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
