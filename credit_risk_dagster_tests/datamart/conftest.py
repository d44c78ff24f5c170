from pathlib import Path

import pytest

from credit_risk_dagster.datamart.datamart import Datamart


@pytest.fixture
def datamart(tmp_path: Path) -> Datamart:
    """The datamart of a home that is not there yet, at a place that is not easily named."""
    return Datamart(tmp_path / "home of Zürich 100%")
