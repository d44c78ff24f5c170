"""What a month, a portfolio and a large portfolio take, stage by stage, beside a yardstick.

    python -m benchmarks.sizes --applicants 500 5000 20000 --months 24
    python -m benchmarks.sizes --raw FOLDER --first 2023-01 --months 24

Each stage runs in a process of its own on the same home, then everything in one process on a fresh
home; hand-written SQL makes the same gold, and must make the same rows. See benchmarks/README.md.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.printing import print_comparison, print_figures
from benchmarks.stage import STAGES, WHOLE
from benchmarks.usage import machine
from benchmarks.yardstick import first_difference
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.months import add_months, month_range, parse_month
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import load_settings, save_settings

YARDSTICK = "yardstick"

Measured = dict[str, Mapping[str, Any]]
"""Figures by stage."""


def measured(module: str, arguments: Sequence[str], folder: Path) -> Mapping[str, Any]:
    """Run a module in a process of its own and return its figures with the seconds it took.

    Raises:
        SystemExit: if it fails.
    """
    report = folder / "figures.json"
    root = Path(__file__).parent.parent
    others = {name: text for name, text in os.environ.items() if "CREDIT_RISK" not in name}
    command = [sys.executable, "-m", module, *arguments, str(report)]
    began = time.monotonic()
    if subprocess.run(command, env={**others, "PYTHONPATH": str(root)}, check=False).returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    figures: Mapping[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return {"seconds": time.monotonic() - began, **figures}


def set_up_home(home: Path, raw: Path, first: str, last: str, engine: str) -> None:
    """Make a home whose settings are the defaults, but for what it is run on."""
    settings = load_settings(home)
    save_settings(settings, raw=str(raw), first_month=first, last_month=last, engine=engine)


def measure(raw: Path, first: str, last: str, engine: str, folder: Path) -> Measured:
    """Measure every stage, the whole and the yardstick on some extracts, and compare their gold.

    Raises:
        SystemExit: with the first difference, if the yardstick makes other gold.
    """
    home, fresh, made = folder / "home", folder / "fresh", folder / "made"
    for one in (home, fresh):
        set_up_home(one, raw.resolve(), first, last, engine)
    taken: Measured = {}
    for stage in STAGES:
        taken[stage] = measured("benchmarks.stage", [str(home), stage, first, last], folder)
    taken[WHOLE] = measured("benchmarks.stage", [str(fresh), WHOLE, first, last], folder)
    arguments = [str(raw.resolve()), first, last, str(made)]
    taken[YARDSTICK] = measured("benchmarks.yardstick", arguments, folder)
    datamart = open_datamart(load_settings(home))
    difference = first_difference(datamart, month_range(first, last), made)
    if difference is not None:
        raise SystemExit(f"The yardstick makes other gold than the platform: {difference}")
    return taken


def main() -> None:
    """Measure each size, print and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--applicants", type=int, nargs="+", default=[500, 5_000, 20_000])
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--engine", choices=["duckdb", "pyspark"], default="duckdb")
    parser.add_argument("--first", type=parse_month, default="2023-01-01")
    parser.add_argument("--raw", type=Path, help="a lender's own extracts instead of generated")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--folder", type=Path, help="where to work; default: the system's own")
    chosen = parser.parse_args()
    first, last = chosen.first, add_months(chosen.first, chosen.months - 1)
    found: dict[str, object] = {}
    for size in [None] if chosen.raw else chosen.applicants:
        name = str(chosen.raw) if chosen.raw else f"{size} applicants"
        title = f"{name} x {chosen.months} months, {chosen.engine}, {machine()}"
        with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
            raw = chosen.raw or Path(folder, "raw")
            if size is not None:
                generate(DemoPortfolio(last, chosen.months, size), raw)
            taken = measure(raw, first, last, chosen.engine, Path(folder))
        print_figures(title, taken)
        print_comparison(taken)
        found[title] = taken
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
