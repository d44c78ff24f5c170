"""Writers that race: processes of their own, all of which see a table before any of them writes."""

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Barrier

from credit_risk_dagster.datamart.commit import MonthTakenError
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster_tests.datamart.balances import refused, rows

SECONDS = 120

Races = Mapping[str, tuple[Table, Sequence[str]]]
"""A table, and the month of it that each writer writes, by the name of the race."""


@dataclass(frozen=True)
class Outcome:
    """What became of a writer: the version that it made, or what it was told."""

    race: str
    writer: int
    version: int | None
    said: str = ""


def race(datamart: Datamart, races: Races, writers: int) -> list[Outcome]:
    """Run races one after the other, each with as many processes; return what became of each."""
    context = multiprocessing.get_context("spawn")
    start = (context.Barrier(writers),)
    with ProcessPoolExecutor(writers, context, _take_place, start) as pool:
        running = [
            pool.submit(_write, replace(datamart), races, writer) for writer in range(writers)
        ]
        return [outcome for one in running for outcome in one.result()]


def _take_place(start: Barrier) -> None:
    global _start
    _start = start


def _write(datamart: Datamart, races: Races, writer: int) -> list[Outcome]:
    try:
        return [
            _write_month(datamart, name, table, months[writer], writer)
            for name, (table, months) in races.items()
        ]
    except BaseException:
        _start.abort()  # or the others would wait for this one
        raise


def _write_month(datamart: Datamart, name: str, table: Table, month: str, writer: int) -> Outcome:
    _start.wait(SECONDS)
    opened = datamart.open(table, [month])
    _start.wait(SECONDS)
    try:
        record = opened.write(
            Draft(month, {}),
            rows(*[float(writer)] * 3, month=month),
            {"quarantined": refused(f"Q{writer}")},
        )
    except MonthTakenError as taken:
        return Outcome(name, writer, None, str(taken))
    return Outcome(name, writer, record.version)
