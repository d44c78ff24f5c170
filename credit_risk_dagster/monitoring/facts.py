"""One monitoring fact, and facts as the rows of a table."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import pyarrow as pa

from credit_risk_dagster.models.metric import Metric
from credit_risk_dagster.months import first_day

MEASURED, PENDING = "measured", "pending"
NO_MODEL, NO_APPLICANTS = "no_model", "no_applicants"
WITHIN_NOISE, BEYOND_NOISE = "within_noise", "beyond_noise"

OVERALL = "overall"


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


def metric_fact(
    basis: str, metric: Metric, subject: str, status: str = MEASURED, model_id: str | None = None
) -> Fact:
    """Return a figure with its interval as a fact about a subject."""
    return Fact(
        basis=basis,
        metric=metric.name,
        subject=subject,
        value=metric.value,
        lower=metric.lower,
        upper=metric.upper,
        sample_size=metric.sample_size,
        status=status,
        model_id=model_id,
    )


def facts_table(
    month: str, model_id: str | None, facts: Iterable[Fact], schema: pa.Schema
) -> pa.Table:
    """Return facts of a month as rows; those without a model of their own get `model_id`."""
    rows = [
        asdict(fact) | {"snapshot_date": first_day(month), "model_id": fact.model_id or model_id}
        for fact in facts
    ]
    return pa.Table.from_pylist(rows, schema=schema)
