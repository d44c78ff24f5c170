"""The yardstick: hand-written SQL that makes gold of the raw extracts, and what it must equal."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.usage import Figures, peak_megabytes, usage_now
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE, LABELS

SCRIPT = Path(__file__).with_name("yardstick.sql")
GOLD: tuple[Table, ...] = (FEATURES_TABLE, LABELS, COHORT)
THREADS = 2
TOLERANCE = 1e-9


def run_yardstick(raw: Path, first: str, last: str, made: Path) -> None:
    """Make features, labels and cohort of the extracts, one Parquet file each.

    Args:
        raw: the folder of the extracts.
        first: the first month.
        last: the last one.
        made: the folder of the three files.
    """
    made.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": THREADS}) as connection:
        for name, value in {"raw": str(raw), "first_month": first, "last_month": last}.items():
            connection.execute(f"SET VARIABLE {name} = $value", {"value": value})
        connection.execute(SCRIPT.read_text(encoding="utf-8"))
        for table in GOLD:
            connection.table(table.name).write_parquet(str(made / f"{table.name}.parquet"))


def first_difference(datamart: Datamart, months: Sequence[str], made: Path) -> str | None:
    """Return where the platform's gold and that of the yardstick first differ, or None.

    Numbers are equal within one part in a billion; everything else is equal.
    """
    for table in GOLD:
        platform = datamart.read(table, months)
        path = made / f"{table.name}.parquet"
        fault = _first_difference(platform, pq.read_table(path).cast(platform.schema))
        if fault is not None:
            return f"{table.name}: {fault}"
    return None


def _first_difference(platform: pa.Table, yardstick: pa.Table) -> str | None:
    order = [(name, "ascending") for name in ("loan_id", "snapshot_date")]
    here, there = platform.sort_by(order), yardstick.sort_by(order)
    if here.num_rows != there.num_rows:
        return f"{here.num_rows} rows of the platform, {there.num_rows} of the yardstick"
    return next(_differences(here, there), None)


def _differences(here: pa.Table, there: pa.Table) -> Iterator[str]:
    loans = here["loan_id"].to_pylist()
    for name in here.column_names:
        pairs = zip(loans, here[name].to_pylist(), there[name].to_pylist(), strict=True)
        for loan, one, other in pairs:
            if one != other and not _close(one, other):
                yield f"{name} of {loan} is {one!r} in the platform, {other!r} in the yardstick"


def _close(one: object, other: object) -> bool:
    if not (isinstance(one, float) and isinstance(other, float)):
        return False
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other))


def main(raw: Path, first: str, last: str, made: Path, report: Path) -> None:
    """Run the yardstick in this process and write what it took."""
    begun = usage_now()
    run_yardstick(raw, first, last, made)
    taken = usage_now() - begun
    rows = sum(pq.read_metadata(made / f"{table.name}.parquet").num_rows for table in GOLD)
    found: Figures = {
        "cpu": begun.cpu + taken.cpu,
        "start_cpu": begun.cpu,
        "work_cpu": taken.cpu,
        "peak_mb": peak_megabytes(),
        "read": taken.read,
        "written": taken.written,
        "rows": rows,
    }
    report.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:4], Path(sys.argv[4]), Path(sys.argv[5]))
