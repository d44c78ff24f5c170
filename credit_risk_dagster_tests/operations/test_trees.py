"""Files and databases are copied as they are, and databases while they are written."""

import hashlib
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from credit_risk_dagster.operations.trees import (
    copy_database,
    folders_and_files,
    keep_file,
    mode_of,
)

PAIRS = 20_000


def test_a_database_is_copied_as_of_one_moment_while_it_is_written(tmp_path: Path) -> None:
    """Both sides of a pair are written in one transaction: half a pair would be a torn copy."""
    source = tmp_path / "source.db"
    with closing(sqlite3.connect(source)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        for side in ("debit", "credit"):
            database.execute(f"CREATE TABLE {side} (number INTEGER, filler TEXT)")
            rows = ((number, "x" * 200) for number in range(PAIRS))
            database.executemany(f"INSERT INTO {side} VALUES (?, ?)", rows)
        database.commit()
    copied = threading.Event()
    writer = threading.Thread(target=_write_pairs, args=(source, copied))
    writer.start()
    try:
        for number in range(3):
            copy_database(source, tmp_path / f"{number}.db")
    finally:
        copied.set()
        writer.join()

    counts = [_counts(tmp_path / f"{number}.db") for number in range(3)]
    assert all(debit == credit for debit, credit in counts)
    assert counts[-1][0] > PAIRS


def _write_pairs(source: Path, copied: threading.Event) -> None:
    with closing(sqlite3.connect(source, timeout=30)) as database:
        while not copied.is_set():
            for side in ("debit", "credit"):
                database.execute(f"INSERT INTO {side} VALUES (0, 'y')")
            database.commit()


def _counts(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as database:
        debit, credit = (
            database.execute(f"SELECT count(*) FROM {side}").fetchone()[0]
            for side in ("debit", "credit")
        )
    return debit, credit


def test_a_file_is_recorded_with_its_mode_and_copied_for_its_owner_alone(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"abc")
    source.chmod(0o640)

    kept = keep_file(source, tmp_path / "target")

    assert (kept.size, kept.mode) == (3, 0o640)
    assert kept.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert mode_of(tmp_path / "target") == 0o600


def test_what_links_lead_to_belongs_to_the_tree_and_circles_end(tmp_path: Path) -> None:
    tree, elsewhere = tmp_path / "tree", tmp_path / "larger-disk"
    tree.mkdir()
    elsewhere.mkdir()
    (elsewhere / "rows.parquet").touch()
    (tree / "tables").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(tree)

    _, files = folders_and_files(tree)

    assert [path.relative_to(tree).as_posix() for path in files] == ["tables/rows.parquet"]


def test_what_sqlite_keeps_beside_a_database_is_no_file_of_the_tree(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "runs.db")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE runs (id)")
    database.commit()
    (tmp_path / "report-wal").touch()
    assert (tmp_path / "runs.db-wal").exists()

    _, files = folders_and_files(tmp_path)
    database.close()

    assert [path.name for path in files] == ["report-wal", "runs.db"]
