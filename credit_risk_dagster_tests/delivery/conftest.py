import os
from pathlib import Path

import pytest


@pytest.fixture
def sample() -> Path:
    """The folder of the real extract."""
    default = Path(__file__).parents[2].parent / "shared" / "data" / "lender_sample"
    folder = Path(os.environ.get("CREDIT_RISK_SAMPLE", default))
    if not folder.exists():
        pytest.skip("the real extract is not here: set CREDIT_RISK_SAMPLE to its folder")
    return folder
