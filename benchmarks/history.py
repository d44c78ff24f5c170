"""What a month costs when there are ten years behind it: a book of constant size, month by month.

    python -m benchmarks.history --months 120 --applicants 500

Each month is a run of its own through Dagster, of the tables up to gold, on one file of each source
and month. See benchmarks/README.md.
"""

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

import dagster as dg

from benchmarks.meter import CHECKS, EventMeter
from benchmarks.sizes import set_up_home
from benchmarks.stage import TABLE_STAGES, rows_of, run_tables
from benchmarks.usage import MEGABYTE, NOTHING, Usage, machine
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import load_settings
from credit_risk_dagster.tables.panel import SO_FAR

LAST_MONTH = "2024-12-01"
SHOWN = (10, 20, 50, 100, 120)
ALL = tuple(table for tables in TABLE_STAGES.values() for table in tables)
GROUPS: Mapping[str, tuple[Table, ...]] = {
    **TABLE_STAGES,
    "silver": tuple(table for table in TABLE_STAGES["silver"] if table not in SO_FAR.values()),
    "so far": tuple(SO_FAR.values()),
}
"""Tables that are measured together; the running state of the clickstream by itself."""


def cost_of_months(home: Path, months: list[str]) -> Iterator[Mapping[str, Usage]]:
    """Run months one by one, and yield what each took by step.

    Raises:
        SystemExit: if a month fails.
    """
    settings = load_settings(home)
    definitions = build_definitions(settings)
    with cast(AbstractContextManager[dg.DagsterInstance], open_instance(settings)) as instance:
        meter = EventMeter()
        meter.attach(instance)
        for month in months:
            meter.steps.clear()
            if failed := run_tables(instance, definitions, ALL, month, month):
                raise SystemExit(f"{month} failed: {', '.join(failed)}")
            yield dict(meter.steps)


def print_month(number: int, month: str, steps: Mapping[str, Usage], datamart: Datamart) -> None:
    """Print what a month took by groups of tables: CPU milliseconds, megabytes read and rows."""
    cells = []
    for tables in GROUPS.values():
        used = [steps.get(f"{table.layer}__{table.name}", NOTHING) for table in tables]
        cpu, read = sum(one.cpu for one in used), sum(one.read for one in used)
        rows = rows_of(datamart, tables, [month])
        cells.append(f"{1000 * cpu:8.0f} {read / MEGABYTE:7.1f} {rows:8,d}")
    checks = sum(used.cpu for step, used in steps.items() if step.endswith(CHECKS))
    print(f"{number:5d} {' |'.join(cells)} | {1000 * checks:6.0f}", flush=True)


def main() -> None:
    """Generate ten years, run them and print some of their months."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--months", type=int, default=120)
    parser.add_argument("--applicants", type=int, default=500)
    parser.add_argument("--folder", type=Path, help="where to work; default: the system's own")
    chosen = parser.parse_args()
    portfolio = DemoPortfolio(LAST_MONTH, chosen.months, chosen.applicants)
    months = portfolio.month_keys
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        home, raw = Path(folder, "home"), Path(folder, "raw")
        generate(portfolio, raw, "monthly")
        set_up_home(home, raw, months[0], months[-1], "duckdb")
        print(f"{chosen.applicants} applicants a month, one run a month, {machine()}")
        print("CPU ms, MB read and rows of a month; CPU ms of all checks")
        print(f"month {' |'.join(name.center(25) for name in GROUPS)} | checks")
        datamart = open_datamart(load_settings(home))
        for number, steps in enumerate(cost_of_months(home, months), start=1):
            if number in SHOWN:
                print_month(number, months[number - 1], steps, datamart)


if __name__ == "__main__":
    main()
