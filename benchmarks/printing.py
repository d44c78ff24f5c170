"""The figures of a benchmark as a table, and how they compare."""

from collections.abc import Mapping
from typing import Any

from benchmarks.stage import TABLE_STAGES, WHOLE
from benchmarks.usage import MEGABYTE

HIGHEST_FACTOR = 10
"""How many times the CPU seconds of the yardstick the tables may take."""

Measured = Mapping[str, Mapping[str, Any]]

COLUMNS = (
    ("seconds", "seconds", 1, 1),
    ("cpu", "CPU s", 1, 1),
    ("start_cpu", "start", 1, 1),
    ("work_cpu", "work", 1, 1),
    ("checks_cpu", "checks", 1, 1),
    ("events_cpu", "events", 1, 1),
    ("peak_mb", "peak MB", 1, 0),
    ("read", "read MB", MEGABYTE, 1),
    ("written", "written MB", MEGABYTE, 1),
    ("rows", "rows", 1, 0),
)
"""Of each column: figure, heading, unit and decimals."""


def print_figures(title: str, taken: Measured) -> None:
    """Print a row of figures for each stage."""
    print(f"\n{title}")
    print("".join(["".ljust(12), *(heading.rjust(12) for _, heading, _, _ in COLUMNS)]))
    for stage, figures in taken.items():
        cells = [_cell(figures.get(name), unit, places) for name, _, unit, places in COLUMNS]
        print("".join([stage.ljust(12), *(cell.rjust(12) for cell in cells)]), flush=True)


def _cell(figure: float | None, unit: float, places: int) -> str:
    return "" if figure is None else f"{figure / unit:,.{places}f}"


def print_comparison(taken: Measured) -> None:
    """Print how the tables compare with the yardstick, and what an event costs."""
    tables = [taken[stage] for stage in TABLE_STAGES]
    work, checks = (sum(one[name] for one in tables) for name in ("work_cpu", "checks_cpu"))
    yardstick, whole = taken["yardstick"]["work_cpu"], taken[WHOLE]
    factor, with_checks = work / yardstick, (work + checks) / yardstick
    verdict = "within" if factor <= HIGHEST_FACTOR else "ABOVE"
    print("The yardstick makes the same features, labels and cohort.")
    print(
        f"Tables / yardstick: {work:.2f} / {yardstick:.2f} CPU s = {factor:.1f}, "
        f"{verdict} the bar of {HIGHEST_FACTOR}; with their checks {with_checks:.1f}"
    )
    print(
        f"Events of the whole: {whole['events']:.0f}, "
        f"{1000 * whole['event_writes_cpu'] / whole['events']:.2f} ms of CPU each to write; "
        f"{whole['events_cpu']:.1f} CPU s with what is looked up",
        flush=True,
    )
