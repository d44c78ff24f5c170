from collections import defaultdict

import pytest

from credit_risk_dagster.contract.columns import column_meaning
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.tables.catalogue import ALL_TABLES

LONGEST_MEANING = 120


def columns_by_layer() -> dict[str, set[str]]:
    columns: dict[str, set[str]] = defaultdict(set)
    for table in ALL_TABLES:
        columns[table.layer].add("snapshot_date")
        for schema in (table.schema, *(schema for _, schema in table.beside)):
            columns[table.layer].update(schema.names)
    columns["bronze"].add("snapshot_month")
    return columns


COLUMNS = columns_by_layer()


@pytest.mark.parametrize("layer", COLUMNS)
def test_every_column_has_a_meaning_of_one_sentence(layer: str) -> None:
    for column in COLUMNS[layer]:
        meaning = column_meaning(layer, column)
        assert meaning.rstrip(".").strip(), column
        assert meaning.endswith("."), column
        assert not meaning.endswith(".."), column
        assert ". " not in meaning, column
        assert len(meaning.splitlines()) == 1, column
        assert len(meaning) <= LONGEST_MEANING, column


@pytest.mark.parametrize("layer", COLUMNS)
def test_no_two_columns_of_a_layer_mean_the_same(layer: str) -> None:
    columns_of: dict[str, list[str]] = defaultdict(list)
    for column in sorted(COLUMNS[layer]):
        columns_of[column_meaning(layer, column).casefold()].append(column)
    assert [columns for columns in columns_of.values() if len(columns) > 1] == []


def test_what_the_lender_wrote_is_told_apart_from_what_was_read() -> None:
    for column in ("loan_id", "loan_start_date", "tenure", "balance", "snapshot_date"):
        assert "as delivered, as text" in column_meaning("bronze", column)
        assert "as delivered" not in column_meaning("silver", column)


def test_generated_columns_name_their_number() -> None:
    assert "reading 7 " in column_meaning("bronze", "fe_7")
    assert "reading 20 " in column_meaning("silver", "fe_20")
    assert "fe_20 " in column_meaning("gold", "fe_20_mean")
    assert "ranks 3 " in column_meaning("inference", "reason_3")
    assert "reason 3 " in column_meaning("inference", "reason_3_log_odds")


@pytest.mark.parametrize(
    ("layer", "column"),
    [
        ("silver", "shoe_size"),
        ("silver", "SSN"),
        ("silver", "fe_21"),
        ("gold", "reason_1"),
        ("inference", "reason_0"),
        ("platinum", "loan_id"),
    ],
)
def test_an_unknown_column_is_refused_in_words(layer: str, column: str) -> None:
    with pytest.raises(PlatformError, match=f"no meaning of the column {column} of {layer}"):
        column_meaning(layer, column)
