import pyarrow as pa

from credit_risk_dagster.datamart.table import Table, schema_of
from credit_risk_dagster.tables.bronze import REJECTED
from credit_risk_dagster.tables.catalogue import ALL_TABLES, BY_PATH, EVIDENCE, STORED
from credit_risk_dagster_tests.reference_tables import BRONZE_LOANS

TABLE = Table(
    layer="gold",
    name="scores",
    schema=schema_of(loan_id=pa.string(), score=pa.float64(), seen_in=pa.string()),
    key=("loan_id",),
    unhashed=("seen_in",),
)


def test_a_table_names_its_place_and_its_partitions() -> None:
    assert TABLE.path == "gold/scores"
    assert TABLE.partition("2024-09-01") == "gold/scores/2024-09-01"


def test_a_schema_keeps_the_order_and_types_of_its_columns() -> None:
    assert TABLE.schema.names == ["loan_id", "score", "seen_in"]
    assert TABLE.schema.field("score").type == pa.float64()


def test_provenance_is_not_hashed() -> None:
    assert TABLE.hashed_columns == ["loan_id", "score"]


def test_every_table_has_a_place_of_its_own() -> None:
    assert len(BY_PATH) == len(ALL_TABLES)


def test_a_table_kept_beside_another_is_a_table_of_its_own_with_the_months_of_the_other() -> None:
    rejected = BRONZE_LOANS.tables_beside[REJECTED]
    assert rejected.path == "bronze/loans_rejected"
    assert rejected.schema == dict(BRONZE_LOANS.beside)[REJECTED]
    assert rejected.month_column == BRONZE_LOANS.month_column
    assert len(STORED) == len(ALL_TABLES) + sum(len(table.beside) for table in ALL_TABLES)


def test_what_is_stored_has_its_month_in_a_column_of_its_own_where_no_date_says_it() -> None:
    """A delivered snapshot_date is the lender's text."""
    for table in STORED.values():
        stored = table.stored_schema
        assert pa.types.is_date(stored.field(table.month_column).type), table.path
        assert stored.names[: len(table.schema)] == table.schema.names, table.path
    assert BRONZE_LOANS.month_column == "snapshot_month"
    assert BRONZE_LOANS.stored_schema.field("snapshot_date").type == pa.string()


def test_new_definitions_leave_decisions_and_scores_and_scores_alone_are_evidence() -> None:
    decides = {table.path for table in ALL_TABLES if table.decides}
    assert decides == {
        "training/training_decision",
        "training/logistic_regression",
        "training/scorecard",
        "training/xgboost",
        "production/production_model",
        "inference/predictions",
    }
    assert [table.path for table in EVIDENCE] == ["inference/predictions"]


def test_keys_and_unhashed_columns_are_columns_of_their_table() -> None:
    for table in ALL_TABLES:
        assert set(table.key) | set(table.unhashed) <= set(table.schema.names), table.path
        assert not set(table.key) & set(table.unhashed), table.path


def test_no_table_takes_a_name_that_an_engine_uses_for_itself() -> None:
    """Spark reads column names without regard to case."""
    for table in ALL_TABLES:
        lowered = [name.lower() for name in table.schema.names]
        assert len(lowered) == len(set(lowered)), table.path
        assert not {"partition_month", "disposition", "_ordinal", "_variants"} & set(lowered)
