"""Rows wait on the disk, come back as they were, and leave nothing behind."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.datamart import spool as spool_module
from credit_risk_dagster.datamart.spool import Spool
from credit_risk_dagster.errors import PlatformError

SCHEMA = pa.schema([("text", pa.string()), ("number", pa.int64())])
NAMES = ["a", "b", "c"]
ROWS = st.lists(st.tuples(st.text(max_size=4), st.integers(0, 9)), max_size=5)


def batch(rows: list[tuple[str, int]]) -> pa.RecordBatch:
    columns = [[row[place] for row in rows] for place in range(len(SCHEMA))]
    return pa.record_batch(
        [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)],
        schema=SCHEMA,
    )


def held(spool: Spool, name: str) -> list[tuple[str, int]]:
    return [tuple(row.values()) for part in spool.batches(name) for row in part.to_pylist()]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), ROWS)), st.integers(0, 200))
def test_every_name_gives_back_its_rows_in_order_whatever_fits_in_memory(
    added: list[tuple[str, list[tuple[str, int]]]], memory: int
) -> None:
    expected: dict[str, list[tuple[str, int]]] = {name: [] for name in NAMES}
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool_module, "BUFFER_BYTES", memory)
        with Spool(SCHEMA, Path(folder)) as spool:
            for name, rows in added:
                spool.add(name, batch(rows))
                expected[name] += rows
                assert held(spool, name) == expected[name]
            assert {name: held(spool, name) for name in NAMES} == expected
            assert sorted(spool.names) == [name for name in NAMES if expected[name]]
            assert [spool.num_rows(name) for name in NAMES] == [
                len(expected[name]) for name in NAMES
            ]
        assert not list(Path(folder).iterdir())


KILLED = """
import os, sys
from pathlib import Path
import pyarrow as pa
from credit_risk_dagster.datamart import spool
spool.BUFFER_BYTES = 0
rows = pa.record_batch({"text": ["x"]})
waiting = spool.Spool(rows.schema, Path(sys.argv[1]))
waiting.add("a", rows)
os.kill(os.getpid(), 9)
"""


def test_a_process_that_is_killed_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(scratch)])
    assert killed.returncode == -9
    assert list(tmp_path.rglob("*")) == [scratch]


def test_few_rows_touch_no_disk(tmp_path: Path) -> None:
    with Spool(SCHEMA, tmp_path / "scratch") as spool:
        spool.add("a", batch([("x", 1)]))
        assert held(spool, "a") == [("x", 1)]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "BUFFER_BYTES", 0)
    (tmp_path / "scratch").write_text("a file", encoding="utf-8")
    with (
        Spool(SCHEMA, tmp_path / "scratch") as spool,
        pytest.raises(PlatformError, match=r"scratch: File exists\. Give .* CREDIT_RISK_SCRATCH"),
    ):
        spool.add("a", batch([("x", 1)]))
