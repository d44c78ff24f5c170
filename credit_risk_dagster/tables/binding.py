"""Whether everything that a contract declares can be computed by an engine, before there is data.

Each expression is run on no row, on nulls, on empty texts and on zeros: what a month will hold
sooner or later.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from math import isfinite

import ibis.expr.types as ir
import pyarrow as pa

from credit_risk_dagster.contract.finding import Finding
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.roles import IDENTIFIERS
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
    """Yield bronze rows that say nothing: none, then a null, an empty text and a zero."""
    yield schema.empty_table()
    yield pa.table(
        {
            field.name: [None, "", "0"] if pa.types.is_string(field.type) else [None] * 3
            for field in schema
        },
        schema=schema,
    )


def _features(contract: Contract, read: Read) -> Iterator[Finding]:
    silver = {one.name: _applicants(silver_table(one).schema) for one in contract.sources}
    state = {panel.name: _applicants(so_far_table(panel).schema) for panel in contract.panels}
    for count in (0, len(_VALUES)):

        def computed(count: int = count) -> pa.Table:
            rows = features(
                loans=read(silver[contract.loan_book.name].slice(0, count)),
                applicants={one.name: read(silver[one.name]) for one in contract.applicants},
                panels={name: (read(one), None) for name, one in state.items()},
                contract=contract,
            )
            return rows.to_pyarrow()

        yield from _tried("features", computed)


def _labels(contract: Contract, read: Read) -> Iterator[Finding]:
    rows = _applicants(silver_table(contract.loan_book).schema)
    yield from _tried("outcome", partial(_run, labels, rows, read, contract.outcome))


def _run(
    table: Callable[..., ir.Table], rows: pa.Table, read: Read, *parameters: object
) -> pa.Table:
    return table(read(rows), *parameters).to_pyarrow()


_VALUES: Sequence[float | None] = (0, None, 1)


def _applicants(schema: pa.Schema) -> pa.Table:
    """Return applicants whose numbers are all the same each, and whose texts are unknown."""

    def of(field: pa.Field, name: str, value: float | None) -> object:
        if field.name in IDENTIFIERS:
            return name
        if field.name == "month_on_book":
            return 0
        if field.name in (SNAPSHOT_DATE, "loan_start_date"):
            return MONTH
        is_number = pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
        return value if is_number else None

    rows = list(enumerate(_VALUES))
    columns = {
        field.name: [of(field, f"applicant {number}", value) for number, value in rows]
        for field in schema
    }
    return pa.table(columns, schema=schema)


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
