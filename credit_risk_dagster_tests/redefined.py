"""Tables made by another definition than those before them."""

from collections.abc import Iterator
from contextlib import contextmanager

import ibis.expr.types as ir
import pytest

from credit_risk_dagster.tables import gold
from credit_risk_dagster.tables.definitions import definition_of

STRICTER = 60
"""Days past due from which on a loan is in default, by the other definition."""


@contextmanager
def another_definition_of_default() -> Iterator[None]:
    """Let a loan be in default later: the labels, and nothing else, are defined otherwise."""
    with _redefined("DEFAULT_DAYS_PAST_DUE", STRICTER):
        yield


@contextmanager
def another_definition_of_features() -> Iterator[None]:
    """Let applicants be a year older: the features, and nothing else, are defined otherwise."""
    as_it_is = gold.features

    def a_year_older(*read: ir.Table, **silver: ir.Table) -> ir.Table:
        rows = as_it_is(*read, **silver)
        return rows.mutate(age=rows.age + 1)

    with _redefined("features", a_year_older):
        yield


@contextmanager
def _redefined(name: str, value: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gold, name, value)
        definition_of.cache_clear()
        try:
            yield
        finally:
            definition_of.cache_clear()
