"""Checks that every table has: what is stored is what was declared and recorded."""

import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_dagster.checks.monthly_check import Finding, MonthlyCheck
from credit_risk_dagster.datamart.datamart import Datamart, remedy
from credit_risk_dagster.datamart.staged_rows import wrong_columns
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.settings import Settings


def structure_checks(table: Table) -> list[MonthlyCheck]:
    """Return the checks of a table's schema and key, and of its files against their record."""

    def declared_schema(datamart: Datamart, settings: Settings, month: str) -> Finding:
        try:
            wrong = [
                fault
                for path in datamart.stored_files(table, month)
                for fault in wrong_columns(table, path)
            ]
        except (OSError, pa.ArrowException) as error:
            return Finding(False, f"The columns cannot be read: {error}.")
        return Finding(not wrong, f"Columns not as declared: {', '.join(wrong) or 'none'}.")

    def unique_key(datamart: Datamart, settings: Settings, month: str) -> Finding:
        key = list(table.key)
        schema = pa.schema([table.schema.field(name) for name in key])
        try:
            stored = datamart.stored_files(table, month)
            names = [set(pq.read_schema(path).names) for path in stored]
            lacking = [name for name in key if not all(name in found for found in names)]
            if lacking:
                words = " and no ".join(lacking)
                return Finding(False, f"There is no {words} to identify a row by.")
            parts = [
                pq.read_table(path, columns=key, partitioning=None).select(key).cast(schema)
                for path in stored
            ]
        except (OSError, pa.ArrowException) as error:
            return Finding(False, f"The key {', '.join(key)} cannot be read: {error}.")
        keys = pa.concat_tables([schema.empty_table(), *parts])
        repeated = keys.num_rows - keys.group_by(key).aggregate([]).num_rows
        sentence = f"{repeated} of {keys.num_rows} rows repeat the key {', '.join(key)}."
        return Finding(repeated == 0, sentence, {"rows": keys.num_rows})

    def as_recorded(datamart: Datamart, settings: Settings, month: str) -> Finding:
        damaged = datamart.damaged_files(table, datamart.required_record(table, month))
        if not damaged:
            return Finding(True, "The stored files are those that the record names.")
        return Finding(
            False,
            "The stored files are not those that the record names: they were changed after they "
            f"were written ({', '.join(damaged)}). {remedy(table, month)}",
        )

    checks = [
        MonthlyCheck(
            table,
            "declared_schema",
            declared_schema,
            "The stored columns and types are the declared ones.",
            blocking=True,
        ),
        MonthlyCheck(
            table,
            "as_recorded",
            as_recorded,
            "The stored files are byte for byte those that the record names.",
            blocking=True,
        ),
    ]
    if table.key:
        description = f"No two rows have the same {', '.join(table.key)}."
        checks.append(MonthlyCheck(table, "unique_key", unique_key, description, blocking=True))
    return checks
