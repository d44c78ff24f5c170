"""What is stored of any table is what was declared and recorded, or a check says so."""

import pyarrow as pa
import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.training import CANDIDATE_TABLES
from credit_risk_dagster_tests.checks.tampering import find, stored_file, tamper
from credit_risk_dagster_tests.scored import TRAINED

KEYED = [table for table in ALL_TABLES if table.key]


def path(table: Table) -> str:
    return table.path


def remedy(table: Table) -> str:
    if table is PREDICTIONS:
        return (
            "Restore tables/inference/predictions from a backup: issued scores are evidence, and "
            "are never computed again as if they had just been issued."
        )
    return "Run 2024-01 again: `credit-risk run --months 2024-01`."


def damaged(table: Table, file: str) -> str:
    return (
        "The stored files are not those that the record names: they were changed after they were "
        f"written (tables/{file}). {remedy(table)}"
    )


def name_of_file(settings: Settings, table: Table) -> str:
    folder = Datamart(settings.home).folder
    return stored_file(settings, table, TRAINED).relative_to(folder).as_posix()


@pytest.mark.parametrize("table", ALL_TABLES, ids=path)
def test_a_table_as_it_was_written_keeps_every_rule_of_structure(
    one_month: Settings, table: Table
) -> None:
    for name in ("declared_schema", "as_recorded", *(["unique_key"] if table.key else [])):
        found = find(one_month, table, name, TRAINED)
        assert found.holds, found.sentence


@pytest.mark.parametrize("table", ALL_TABLES, ids=path)
def test_a_lost_column_and_a_wrong_type_are_named(one_month: Settings, table: Table) -> None:
    lost, mistyped = table.schema.field(table.schema.names[-1]), table.schema.field(0)

    def change(rows: pa.Table) -> pa.Table:
        wrong = pa.nulls(rows.num_rows, pa.int32())
        return rows.drop_columns(lost.name).set_column(0, mistyped.name, wrong)

    tamper(one_month, table, TRAINED, change)
    found = find(one_month, table, "declared_schema", TRAINED)
    assert not found.holds
    assert found.sentence == (
        f"Columns not as declared: {mistyped.name} is int32 instead of {mistyped.type}, "
        f"{lost.name} is missing instead of {lost.type}."
    )
    assert not find(one_month, table, "as_recorded", TRAINED).holds


@pytest.mark.parametrize("table", ALL_TABLES, ids=path)
def test_rows_that_were_changed_after_they_were_written_are_found_out(
    one_month: Settings, table: Table
) -> None:
    tamper(one_month, table, TRAINED, lambda rows: rows.slice(1))
    found = find(one_month, table, "as_recorded", TRAINED)
    assert not found.holds
    assert found.sentence == damaged(table, name_of_file(one_month, table))


@pytest.mark.parametrize("table", ALL_TABLES, ids=path)
def test_rows_that_cannot_be_read_or_are_gone_are_found_out(
    one_month: Settings, table: Table
) -> None:
    expected = damaged(table, name_of_file(one_month, table))
    stored = stored_file(one_month, table, TRAINED)
    stored.write_bytes(stored.read_bytes()[:-1])
    torn = find(one_month, table, "as_recorded", TRAINED)
    assert (torn.holds, torn.sentence) == (False, expected)
    assert find(one_month, table, "declared_schema", TRAINED).sentence.startswith(
        "The columns cannot be read: "
    )

    stored.unlink()
    gone = find(one_month, table, "as_recorded", TRAINED)
    assert (gone.holds, gone.sentence) == (False, expected)


@pytest.mark.parametrize("table", CANDIDATE_TABLES.values(), ids=path)
def test_rows_beside_a_table_that_were_changed_are_found_out_as_well(
    one_month: Settings, table: Table
) -> None:
    datamart = Datamart(one_month.home)
    (beside,) = datamart.required_record(table, TRAINED).beside.values()
    (file,) = beside.files
    changed = datamart.folder / f"{table.path}_out_of_time_scores" / file.path
    changed.write_bytes(changed.read_bytes()[::-1])

    found = find(one_month, table, "as_recorded", TRAINED)
    assert not found.holds
    name = changed.relative_to(datamart.folder).as_posix()
    assert found.sentence == damaged(table, name)


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
