"""No file of the repository holds a secret."""

import secrets
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from detect_secrets import SecretsCollection
from detect_secrets.settings import transient_settings

from credit_risk_dagster_tests.deploy.compose import TOP

DETECTORS = (
    "AWSKeyDetector",
    "Base64HighEntropyString",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "JwtTokenDetector",
    "KeywordDetector",
    "PrivateKeyDetector",
    "SlackDetector",
)
"""Not hexadecimal strings: content hashes are everywhere."""

HEURISTICS = (
    "is_indirect_reference",
    "is_likely_id_string",
    "is_not_alphanumeric_string",
    "is_potential_uuid",
    "is_prefixed_with_dollar_sign",
    "is_sequential_string",
    "is_templated_secret",
)
PLACEHOLDER = "^hidden$"
"""What tests write where a password would stand."""

HASHED = {".lock"}


def found(files: Iterable[Path]) -> list[str]:
    """Return where a secret seems to be, and of which kind it is."""
    filters = [{"path": f"detect_secrets.filters.heuristic.{name}"} for name in HEURISTICS]
    excluded = {"path": "detect_secrets.filters.regex.should_exclude_secret"}
    settings = {
        "plugins_used": [{"name": name} for name in DETECTORS],
        "filters_used": [*filters, excluded | {"pattern": [PLACEHOLDER]}],
    }
    with transient_settings(settings):
        scan = SecretsCollection()
        for file in files:
            scan.scan_file(str(file))
    return [f"{file}:{secret.line_number} {secret.type}" for file, secret in scan]


def test_no_file_of_the_repository_holds_a_secret() -> None:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip(f"this is no checkout: {listed.stderr}")
    files = [TOP / name for name in listed.stdout.split("\0") if name]

    assert found(file for file in files if file.exists() and file.suffix not in HASHED) == []


@pytest.mark.parametrize(
    "line",
    [
        "DAGSTER_POSTGRES_URL=postgresql://dagster:{secret}@postgres/dagster",
        "password: '{secret}'",
        "-----BEGIN {kind} KEY-----",
    ],
)
def test_the_scan_finds_a_secret(tmp_path: Path, line: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(line.format(secret=secrets.token_urlsafe(32), kind="RSA PRIVATE"))

    assert found([file]) != []
