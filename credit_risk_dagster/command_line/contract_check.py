"""What is wrong with a contract, looked at as a whole: declarations, functions, both engines."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_dagster.contract.check import findings
from credit_risk_dagster.contract.finding import Finding
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.resources.engine import engine_resource
from credit_risk_dagster.settings import Settings, TrainingPolicy
from credit_risk_dagster.tables.binding import Read, binding_findings
from credit_risk_dagster.tables.named_functions import function_findings

EngineName = Literal["duckdb", "pyspark"]

ENGINES: tuple[EngineName, ...] = ("duckdb", "pyspark")


@dataclass(frozen=True)
class Figures:
    """How large a contract is, and how much history it asks for."""

    sources: int
    columns: int
    features: int
    feature_columns: int
    months_until_training: int

    def __str__(self) -> str:
        """Say it in words."""
        return (
            f"{self.sources} sources with {self.columns} columns, {self.features} features in "
            f"{self.feature_columns} columns; the first training needs "
            f"{self.months_until_training} months of history"
        )


def figures_of(contract: Contract, policy: TrainingPolicy) -> Figures:
    """Count what a contract declares.

    A label is known so many months after origination, and a training needs a window of cohorts of
    labels: the month after that is the first to train.
    """
    return Figures(
        sources=len(contract.sources),
        columns=sum(len(source.columns) for source in contract.sources),
        features=len(contract.features),
        feature_columns=len(contract.feature_columns),
        months_until_training=contract.outcome.month_on_book + policy.window_months,
    )


def all_findings(contract: Contract, engines: Sequence[EngineName]) -> list[Finding]:
    """Return everything that is wrong with a contract; what rests on something wrong is not tried.

    Args:
        contract: the contract as it was read.
        engines: the engines that are to compute it.
    """
    found = findings(contract) or function_findings(contract)
    for name in engines:
        if found:
            break
        with _opened(name) as engine, _reading(engine) as read:
            found = [
                Finding(f"{one.place} on {name}", one.sentence)
                for one in binding_findings(contract, read)
            ]
    return found


@contextmanager
def _opened(name: EngineName) -> Iterator[Engine]:
    """Open an engine on this machine, away from any home."""
    with TemporaryDirectory() as folder:
        settings = Settings(
            home=Path(folder), engine=name, spark_master="local[2]", scratch=None, tables=None
        )
        yield engine_resource(settings).open()


@contextmanager
def _reading(engine: Engine) -> Iterator[Read]:
    """Give an engine rows by way of small Parquet files."""
    numbers = itertools.count()
    with TemporaryDirectory() as folder:

        def read(rows: pa.Table) -> ir.Table:
            path = Path(folder, f"{next(numbers)}.parquet")
            pq.write_table(rows, path)
            return engine.read([path], rows.schema)

        yield read
