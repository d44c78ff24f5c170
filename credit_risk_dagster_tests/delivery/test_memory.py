"""A month is the same delivery however little memory it is read in, and it is read in little."""

import csv
import gzip
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.reference import ATTRIBUTES, CLICKSTREAM
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Source
from credit_risk_dagster.datamart import row_order, spool
from credit_risk_dagster.datamart.content_hash import content_hash
from credit_risk_dagster.delivery import lines as lines_module
from credit_risk_dagster.delivery.reader import rows_schema
from credit_risk_dagster.delivery.unknown_columns import UNKNOWN_COLUMNS
from credit_risk_dagster_tests.delivery.written import (
    Delivered,
    months_read,
    row,
    write_rows,
)

MONTHS = ["2024-01-01", "2024-02-01", "2024-03-01"]
STEM = ATTRIBUTES.files[0]


def by_definition(folder: Path, source: Source) -> dict[str, pa.Table]:
    """The rows of each month: by key, all other values, file and line; text by its bytes."""
    delivered: dict[str, list[tuple[str | int | None, ...]]] = defaultdict(list)
    for path in folder.rglob(f"*{source.files[0]}*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            for number, values in enumerate(csv.DictReader(stream), start=2):
                text = [values[column] for column in source.headers]
                where = (path.relative_to(folder).as_posix(), number)
                delivered[values[SNAPSHOT_DATE]].append((*text, None, *where))
    schema = rows_schema(source)
    ignored = (*source.key_headers, UNKNOWN_COLUMNS)
    others = [name for name in schema.names if name not in ignored]
    places = [schema.names.index(name) for name in (*source.key_headers, *others)]

    def ordered(rows: list[tuple[str | int | None, ...]]) -> pa.Table:
        rows = sorted(rows, key=lambda values: [_bytes(values[place]) for place in places])
        return pa.table([list(column) for column in zip(*rows, strict=True)], schema=schema)

    return {month: ordered(rows) for month, rows in sorted(delivered.items())}


def _bytes(value: str | int | None) -> bytes | int | None:
    return value.encode() if isinstance(value, str) else value


def fit_in_memory(
    patch: pytest.MonkeyPatch, block: int, buffered: int, sorted_at_once: int
) -> None:
    patch.setattr(lines_module, "_BLOCK", block)
    patch.setattr(spool, "BUFFER_BYTES", buffered)
    patch.setattr(row_order, "SORTED_BYTES", sorted_at_once)


VALUE = st.sampled_from(["", "a", "b", "é", 'a "b", c', "😀", "\uffff", " "])
ROWS = st.lists(st.builds(row, VALUE, st.sampled_from(MONTHS), Name=VALUE), min_size=1, max_size=30)


@settings(deadline=None, max_examples=40)
@given(ROWS, ROWS, st.integers(1, 2_000), st.integers(0, 5_000), st.integers(1, 5_000))
def test_the_months_are_the_same_in_whatever_portions_they_are_read_and_sorted(
    some: list[dict[str, str]],
    others: list[dict[str, str]],
    block: int,
    buffered: int,
    sorted_at_once: int,
) -> None:
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        folder = Path(place)
        for number, rows in enumerate((some, others, some + others)):
            write_rows(folder / f"{STEM}_part{number}.csv", rows)
        expected = by_definition(folder, ATTRIBUTES)
        fit_in_memory(patch, block, buffered, sorted_at_once)
        found = list(months_read(folder, ATTRIBUTES))
    assert {one.month: one.rows for one in found} == expected
    for one in found:
        assert one.content_hash == content_hash(one.rows.select(ATTRIBUTES.headers))
        assert counted(one) == {file["relative"]: file["rows"] for file in one.files}


def counted(delivery: Delivered) -> dict[str, int]:
    """How many rows each file that was read has in a month."""
    found = delivery.rows["source_file"].to_pylist()
    return {file["relative"]: found.count(file["relative"]) for file in delivery.files}


@pytest.mark.parametrize("source", CONTRACT.sources, ids=lambda source: source.name)
@pytest.mark.long
def test_the_sample_extract_has_the_hashes_of_its_definition_in_little_memory(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Source
) -> None:
    fit_in_memory(monkeypatch, block=200_000, buffered=100_000, sorted_at_once=20_000)
    expected = {
        month: content_hash(rows.select(source.headers))
        for month, rows in by_definition(sample, source).items()
    }
    shutil.copy(sample / f"{source.files[0]}.csv", tmp_path)
    assert {one.month: one.content_hash for one in months_read(tmp_path, source)} == expected


def write_clickstream(path: Path, rows: int) -> None:
    """Write a cumulative extract of four months, of which every block has other customers."""
    in_block = 12_500
    values = np.random.default_rng(1).integers(-300, 400, (in_block, 20)).astype(str)
    block = "".join(
        f"CUS_0xBLK{number * 7919 % in_block:x},MONTH,{','.join(features)}\n"
        for number, features in enumerate(values.tolist())
    )
    blocks = rows // in_block
    with path.open("w", encoding="utf-8") as stream:
        stream.write(",".join(CLICKSTREAM.headers) + "\n")
        for number in range(blocks):
            month = f"2024-{number * 4 // blocks + 1:02d}-01"
            customers = block.replace("BLK", f"{number * 37 % blocks:03x}")
            stream.write(customers.replace("MONTH", month))


DELIVER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import dagster as dg
from credit_risk_dagster.assets.bronze import bronze_assets
from credit_risk_dagster.delivery.delivered import take_arrivals
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import Settings

home = Path(sys.argv[1])
settings = Settings(home=home, first_month="2024-01-01", last_month="2024-04-01")
months = dg.StaticPartitionsDefinition([f"2024-{month:02d}-01" for month in range(1, 5)])
ledger = DeliveryLedger(settings.metrics_store_url)
resources = {"datamart": open_datamart(settings), "settings": settings, "ledger": ledger}
arrivals = take_arrivals(settings, ledger, datetime.now(UTC), at_once=True)
sought = arrivals.decisions["clickstream"].months
tags = {
    "dagster/asset_partition_range_start": "2024-01-01",
    "dagster/asset_partition_range_end": "2024-04-01",
}
clickstream = [one for one in bronze_assets(months) if one.key.path[-1] == "clickstream"]
assert dg.materialize(clickstream, resources=resources, tags=tags).success
from credit_risk_dagster.tables.bronze import BRONZE
records = [resources["datamart"].required_record(BRONZE["clickstream"], month) for month in sought]
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(sum(record.rows for record in records), int(peak.split()[1]) // 1024)
"""


def rows_and_peak(home: Path, rows: int) -> Iterator[int]:
    """Deliver an extract, have the sensor and bronze read it; rows, and megabytes at the peak."""
    (home / "raw").mkdir(parents=True)
    write_clickstream(home / "raw" / f"{CLICKSTREAM.files[0]}.csv", rows)
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DELIVER, str(home)],
        env={**os.environ, "DAGSTER_HOME": ""},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return map(int, told.stdout.split())


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
def test_forty_times_the_rows_take_a_hundred_and_fifty_megabytes_more_at_most(
    tmp_path: Path,
) -> None:
    few_rows, few = rows_and_peak(tmp_path / "few", 50_000)
    many_rows, many = rows_and_peak(tmp_path / "many", 2_000_000)
    assert (few_rows, many_rows) == (50_000, 2_000_000)
    assert many - few <= 150, f"{few} MB for few rows, {many} MB for many"


READ = """
import sys
from pathlib import Path
from credit_risk_dagster.contract.reference import CLICKSTREAM
from credit_risk_dagster_tests.delivery.written import described
from credit_risk_dagster.delivery.header import read_header
from credit_risk_dagster.delivery.reader import read_file

file = described(Path(sys.argv[1]))
portions = read_file(file, CLICKSTREAM, read_header(file, CLICKSTREAM), None)
rows = sum(table.num_rows for portion in portions for table in portion.rows.values())
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(rows, int(peak.split()[1]) // 1024)
"""


def in_format(text: Path, suffix: str) -> Path:
    """The same extract as a file of another format."""
    path = text.with_suffix(suffix)
    if suffix == ".parquet":
        with pa.csv.open_csv(text) as batches, pq.ParquetWriter(path, batches.schema) as file:
            for batch in batches:
                file.write_batch(batch)
    elif suffix == ".csv.gz":
        with text.open("rb") as source, gzip.open(path, "wb", compresslevel=1) as file:
            shutil.copyfileobj(source, file)
    else:
        with text.open("rb") as source, pa.output_stream(path, compression="zstd") as file:
            shutil.copyfileobj(source, file)
    return path


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zst", ".parquet"])
def test_a_file_of_any_format_is_read_in_little_memory_however_large(
    tmp_path: Path, suffix: str
) -> None:
    peaks = []
    for rows in (50_000, 1_000_000):
        text = tmp_path / "x.csv"
        write_clickstream(text, rows)
        told = subprocess.run(
            [sys.executable, "-c", READ, str(in_format(text, suffix))],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found, peak = map(int, told.stdout.split())
        assert found == rows
        peaks.append(peak)
    assert peaks[1] - peaks[0] <= 60, f"{peaks} MB"
