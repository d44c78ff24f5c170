"""One monitoring fact, and facts as the rows of a table."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import pyarrow as pa

from credit_risk_dagster.months import first_day

MEASURED = "measured"
PENDING = "pending"
NO_MODEL = "no_model"


@dataclass(frozen=True)
class Fact:
    """A figure of a month: what it is about, its value and interval, and the sample behind it."""

    basis: str
    metric: str
    subject: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    sample_size: int = 0
    band: str | None = None
    status: str = MEASURED
    model_id: str | None = None


def facts_table(
    month: str, model_id: str | None, facts: Iterable[Fact], schema: pa.Schema
) -> pa.Table:
    """Return facts of a month as rows; those without a model of their own get `model_id`."""
    rows = [
        asdict(fact) | {"snapshot_date": first_day(month), "model_id": fact.model_id or model_id}
        for fact in facts
    ]
    return pa.Table.from_pylist(rows, schema=schema)
