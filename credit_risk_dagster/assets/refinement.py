"""How an engine's table is written: several months in one go, all committed together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ibis.expr.types as ir

from credit_risk_dagster.assets.monthly import Metadata, Written, write_staged
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.datamart.record import Inputs
from credit_risk_dagster.datamart.table import MONTH, Table
from credit_risk_dagster.datamart.writer import Draft, Rule
from credit_risk_dagster.tables.catalogue import BY_PATH
from credit_risk_dagster.tables.definitions import definition_of
from credit_risk_dagster.tables.judgement import REASONS

ROWS_AT_ONCE = {"duckdb": 500_000}
"""How many rows of input an engine refines in one query; of Spark one job does all."""


@dataclass(frozen=True)
class Refined:
    """What the record of a refined month holds beside its rows, and the rules that it must keep."""

    inputs: Inputs
    facts: Mapping[str, Any] = field(default_factory=dict)
    rules: Sequence[Rule] = ()


def refine(
    datamart: Datamart,
    engine: Engine,
    table: Table,
    rows: Callable[[Sequence[str]], ir.Table],
    months: Sequence[str],
    refined: Callable[[str], Refined],
    figures: Callable[[str], Metadata],
) -> Written:
    """Write the months of a table that one expression computes, as many at once as fit.

    Args:
        datamart: where the table lives.
        engine: what computes the rows; the fewer and larger its jobs the better.
        table: the table.
        rows: reads the inputs of some months and gives the rows of these.
        months: the months, in order.
        refined: gives what is recorded of a month.
        figures: gives what Dagit shows of a month once it is written.
    """
    writer = datamart.open(table, months)

    def staged() -> Iterator[str]:
        made_of = {month: refined(month) for month in months}
        sizes = {month: _input_rows(datamart, kept.inputs) for month, kept in made_of.items()}
        for group in groups_of_months(sizes, ROWS_AT_ONCE.get(engine.name)):
            some = rows(group)
            order, size = _order(table, some), sum(sizes[month] for month in group)
            staging = writer.staging / group[0]
            engine.write(some, order, MONTH, writer.new_file, staging, size)
            for month in group:
                writer.stage(_draft(table, month, made_of[month], engine))
                yield month

    yield from write_staged(datamart, table, writer, staged(), figures)


def groups_of_months(sizes: Mapping[str, int], limit: int | None) -> list[list[str]]:
    """Cut months into groups of neighbours whose sizes add up to a limit at most, if there is one.

    A month that is larger than the limit is a group of its own.
    """
    groups: list[list[str]] = []
    filled = 0
    for month, size in sizes.items():
        filled += size
        if not groups or (limit is not None and filled > limit):
            groups.append([])
            filled = size
        groups[-1].append(month)
    return groups


def _input_rows(datamart: Datamart, inputs: Inputs) -> int:
    """Return the rows of the months that a month is made of."""
    parts = (name.rpartition("/") for name in inputs)
    return sum(datamart.required_record(BY_PATH[path], month).rows for path, _, month in parts)


def _draft(table: Table, month: str, kept: Refined, engine: Engine) -> Draft:
    return Draft(
        month=month,
        inputs=kept.inputs,
        definition=definition_of(table),
        facts=kept.facts,
        provenance={"engine": engine.name},
        rules=kept.rules,
    )


def _order(table: Table, rows: ir.Table) -> list[str]:
    """Key order; quarantined rows may share a key, and are then in the order of their reasons."""
    return [*table.key, *(name for name in (REASONS,) if name in rows.columns)]
