"""The memory of scoring and of drift is that of a batch, however many apply in a month."""

import subprocess
import sys
from pathlib import Path

import pytest

from credit_risk_dagster.datamart.staged_rows import BATCH_ROWS

ALLOWED_MB = 200
"""Six batches of features are 200 MB; held whole, as a table, a frame, inputs and contributions,
they took 1.2 GB more than two."""


@pytest.mark.long
def test_a_month_of_six_batches_is_scored_and_monitored_in_the_memory_of_one_of_two(
    tmp_path: Path,
) -> None:
    module = "credit_risk_dagster_tests.assets.large_month"
    sizes = [str(2 * BATCH_ROWS), str(6 * BATCH_ROWS)]
    done = subprocess.run(
        [sys.executable, "-m", module, str(tmp_path), *sizes],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    two, six = (int(line) for line in done.stdout.splitlines()[-2:])
    assert six - two < ALLOWED_MB
