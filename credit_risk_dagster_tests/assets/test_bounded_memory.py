"""The memory of scoring and of drift is that of a batch, however many apply in a month."""

import subprocess
import sys
from pathlib import Path

import pytest

from credit_risk_dagster.datamart.staged_rows import BATCH_ROWS
from credit_risk_dagster_tests.assets.large_month import put_into_production

ALLOWED_MB = 100


def peak_of(home: Path, applicants: int) -> int:
    """Return the peak memory in MB of a process that scores a month and measures its drift."""
    put_into_production(home)
    module = "credit_risk_dagster_tests.assets.large_month"
    done = subprocess.run(
        [sys.executable, "-m", module, str(home), str(applicants)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return int(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_month_of_four_batches_takes_no_more_memory_than_one_of_one(tmp_path: Path) -> None:
    one = peak_of(tmp_path / "one", BATCH_ROWS)
    four = peak_of(tmp_path / "four", 4 * BATCH_ROWS)
    assert four - one < ALLOWED_MB
