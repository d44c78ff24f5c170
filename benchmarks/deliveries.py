"""What it costs to take a large cumulative file, and to look where nothing is new."""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import numpy as np

from credit_risk_dagster.contract.reference import CLICKSTREAM
from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.delivery.contents import read_contents, sha256_of
from credit_risk_dagster.delivery.delivered import take_arrivals
from credit_risk_dagster.delivery.files import find_files
from credit_risk_dagster.delivery.header import read_header
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.reader import read_file
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.settings import Settings

MONTHS, LAST = 120, "2024-12-01"
IN_BLOCK = 10_000
TICKS = 5


def main() -> None:
    """Measure both, or one part of the first in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--folder", type=Path, default=None, help="where the files go")
    parser.add_argument("--part", choices=["read", "take"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.part:
        print(_measure(chosen.part, chosen.folder))
        return
    with tempfile.TemporaryDirectory(dir=chosen.folder) as place:
        _large_file(Path(place, "large"), chosen.gigabytes)
        _quiet_folder(Path(place, "quiet"))


def _large_file(folder: Path, gigabytes: float) -> None:
    folder.mkdir()
    path = folder / f"{CLICKSTREAM.files[0]}.csv"
    rows = write_clickstream(path, int(gigabytes * 1e9))
    print(f"{path.stat().st_size / 1e9:.2f} GB, {rows:,} rows, {MONTHS} months")
    for part in ("read", "take"):
        command = [sys.executable, "-m", "benchmarks.deliveries", "--part", part]
        subprocess.run([*command, "--folder", str(folder)], check=True)


def write_clickstream(path: Path, size: int) -> int:
    """Write a cumulative extract of some bytes, ordered by month; return its rows."""
    values = np.random.default_rng(1).integers(-300, 400, (IN_BLOCK, 20)).astype(str)
    block = "".join(
        f"CUS_0xBLK{number:x},MONTH,{','.join(features)}\n"
        for number, features in enumerate(values.tolist())
    )
    blocks = max(MONTHS, size // len(block))
    first = add_months(LAST, 1 - MONTHS)
    with path.open("w", encoding="utf-8") as stream:
        stream.write(",".join(CLICKSTREAM.headers) + "\n")
        for number in range(blocks):
            month = add_months(first, number * MONTHS // blocks)
            stream.write(block.replace("BLK", f"{number:x}_").replace("MONTH", month))
    return blocks * IN_BLOCK


def _measure(part: str, folder: Path) -> str:
    (file,) = find_files(folder, CLICKSTREAM)
    began, cpu = time.monotonic(), time.process_time()
    if part == "read":
        header = read_header(file, CLICKSTREAM)
        for _ in read_file(file, CLICKSTREAM, header, None):
            pass
    else:
        read_contents(file, CLICKSTREAM, sha256_of(file, CLICKSTREAM), None, False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    return f"{part}: {seconds:.0f} s, {cpu:.0f} s of CPU, peak {peak} MB"


def _quiet_folder(home: Path) -> None:
    """Look again and again at 120 files of each source, of which none is new."""
    settings = Settings(
        home=home,
        first_month=add_months(LAST, 1 - MONTHS),
        last_month=LAST,
        deliveries={"settle_seconds": 0},
    )
    portfolio = DemoPortfolio(LAST, months=MONTHS, applicants_per_month=50)
    generate(portfolio, settings.raw_folder, "monthly")
    ledger = DeliveryLedger(settings.metrics_store_url)
    began = time.monotonic()
    found = take_arrivals(settings, ledger, datetime.now(UTC)).found
    files = sum(len(of_source) for of_source in found.values())
    months = len(month_range(settings.first_month, LAST))
    print(f"first look: {files} files, {months} months: {time.monotonic() - began:.1f} s")
    os.environ["DAGSTER_HOME"] = str(home)
    repository = build_definitions(settings).get_repository_def()
    sensor = repository.get_sensor_def("delivery_arrived")
    resources = build_definitions(settings).resources or {}
    needed = {key: resources[key] for key in sensor.required_resource_keys}
    for _ in range(TICKS):
        began, cpu = time.monotonic(), time.process_time()
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_sensor_context(
                instance, repository_def=repository, resources=needed
            ) as context,
        ):
            sensor.evaluate_tick(context)
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        print(f"tick with nothing new: {seconds:.2f} s, {cpu:.2f} s of CPU")


if __name__ == "__main__":
    main()
