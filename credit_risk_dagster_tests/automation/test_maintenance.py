"""Maintenance removes what nobody reads of scratch, and nothing that is not the installation's."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from credit_risk_dagster.automation.maintenance import forgotten, maintain
from credit_risk_dagster.settings import Settings

NOW = datetime.now(UTC)


def touched(path: Path, days_ago: float = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    then = (NOW - timedelta(days=days_ago)).timestamp()
    os.utime(path, (then, then))
    return path


def test_what_killed_runs_left_in_scratch_is_removed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    scratch = settings.scratch_folder
    left = [
        touched(scratch / "duckdb" / "duckdb_temp_storage-0.tmp"),
        touched(scratch / "writes" / "4711" / "silver" / "loans" / "a.parquet").parents[2],
        touched(scratch / "models" / f".{'0' * 32}" / "model.skops").parent,
    ]
    assert forgotten(scratch, NOW) == sorted(left)
    assert maintain(settings, NOW).left_by_killed_runs == 3
    assert not [path for path in left if path.exists()]


def test_copies_of_stored_files_stay_while_they_are_read(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    touched(scratch / "cache" / "ab" / "ab1.parquet", days_ago=29)
    touched(scratch / "models" / "2024-01-xgboost-0" / "model.skops", days_ago=29)
    old = touched(scratch / "cache" / "cd" / "cd1.parquet", days_ago=31)
    model = touched(scratch / "models" / "2023-01-xgboost-0" / "model.skops", days_ago=31)
    assert forgotten(scratch, NOW) == sorted([old, model.parent])


def test_scratch_on_another_disk_is_a_folder_of_its_own_for_each_home(tmp_path: Path) -> None:
    shared = tmp_path / "fast disk"
    other = touched(shared / "postgres" / "duckdb" / "base", days_ago=99)
    homes = [Settings(home=tmp_path / name, scratch=shared) for name in ("one", "two")]
    assert homes[0].scratch_folder != homes[1].scratch_folder
    theirs = touched(homes[1].scratch_folder / "duckdb" / "spilled.tmp")
    maintain(homes[0], NOW)
    assert other.exists()
    assert theirs.exists()
