"""Whether everything that a contract declares can be computed by an engine, before there is data.

Each expression is run on no row, on nulls, on empty texts and on zeros: what a month will hold
sooner or later.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from math import isfinite

import ibis.expr.types as ir
import pyarrow as pa

from credit_risk_dagster.contract.finding import Finding
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Source
from credit_risk_dagster.tables.bronze import bronze_table
from credit_risk_dagster.tables.gold import features
from credit_risk_dagster.tables.labels import labels
from credit_risk_dagster.tables.panel import so_far_table
from credit_risk_dagster.tables.silver import refined, silver_table

Read = Callable[[pa.Table], ir.Table]
"""Makes rows known to an engine."""

MONTH = date(2024, 3, 1)


def binding_findings(contract: Contract, read: Read) -> list[Finding]:
    """Return every declaration that an engine cannot compute, in words.

    Args:
        contract: a contract in which nothing else is wrong.
        read: makes rows known to the engine.
    """
    found = [one for source in contract.sources for one in _source(source, read)]
    if found:
        return found
    return [*_features(contract, read), *_labels(contract, read)]


def _source(source: Source, read: Read) -> Iterator[Finding]:
    schema, table = bronze_table(source).schema, silver_table(source)
    for rows in _texts(schema):
        yield from _tried(
            f"source {source.name}", partial(_run, refined, rows, read, source, table)
        )


def _texts(schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield bronze rows that say nothing: none, nulls, empty texts, zeros."""
    yield schema.empty_table()
    for text in (None, "", "0"):
        values = {
            field.name: [text if pa.types.is_string(field.type) else None] for field in schema
        }
        yield pa.table(values, schema=schema)


def _features(contract: Contract, read: Read) -> Iterator[Finding]:
    for value in _VALUES:
        silver = {one.name: _rows(silver_table(one).schema, value) for one in contract.sources}
        state = {panel.name: _rows(so_far_table(panel).schema, value) for panel in contract.panels}

        def computed(
            silver: Mapping[str, pa.Table] = silver, state: Mapping[str, pa.Table] = state
        ) -> pa.Table:
            rows = features(
                loans=read(silver[contract.loan_book.name]),
                applicants={one.name: read(silver[one.name]) for one in contract.applicants},
                panels={name: (read(one), None) for name, one in state.items()},
                contract=contract,
            )
            return rows.to_pyarrow()

        yield from _tried("features", computed)


def _labels(contract: Contract, read: Read) -> Iterator[Finding]:
    schema = silver_table(contract.loan_book).schema
    for value in _VALUES:
        rows = _rows(schema, value)
        yield from _tried("outcome", partial(_run, labels, rows, read, contract.outcome))


def _run(
    table: Callable[..., ir.Table], rows: pa.Table, read: Read, *parameters: object
) -> pa.Table:
    return table(read(rows), *parameters).to_pyarrow()


_VALUES: Sequence[float | None] = (0, None, 1)


def _rows(schema: pa.Schema, value: float | None) -> pa.Table:
    """Return one row of an applicant whose numbers are all the same, and texts unknown."""

    def of(field: pa.Field) -> object:
        if field.name in ("loan_id", "customer_id", "application_id"):
            return "one"
        if field.name == "month_on_book":
            return 0
        if field.name in (SNAPSHOT_DATE, "loan_start_date"):
            return MONTH
        return (
            value if pa.types.is_floating(field.type) or pa.types.is_integer(field.type) else None
        )

    return pa.table({field.name: [of(field)] for field in schema}, schema=schema)


def _tried(place: str, compute: Callable[[], pa.Table]) -> Iterator[Finding]:
    """Compute, and say what an engine or a function of the lender's refuses."""
    try:
        rows = compute()
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the answer to the question
        yield Finding(place, f"cannot be computed: {type(error).__name__}: {_first_line(error)}")
        return
    for name in rows.column_names:
        if pa.types.is_floating(rows.schema.field(name).type):
            values = [one for one in rows[name].to_pylist() if one is not None]
            if not all(isfinite(one) for one in values):
                yield Finding(f"{place}, {name}", "is infinite or no number where it divides by 0.")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["without a word"])[0][:300]
