"""Rows as a lender delivers them, and what the tables make of them, on DuckDB."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import ibis
import pyarrow as pa
from ibis.backends.duckdb import Backend

from credit_risk_dagster.datamart.engine import DISPOSITION
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.judgement import ACCEPTED, CORRECTIONS, REASONS
from credit_risk_dagster.tables.silver import REFINE, SILVER
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_FEATURES

Row = dict[str, str]

VALID: dict[str, Row] = {
    "loans": {
        "loan_id": "CUS_0x1_2024_01_01",
        "Customer_ID": "CUS_0x1",
        "loan_start_date": "2024-01-01",
        "tenure": "10",
        "installment_num": "2",
        "loan_amt": "10000",
        "due_amt": "1000.0",
        "paid_amt": "0.0",
        "overdue_amt": "1000.0",
        "balance": "9000.0",
        "snapshot_date": "2024-03-01",
    },
    "attributes": {
        "Customer_ID": "CUS_0x1",
        "Name": "Jane Roe",
        "Age": "40",
        "SSN": "123-45-6789",
        "Occupation": "Media_Manager",
        "snapshot_date": "2024-03-01",
    },
    "financials": {
        "Customer_ID": "CUS_0x1",
        "Annual_Income": "36000.5",
        "Monthly_Inhand_Salary": "3000.25",
        "Num_Bank_Accounts": "3",
        "Num_Credit_Card": "4",
        "Interest_Rate": "12",
        "Num_of_Loan": "2",
        "Type_of_Loan": "Auto Loan, and Payday Loan",
        "Delay_from_due_date": "7",
        "Num_of_Delayed_Payment": "5",
        "Changed_Credit_Limit": "11.27",
        "Num_Credit_Inquiries": "4.0",
        "Credit_Mix": "Good",
        "Outstanding_Debt": "809.98",
        "Credit_Utilization_Ratio": "26.822619623699016",
        "Credit_History_Age": "22 Years and 1 Months",
        "Payment_of_Min_Amount": "No",
        "Total_EMI_per_month": "49.574949",
        "Amount_invested_monthly": "80.415",
        "Payment_Behaviour": "High_spent_Small_value_payments",
        "Monthly_Balance": "312.49",
        "snapshot_date": "2024-03-01",
    },
    "clickstream": {
        "Customer_ID": "CUS_0x1",
        "snapshot_date": "2024-03-01",
        **{name: str(number) for number, name in enumerate(CLICKSTREAM_FEATURES)},
    },
}

_KEY_COLUMN = {"loans": "loan_id"}


@dataclass(frozen=True)
class Outcome:
    """What became of one delivered row."""

    disposition: str
    values: Mapping[str, Any]
    corrections: str
    reasons: str

    @property
    def accepted(self) -> bool:
        return self.disposition == ACCEPTED


def delivered(name: str, **changed: str) -> Row:
    """A valid row of a source, but for what is changed."""
    assert changed.keys() <= VALID[name].keys()
    return VALID[name] | changed


def bronze(name: str, rows: Sequence[Row]) -> pa.Table:
    """Rows as bronze holds them, each on a line of its own."""
    lines = [
        {**row, "source_file": f"{name}.csv", "line_number": number}
        for number, row in enumerate(rows, start=2)
    ]
    return pa.Table.from_pylist(lines, schema=BRONZE[name].schema)


def judged(name: str, rows: Sequence[Row]) -> list[Outcome]:
    """What silver makes of rows, in no particular order."""
    _connection().create_table(f"bronze_{name}", bronze(name, rows), overwrite=True)
    found = _connection().raw_sql(_silver_query(name)).to_arrow_table().to_pylist()
    return [
        Outcome(row.pop(DISPOSITION), row, row.pop(CORRECTIONS), row.pop(REASONS)) for row in found
    ]


def outcomes(name: str, changes: Iterable[Row]) -> list[Outcome]:
    """What silver makes of a valid row with each of some changes, in their order."""
    key = _KEY_COLUMN.get(name, "Customer_ID")
    rows = [
        delivered(name, **change) | {key: identifier(key, number)}
        for number, change in enumerate(changes)
    ]
    found = judged(name, rows)
    assert len(found) == len(rows)
    return sorted(found, key=lambda outcome: str(outcome.values[key.lower()]))


def identifier(key: str, number: int) -> str:
    """An identifier as the reference lender gives them: of a loan, or of a customer."""
    return f"CUS_0x{number:04x}" + "_2024_01_01" * (key == "loan_id")


def outcome(name: str, **changed: str) -> Outcome:
    """What silver makes of one valid row, but for what is changed."""
    (found,) = judged(name, [delivered(name, **changed)])
    return found


def filled(table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of a table with nulls where nothing is given."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=table.schema)


def computed(expression: ibis.expr.types.Table) -> list[dict[str, Any]]:
    """The rows of an expression over in-memory tables."""
    rows: list[dict[str, Any]] = _connection().to_pyarrow(expression).to_pylist()
    return rows


@cache
def _connection() -> Backend:
    return ibis.duckdb.connect(threads=1)


@cache
def _silver_query(name: str) -> str:
    """Compile a table once, since compiling takes longer than running it on few rows."""
    unbound = ibis.table(ibis.Schema.from_pyarrow(BRONZE[name].schema), name=f"bronze_{name}")
    assert set(REFINE) == set(SILVER)
    return str(ibis.to_sql(REFINE[name](unbound), dialect="duckdb"))
