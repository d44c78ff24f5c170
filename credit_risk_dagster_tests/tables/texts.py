"""Texts of one column, and what a rule of cleaning makes of each, on DuckDB."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
from hypothesis import strategies as st

from credit_risk_dagster.contract.kinds import Kind
from credit_risk_dagster.contract.source import Column
from credit_risk_dagster.tables.cleaning import Cleaned

TEXTS = ibis.table({"Amount": "string", "note": "string"}, name="texts")
RAW = TEXTS.Amount

WHITE_SPACE = " \t\n\x0b\f\r"
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)

Rows = list[tuple[Any, ...]]


def column(kind: Kind | None = None, **said: Any) -> Column:
    """The column of the texts, as a contract declares it."""
    return Column("Amount", "amount", kind, "An amount", **said)


def reader(*columns: ir.Value) -> Callable[[Sequence[str | None]], Rows]:
    """Compile expressions over `RAW` once; return what gives their values for each text."""
    names = [f"column_{position}" for position in range(len(columns))]
    query = TEXTS.select(**dict(zip(names, columns, strict=True)))
    sql = str(ibis.to_sql(query, dialect="duckdb"))

    def values(texts: Sequence[str | None]) -> Rows:
        rows = pa.table({"Amount": pa.array(texts, pa.string()), "note": ["noted"] * len(texts)})
        _connection().register("texts", rows)
        return _connection().execute(sql).fetchall()

    return values


def cleaner(rule: Cleaned) -> Callable[[Sequence[str | None]], Rows]:
    """Compile a rule once; return what gives value, correction and reason of each text."""
    nothing = ibis.null("string")
    parts = [nothing if part is None else part for part in (rule.correction, rule.reason)]
    return reader(rule.value, *parts)


def cleaned(texts: Sequence[str | None], rule: Cleaned) -> Rows:
    """Value, correction and reason of each text."""
    return cleaner(rule)(texts)


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})
