"""Checks that every table has: what is stored is what was declared and recorded."""

import pyarrow.parquet as pq

from credit_risk_dagster.checks.monthly_check import Finding, MonthlyCheck
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.staged_rows import is_as_recorded
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.settings import Settings


def structure_checks(table: Table, remedy: str | None = None) -> list[MonthlyCheck]:
    """Return the checks of a table's schema and key, and of its rows against the manifest.

    Args:
        table: the table.
        remedy: what to do about changed rows that running the month again must not replace.
    """

    def declared_schema(datamart: Datamart, settings: Settings, month: str) -> Finding:
        stored = pq.read_schema(datamart.file(table, month))
        types = {name: stored.field(name).type for name in stored.names}
        wrong = [field.name for field in table.schema if types.get(field.name) != field.type]
        return Finding(not wrong, f"Columns not as declared: {', '.join(wrong) or 'none'}.")

    def unique_key(datamart: Datamart, settings: Settings, month: str) -> Finding:
        rows = pq.read_table(datamart.file(table, month), partitioning=None)
        lacking = [name for name in table.key if name not in rows.column_names]
        if lacking:
            return Finding(False, f"There is no {' and no '.join(lacking)} to identify a row by.")
        keys = rows.select(list(table.key))
        repeated = keys.num_rows - keys.group_by(list(table.key)).aggregate([]).num_rows
        sentence = f"{repeated} of {keys.num_rows} rows repeat the key {', '.join(table.key)}."
        return Finding(repeated == 0, sentence, {"rows": keys.num_rows})

    def as_recorded(datamart: Datamart, settings: Settings, month: str) -> Finding:
        manifest = datamart.required_manifest(table, month)
        if is_as_recorded(table, datamart.file(table, month), manifest.content_hash):
            return Finding(True, "The stored rows are those that the manifest records.")
        advice = remedy or f"Delete tables/{manifest.partition}.json and run the month again."
        return Finding(
            False,
            "The stored rows are not those that the manifest records: they were changed after they "
            f"were written. {advice}",
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
            "The stored rows have the content hash that the manifest records.",
            blocking=True,
        ),
    ]
    if table.key:
        description = f"No two rows have the same {', '.join(table.key)}."
        checks.append(MonthlyCheck(table, "unique_key", unique_key, description, blocking=True))
    return checks
