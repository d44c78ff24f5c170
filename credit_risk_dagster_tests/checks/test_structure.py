"""What is stored of any table is what was declared and recorded, or a check says so."""

import pyarrow as pa
import pytest

from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.inference import PREDICTIONS, RESTORE_ISSUED_SCORES
from credit_risk_dagster_tests.checks.tampering import find, tamper
from credit_risk_dagster_tests.scored import TRAINED

KEYED = [table for table in ALL_TABLES if table.key]


def path(table: Table) -> str:
    return table.path


def remedy(table: Table) -> str:
    if table is PREDICTIONS:
        return RESTORE_ISSUED_SCORES
    return f"Delete tables/{table.path}/2024-01-01.json and run the month again."


@pytest.mark.parametrize("table", ALL_TABLES, ids=path)
def test_a_table_as_it_was_written_keeps_every_rule_of_structure(
    one_month: Settings, table: Table
) -> None:
    for name in ("declared_schema", "as_recorded", *(["unique_key"] if table.key else [])):
        found = find(one_month, table, name, TRAINED)
        assert found.holds, found.sentence


@pytest.mark.parametrize("table", ALL_TABLES, ids=path)
def test_a_lost_column_and_a_wrong_type_are_named(one_month: Settings, table: Table) -> None:
    lost, mistyped = table.schema.names[-1], table.schema.names[0]

    def change(rows: pa.Table) -> pa.Table:
        wrong = pa.nulls(rows.num_rows, pa.int32())
        return rows.drop_columns(lost).set_column(0, mistyped, wrong)

    tamper(one_month, table, TRAINED, change)
    found = find(one_month, table, "declared_schema", TRAINED)
    assert not found.holds
    assert found.sentence == f"Columns not as declared: {mistyped}, {lost}."
    assert not find(one_month, table, "as_recorded", TRAINED).holds


@pytest.mark.parametrize("table", ALL_TABLES, ids=path)
def test_rows_that_were_changed_after_they_were_written_are_found_out(
    one_month: Settings, table: Table
) -> None:
    tamper(one_month, table, TRAINED, lambda rows: rows.slice(1))
    found = find(one_month, table, "as_recorded", TRAINED)
    assert not found.holds
    assert found.sentence == (
        "The stored rows are not those that the manifest records: they were changed after they "
        f"were written. {remedy(table)}"
    )


@pytest.mark.parametrize("table", KEYED, ids=path)
def test_a_repeated_key_is_counted(one_month: Settings, table: Table) -> None:
    tamper(one_month, table, TRAINED, lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]))
    found = find(one_month, table, "unique_key", TRAINED)
    assert not found.holds
    assert found.sentence == (
        f"1 of {found.figures['rows']} rows repeat the key {', '.join(table.key)}."
    )


@pytest.mark.parametrize("table", KEYED, ids=path)
def test_a_lost_key_column_is_named(one_month: Settings, table: Table) -> None:
    tamper(one_month, table, TRAINED, lambda rows: rows.drop_columns(table.key[-1]))
    found = find(one_month, table, "unique_key", TRAINED)
    assert not found.holds
    assert found.sentence == f"There is no {table.key[-1]} to identify a row by."
