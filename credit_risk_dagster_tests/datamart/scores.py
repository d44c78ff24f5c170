"""A chain of three small tables, from the delivery to scores that were issued."""

from collections.abc import Sequence

import pyarrow as pa

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.lineage import with_tables_beside
from credit_risk_dagster.datamart.record import Input, Inputs, MonthRecord
from credit_risk_dagster.datamart.table import Table, schema_of
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.months import first_day
from credit_risk_dagster_tests.datamart.balances import (
    DELIVERED,
    MONTH,
    TABLE,
    delivered_rows,
    write,
)

SCORES = Table(
    layer="inference",
    name="scores",
    description="The probability of default of each loan.",
    schema=schema_of(loan_id=pa.string(), snapshot_date=pa.date32(), probability=pa.float64()),
    key=("loan_id",),
    decides=True,
    is_evidence=True,
)
CHAIN = (DELIVERED, TABLE, SCORES)
EVERY = with_tables_beside(CHAIN)


def deliver(datamart: Datamart, *balances: str, month: str = MONTH) -> MonthRecord:
    """Take over a delivery."""
    text = ",".join(balances)
    inputs = {f"delivery/balances/{month}": Input(text, origin=text)}
    return datamart.open(DELIVERED, [month]).write(Draft(month, inputs), delivered_rows(*balances))


def refine(
    datamart: Datamart, *balances: float, month: str = MONTH, beside: Sequence[str] = ()
) -> MonthRecord:
    """Make balances of what was delivered first."""
    inputs = datamart.inputs(DELIVERED, [MONTH])
    return write(datamart, *balances, month=month, beside=beside, inputs=inputs)


def score(
    datamart: Datamart, *probabilities: float, month: str = MONTH, inputs: Inputs | None = None
) -> MonthRecord:
    """Issue scores for the balances."""
    columns = {
        "loan_id": [f"L{number}" for number in range(len(probabilities))],
        "snapshot_date": [first_day(month)] * len(probabilities),
        "probability": probabilities,
    }
    draft = Draft(month, datamart.inputs(TABLE, [MONTH]) if inputs is None else inputs)
    rows = pa.table(columns, schema=SCORES.schema)
    return datamart.open(SCORES, [month]).write(draft, rows)


def probabilities_of(datamart: Datamart, month: str = MONTH) -> list[float]:
    """The scores of a month."""
    found: list[float] = datamart.read(SCORES, [month])["probability"].to_pylist()
    return found
