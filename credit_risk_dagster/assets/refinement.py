"""How an engine's table is written: all months in one go, then committed together."""

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
from credit_risk_dagster.tables.definitions import definition_of
from credit_risk_dagster.tables.judgement import REASONS


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
    rows: Callable[[], ir.Table],
    months: Sequence[str],
    refined: Callable[[str], Refined],
    figures: Callable[[str], Metadata],
) -> Written:
    """Write the months of a table that one expression computes.

    Args:
        datamart: where the table lives.
        engine: what computes the rows; the fewer and larger its jobs the better.
        table: the table.
        rows: reads the inputs and gives the rows of all months.
        months: the months, in order.
        refined: gives what is recorded of a month.
        figures: gives what Dagit shows of a month once it is written.
    """
    writer = datamart.open(table, months)

    def staged() -> Iterator[str]:
        made_of = {month: refined(month) for month in months}
        expression = rows()
        engine.write(expression, _order(table, expression), MONTH, writer.new_file, writer.staging)
        for month, kept in made_of.items():
            writer.stage(
                Draft(
                    month=month,
                    inputs=kept.inputs,
                    definition=definition_of(table),
                    facts=kept.facts,
                    provenance={"engine": engine.name},
                    rules=kept.rules,
                )
            )
            yield month

    yield from write_staged(datamart, table, writer, staged(), figures)


def _order(table: Table, rows: ir.Table) -> list[str]:
    """Key order; quarantined rows may share a key, and are then in the order of their reasons."""
    return [*table.key, *(name for name in (REASONS,) if name in rows.columns)]
