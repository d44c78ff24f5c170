"""Panels of readings, and the states that DuckDB makes of them month after month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis.backends.duckdb import Backend

from credit_risk_dagster.contract.reference import CLICKSTREAM
from credit_risk_dagster.datamart.engine import DISPOSITION
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.months import first_day
from credit_risk_dagster.tables.panel import (
    CUSTOMER,
    DORMANT,
    DORMANT_INDEX,
    ROWS,
    dormant_index,
    known_at,
    so_far,
)
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_SO_FAR, SILVER_CLICKSTREAM
from credit_risk_dagster_tests.tables.refined import filled

SCHEMA = CLICKSTREAM_SO_FAR.schema
Readings = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class State:
    """A month's state: its rows, those that became dormant in it, and who is dormant since when."""

    rows: pa.Table
    dormant: pa.Table
    index: pa.Table


def states(readings: Readings, months: Sequence[str], kept_for: int) -> dict[str, State]:
    """The states of months, each made of the one before, with all dormant rows to look in."""
    index = CLICKSTREAM_SO_FAR.tables_beside[DORMANT_INDEX].schema.empty_table()
    before, dormant = SCHEMA.empty_table(), SCHEMA.empty_table()
    found: dict[str, State] = {}
    for month in months:
        given = filled(
            SILVER_CLICKSTREAM,
            [one for one in readings if one["snapshot_date"] == first_day(month)],
        )
        _put(before=before, readings=given, dormant=dormant)
        made = _run(_step(kept_for, dormant.num_rows > 0))
        parts = {
            name: made.filter(pc.equal(made[DISPOSITION], name)).select(SCHEMA.names).cast(SCHEMA)
            for name in (ROWS, DORMANT)
        }
        index = dormant_index(index, given[CUSTOMER], parts[DORMANT][CUSTOMER], month)
        found[month] = State(parts[ROWS], parts[DORMANT], index)
        before, dormant = parts[ROWS], pa.concat_tables([dormant, parts[DORMANT]])
    return found


def known(wanted: pa.Table, made: Mapping[str, State]) -> list[dict[str, Any]]:
    """What states say of customers as of a month each."""
    parts = {
        "state": pa.concat_tables([one.rows for one in made.values()]),
        "dormant": pa.concat_tables([one.dormant for one in made.values()]),
    }
    _put(wanted=wanted, **parts)
    rows: list[dict[str, Any]] = _run(_known()).to_pylist()
    return rows


def _put(**tables: pa.Table) -> None:
    for name, rows in tables.items():
        _connection().create_table(name, rows, overwrite=True)


def _run(query: str) -> pa.Table:
    return _connection().raw_sql(query).to_arrow_table()


@cache
def _step(kept_for: int, with_dormant: bool) -> str:
    """Compile a step once, since compiling takes longer than running it on few rows."""
    before, readings, dormant = (
        _unbound(table, name)
        for table, name in (
            (CLICKSTREAM_SO_FAR, "before"),
            (SILVER_CLICKSTREAM, "readings"),
            (CLICKSTREAM_SO_FAR, "dormant"),
        )
    )
    rows = so_far(CLICKSTREAM, before, readings, dormant if with_dormant else None, kept_for)
    return str(ibis.to_sql(rows, dialect="duckdb"))


@cache
def _known() -> str:
    wanted = ibis.table({CUSTOMER: "string", "snapshot_date": "date"}, name="wanted")
    state, dormant = (_unbound(CLICKSTREAM_SO_FAR, name) for name in ("state", "dormant"))
    return str(ibis.to_sql(known_at(wanted, state, dormant), dialect="duckdb"))


def _unbound(table: Table, name: str) -> ibis.expr.types.Table:
    return ibis.table(ibis.Schema.from_pyarrow(table.schema), name=name)


@cache
def _connection() -> Backend:
    return ibis.duckdb.connect(threads=1)
