"""How an engine's table is written: all months in one go, then swapped in one by one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ibis.expr.types as ir

from credit_risk_dagster.assets.monthly import Metadata, Written, table_metadata
from credit_risk_dagster.datamart.datamart import Datamart, Rule
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.datamart.table import MONTH, Table
from credit_risk_dagster.tables.judgement import REASONS


@dataclass(frozen=True)
class Record:
    """What a partition's manifest records beside its rows, and the rules that it must keep."""

    inputs: Mapping[str, str]
    facts: Mapping[str, Any] = field(default_factory=dict)
    rules: Sequence[Rule] = ()


def refine(
    datamart: Datamart,
    engine: Engine,
    table: Table,
    rows: ir.Table,
    months: Sequence[str],
    record: Callable[[str], Record],
    figures: Callable[[str], Metadata],
) -> Written:
    """Write the months of a table that one expression computes.

    Args:
        datamart: where the table lives.
        engine: what computes the rows; the fewer and larger its jobs the better.
        table: the table.
        rows: the rows of all months.
        months: the months, in order.
        record: gives a month's record.
        figures: gives what Dagit shows of a month once it is written.
    """
    with datamart.staging(table) as folder:
        engine.write(rows, _order(table, rows), MONTH, folder)
        for month in months:
            kept = record(month)
            manifest = datamart.commit(
                table,
                month,
                folder / month,
                inputs=kept.inputs,
                facts=kept.facts,
                rules=kept.rules,
                provenance={"engine": engine.name},
            )
            yield month, table_metadata(datamart, table, manifest, **figures(month))


def _order(table: Table, rows: ir.Table) -> list[str]:
    """Key order; quarantined rows may share a key, and are then in the order of their reasons."""
    return [*table.key, *(name for name in (REASONS,) if name in rows.columns)]
