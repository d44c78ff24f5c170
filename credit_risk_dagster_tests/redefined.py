"""Tables made by another definition than those before them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import ibis.expr.types as ir
import pytest

from credit_risk_dagster.contract.outcome import Outcome
from credit_risk_dagster.tables import gold, labels
from credit_risk_dagster.tables.definitions import definition_of

STRICTER = 60
"""Days past due from which on a loan is in default, by the other definition."""


@contextmanager
def another_definition_of_default() -> Iterator[None]:
    """Let a loan be in default later: the labels, and nothing else, are defined otherwise."""
    as_it_is = labels.in_arrears

    def stricter(loans: ir.Table, outcome: Outcome) -> ir.BooleanValue:
        return as_it_is(loans, replace(outcome, days_past_due=STRICTER))

    with _redefined(labels, "in_arrears", stricter):
        yield


@contextmanager
def another_definition_of_features() -> Iterator[None]:
    """Let applicants be a year older: the features, and nothing else, are defined otherwise."""
    as_it_is = gold.features

    def a_year_older(**read: Any) -> ir.Table:
        rows = as_it_is(**read)
        return rows.mutate(age=rows.age + 1)

    with _redefined(gold, "features", a_year_older):
        yield


@contextmanager
def _redefined(module: ModuleType, name: str, value: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, name, value)
        definition_of.cache_clear()
        try:
            yield
        finally:
            definition_of.cache_clear()
