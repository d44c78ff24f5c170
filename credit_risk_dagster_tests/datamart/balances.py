"""A small table with refused rows beside it, for tests of how months are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.maintenance import orphans
from credit_risk_dagster.datamart.record import Input, MonthRecord
from credit_risk_dagster.datamart.table import DELIVERED_MONTH, Table, schema_of
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.months import first_day

MONTH, NEXT = "2024-09-01", "2024-10-01"
TABLE = Table(
    layer="silver",
    name="balances",
    description="What is still to be repaid of each loan.",
    schema=schema_of(loan_id=pa.string(), snapshot_date=pa.date32(), balance=pa.float64()),
    key=("loan_id",),
    beside=(("quarantined", schema_of(loan_id=pa.string(), reasons=pa.string())),),
)
QUARANTINED = TABLE.tables_beside["quarantined"]
DELIVERED = Table(
    layer="bronze",
    name="loans",
    schema=schema_of(loan_id=pa.string(), balance=pa.string(), source_file=pa.string()),
    key=(),
    unhashed=("source_file",),
    month_column=DELIVERED_MONTH,
)
INPUTS = {"bronze/loans/2024-09-01": Input("abc", 3, origin="mailed", recipe="as text")}


def rows(*balances: float, month: str = MONTH) -> pa.Table:
    """Loans L0, L1 … with these balances."""
    return pa.table(
        {
            "loan_id": [f"L{number}" for number in range(len(balances))],
            "snapshot_date": [first_day(month)] * len(balances),
            "balance": balances,
        },
        schema=TABLE.schema,
    )


def refused(*loan_ids: str) -> pa.Table:
    """Rows to be kept beside the others."""
    reasons = ["balance 'x' is not a number"] * len(loan_ids)
    return pa.table({"loan_id": loan_ids, "reasons": reasons}, schema=QUARANTINED.schema)


def delivered_rows(*balances: str, source_file: str = "a.csv") -> pa.Table:
    """Loans L0, L1 … as they were delivered."""
    columns = {
        "loan_id": [f"L{number}" for number in range(len(balances))],
        "balance": balances,
        "source_file": [source_file] * len(balances),
    }
    return pa.table(columns, schema=DELIVERED.schema)


def write(
    datamart: Datamart,
    *balances: float,
    month: str = MONTH,
    table: Table = TABLE,
    beside: Sequence[str] = (),
    **drafted: Any,
) -> MonthRecord:
    """Write a month of balances, with the refused loans beside them, as an asset does."""
    draft = replace(Draft(month, INPUTS), **drafted)
    writer = datamart.open(table, [month])
    return writer.write(draft, rows(*balances, month=month), {"quarantined": refused(*beside)})


def balances_of(datamart: Datamart, month: str = MONTH, table: Table = TABLE) -> list[float]:
    """The balances of a month."""
    found: list[float] = datamart.read(table, [month])["balance"].to_pylist()
    return found


def quarantined_of(datamart: Datamart, month: str = MONTH, table: Table = TABLE) -> list[str]:
    """The loans that were refused in a month."""
    found: list[str] = datamart.read_beside(table, month, "quarantined")["loan_id"].to_pylist()
    return found


def stored(datamart: Datamart) -> dict[Path, tuple[int, int]]:
    """Every file of the datamart with its time of change and its place on the disk."""
    files = (path for path in datamart.folder.rglob("*") if path.is_file())
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in files}


def on_disk(datamart: Datamart, files: Iterable[tuple[str, str]]) -> set[Path]:
    """The paths of files that are named by table and name."""
    return {datamart.folder / table / name for table, name in files}


def orphaned(datamart: Datamart, tables: Sequence[Table]) -> list[Path]:
    """The paths of what no commit named."""
    return sorted(on_disk(datamart, orphans(datamart, tables)))
