import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from credit_risk_dagster_tests.deploy.compose import COMPOSE_FILE, TOP

SCRIPT = TOP / "deploy" / "write_secrets.py"


def write(target: Path, compose: Path = COMPOSE_FILE) -> str:
    command = [sys.executable, str(SCRIPT), f"--target={target}", f"--compose={compose}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def written(target: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in target.read_text().splitlines())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_it_writes_what_the_compose_file_requires_and_nothing_else(target: Path) -> None:
    write(target)

    required = re.findall(r"\$\{(\w+):\?", COMPOSE_FILE.read_text())
    assert set(written(target)) == set(required)


def test_every_secret_is_long_different_and_safe_in_an_address(target: Path) -> None:
    write(target)

    values = list(written(target).values())
    assert len(set(values)) == len(values)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", value) for value in values)


def test_two_deployments_share_no_secret(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write(first), write(second)

    assert not set(written(first).values()) & set(written(second).values())


def test_only_the_owner_reads_the_file(target: Path) -> None:
    target.write_text("")
    target.chmod(0o644)
    write(target)

    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == [".env"]


def test_what_is_there_stays_and_what_is_missing_is_added(target: Path) -> None:
    target.write_text("# ours\nPOSTGRES_PASSWORD=chosen\nCREDIT_RISK_AUTOMATION=false")
    said = write(target)

    lines = target.read_text().splitlines()
    assert lines[:3] == ["# ours", "POSTGRES_PASSWORD=chosen", "CREDIT_RISK_AUTOMATION=false"]
    assert "DAGSTER_DB_PASSWORD" in said
    assert "POSTGRES_PASSWORD" not in said
    assert said.splitlines() != write(target).splitlines()
    assert "nothing was missing" in write(target)
    assert target.read_text().splitlines() == lines


def test_it_never_prints_a_secret(target: Path) -> None:
    said = write(target)

    assert not [value for value in written(target).values() if value in said]


def test_git_does_not_see_the_file() -> None:
    ignored = subprocess.run(
        ["git", "-c", "safe.directory=*", "check-ignore", ".env", "settings.env"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ignored.stdout.split() == [".env", "settings.env"]
