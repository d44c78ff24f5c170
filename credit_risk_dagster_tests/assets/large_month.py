"""Score months of so many applicants and measure their drift; print the peak of memory in MB.

    python -m credit_risk_dagster_tests.assets.large_month HOME 131072 524288

makes a home with a model in production and prints the peak after each month. Not a test: run by
one, in a process of its own.
"""

import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.models.reference import model_inputs
from credit_risk_dagster.monitoring.reference import freeze_reference
from credit_risk_dagster.months import add_months, first_day
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import DRIFT
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained
from credit_risk_dagster_tests.table_runs import run_tables

FIRST, MODEL = "2024-09-01", "2024-09-logistic_regression-000000000000"
CHUNK_ROWS = 10_000


def settings_of(home: Path) -> Settings:
    """Return settings under which memory is the product's own: no report, little for DuckDB."""
    return Settings(
        home=home,
        first_month=FIRST,
        last_month=add_months(FIRST, 1),
        engine_memory="128MB",
        monitoring={"report_features": 0},
    )


def put_into_production(home: Path, months: Sequence[str]) -> None:
    """Make an installation that has a model in production in some months."""
    candidate, loans = trained("logistic_regression"), loan_frame()
    reference = freeze_reference(
        model_inputs(candidate.model, loans),
        loans["loan_id"],
        pd.Series(candidate.oot_probabilities),
        pd.Series(candidate.oot_loan_ids),
    )
    sha256 = ModelStore(home / "models").save(MODEL, candidate.model, {}, reference)
    writer = Datamart(home).open(PRODUCTION_MODEL, months)
    for month in months:
        record = {"snapshot_date": first_day(month), "model_id": MODEL, "model_sha256": sha256}
        rows = pa.Table.from_pylist([record], schema=PRODUCTION_MODEL.schema)
        writer.stage_rows(Draft(month, inputs={}), rows)
    writer.commit()


def apply_for_loans(home: Path, month: str, applicants: int) -> None:
    """Write the features of a month, a chunk at a time."""
    writer = Datamart(home).open(FEATURES_TABLE, [month])
    with pq.ParquetWriter(writer.new_file(month), FEATURES_TABLE.schema) as file:
        for chunk in _chunks(month, applicants):
            file.write_table(pa.Table.from_pandas(chunk, FEATURES_TABLE.schema))
    writer.stage(Draft(month, inputs={}))
    writer.commit()


def _chunks(month: str, applicants: int) -> Iterator[pd.DataFrame]:
    loans, day = loan_frame(), first_day(month)
    for start in range(0, applicants, CHUNK_ROWS):
        numbers = np.arange(start, min(start + CHUNK_ROWS, applicants))
        yield loans.iloc[numbers % len(loans)].assign(
            loan_id=[f"L{number:08d}" for number in numbers],
            customer_id="C",
            snapshot_date=day,
            has_attributes=True,
            has_financials=True,
            latest_input_date=day,
        )


def main() -> None:
    """Write, score, measure."""
    home, sizes = Path(sys.argv[1]), [int(size) for size in sys.argv[2:]]
    months = [add_months(FIRST, number) for number in range(len(sizes))]
    put_into_production(home, months)
    for month, applicants in zip(months, sizes, strict=True):
        apply_for_loans(home, month, applicants)
        with dg.DagsterInstance.ephemeral() as instance:
            result = run_tables(settings_of(home), instance, month, month, PREDICTIONS, DRIFT)
        assert result.success
        assert Datamart(home).required_record(PREDICTIONS, month).rows == applicants
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


if __name__ == "__main__":
    main()
