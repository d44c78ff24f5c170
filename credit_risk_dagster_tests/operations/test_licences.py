"""The platform may be used: its licence is the standard one, and no dependency's forbids it."""

import hashlib
from pathlib import Path

from credit_risk_dagster.operations.licences import (
    LOOKED_AT,
    dependencies,
    is_reciprocal,
    licence,
    page,
)

ROOT = Path(__file__).parents[2]
APACHE = (
    "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"  # pragma: allowlist secret
)
"""SHA-256 of the text as the Apache Software Foundation publishes it."""


def test_the_licence_is_apache_2_to_the_letter() -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_every_licence_that_asks_for_the_same_licence_was_looked_at() -> None:
    found = {
        name for name, one in dependencies().items() if is_reciprocal(licence(name, one.metadata))
    }
    assert found == set(LOOKED_AT)


def test_the_list_of_licences_is_that_of_what_is_installed() -> None:
    written = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    assert written == page(), "write it anew: see credit_risk_dagster/operations/licences.py"
