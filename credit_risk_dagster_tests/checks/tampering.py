"""Partitions that break a rule, and what the checks say of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_dagster.checks.catalogue import monthly_checks
from credit_risk_dagster.checks.monthly_check import Finding
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import Input, MonthRecord
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.installation import inputs_by_name

Change = Callable[[pa.Table], pa.Table]


def find(settings: Settings, table: Table, name: str, month: str) -> Finding:
    """Return what a check says of a month."""
    (check,) = [check for check in monthly_checks() if (check.table, check.name) == (table, name)]
    return check.rule(Datamart(settings.home), settings, month)


def stored_file(settings: Settings, table: Table, month: str) -> Path:
    """Return the one file of a month, whatever has become of it."""
    datamart = Datamart(settings.home)
    (file,) = datamart.required_record(table, month).files
    return datamart.place(table).path(file.path)


def tamper(settings: Settings, table: Table, month: str, change: Change) -> None:
    """Change stored rows behind the back of their record."""
    path = stored_file(settings, table, month)
    pq.write_table(change(pq.read_table(path, partitioning=None)), path)


def rewrite(
    settings: Settings,
    table: Table,
    month: str,
    change: Change = lambda rows: rows,
    *,
    beside: Mapping[str, pa.Table] | None = None,
    facts: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Input] | None = None,
    definition: str | None = None,
) -> MonthRecord:
    """Write a month anew as an asset would, with something about it changed."""
    datamart = Datamart(settings.home)
    old = datamart.required_record(table, month)
    kept = {name: datamart.read_beside(table, month, name) for name, _ in table.beside}
    made = Draft(
        month=month,
        inputs=inputs_by_name(datamart, old.inputs, old.content_hash) if inputs is None else inputs,
        definition=old.definition if definition is None else definition,
        facts={**old.facts, **(facts or {})},
        provenance={**old.provenance, **(provenance or {})},
    )
    writer = datamart.open(table, [month])
    return writer.write(made, change(datamart.read(table, [month])), {**kept, **(beside or {})})


def with_values(**values: Any) -> Change:
    """Return the change that sets columns: one value for every row, or a list of them."""

    def change(rows: pa.Table) -> pa.Table:
        for name, value in values.items():
            column = value if isinstance(value, list) else [value] * rows.num_rows
            place = rows.schema.get_field_index(name)
            rows = rows.set_column(place, name, pa.array(column, rows.schema.field(name).type))
        return rows

    return change


def first_rows(rows: pa.Table, table: Table, name: str, count: int, **values: Any) -> pa.Table:
    """Return rows for a table beside others: keys of the first rows, with other values."""
    schema = dict(table.beside)[name]
    taken = rows.slice(0, count).to_pylist()
    return pa.Table.from_pylist([row | values for row in taken], schema=schema)
