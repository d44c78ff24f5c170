"""Score a month of so many applicants and measure its drift; print the peak of memory in MB.

    python -m credit_risk_dagster_tests.assets.large_month HOME APPLICANTS

The home has a model in production in the month. Not a test: run by one, in a process of its own.
"""

import resource
import sys
from collections.abc import Iterator
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
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import DRIFT
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained
from credit_risk_dagster_tests.table_runs import run_tables

MONTH, MODEL = "2024-09-01", "2024-09-logistic_regression-000000000000"
DAY = pd.Timestamp(MONTH).date()
CHUNK_ROWS = 10_000


def settings_of(home: Path) -> Settings:
    """Return settings under which memory is the product's own: no report, little for DuckDB."""
    return Settings(
        home=home,
        first_month=MONTH,
        last_month=MONTH,
        engine_memory="128MB",
        monitoring={"report_features": 0},
    )


def put_into_production(home: Path) -> None:
    """Make an installation whose month has a model in production."""
    candidate, loans = trained("logistic_regression"), loan_frame()
    reference = freeze_reference(
        model_inputs(candidate.pipeline, loans),
        loans["loan_id"],
        pd.Series(candidate.oot_probabilities),
        pd.Series(candidate.oot_loan_ids),
    )
    sha256 = ModelStore(home / "models").save(MODEL, candidate.pipeline, {}, reference)
    record = {"snapshot_date": DAY, "model_id": MODEL, "model_sha256": sha256, "trained_in": MONTH}
    writer = Datamart(home).open(PRODUCTION_MODEL, [MONTH])
    rows = pa.Table.from_pylist([record], schema=PRODUCTION_MODEL.schema)
    writer.write(Draft(MONTH, inputs={}), rows)


def apply_for_loans(home: Path, applicants: int) -> None:
    """Write the features of a month, a chunk at a time."""
    writer = Datamart(home).open(FEATURES_TABLE, [MONTH])
    with pq.ParquetWriter(writer.new_file(MONTH), FEATURES_TABLE.schema) as file:
        for chunk in _chunks(applicants):
            file.write_table(pa.Table.from_pandas(chunk, FEATURES_TABLE.schema))
    writer.stage(Draft(MONTH, inputs={}))
    writer.commit()


def _chunks(applicants: int) -> Iterator[pd.DataFrame]:
    loans = loan_frame()
    for start in range(0, applicants, CHUNK_ROWS):
        numbers = np.arange(start, min(start + CHUNK_ROWS, applicants))
        yield loans.iloc[numbers % len(loans)].assign(
            loan_id=[f"L{number:08d}" for number in numbers],
            customer_id="C",
            snapshot_date=DAY,
            has_attributes=True,
            has_financials=True,
            latest_input_date=DAY,
        )


def main() -> None:
    """Write, score, measure."""
    home, applicants = Path(sys.argv[1]), int(sys.argv[2])
    settings = settings_of(home)
    apply_for_loans(home, applicants)
    with dg.DagsterInstance.ephemeral() as instance:
        result = run_tables(settings, instance, MONTH, MONTH, PREDICTIONS, DRIFT)
    assert result.success
    assert Datamart(home).required_record(PREDICTIONS, MONTH).rows == applicants
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


if __name__ == "__main__":
    main()
