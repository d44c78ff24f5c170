from collections import defaultdict

import pytest

from credit_risk_dagster.contract.columns import column_meaning
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.tables.catalogue import ALL_TABLES

LONGEST_MEANING = 120


Place = tuple[str, str, str]


def places() -> dict[str, set[Place]]:
    """Layer, table and column of everything that is shown, by layer."""
    found: dict[str, set[Place]] = defaultdict(set)
    for table in ALL_TABLES:
        names = {"snapshot_date", table.month_column}
        for schema in (table.schema, *(schema for _, schema in table.beside)):
            names.update(schema.names)
        found[table.layer] |= {(table.layer, table.name, name) for name in names}
    return found


PLACES = places()


@pytest.mark.parametrize("layer", PLACES)
def test_every_column_has_a_meaning_of_one_sentence(layer: str) -> None:
    for place in PLACES[layer]:
        meaning = column_meaning(*place)
        assert meaning.rstrip(".").strip(), place
        assert meaning.endswith("."), place
        assert not meaning.endswith(".."), place
        assert ". " not in meaning, place
        assert len(meaning.splitlines()) == 1, place
        assert len(meaning) <= LONGEST_MEANING, place


@pytest.mark.parametrize("layer", PLACES)
def test_no_two_columns_of_a_layer_mean_the_same(layer: str) -> None:
    """Headers of two sources that mean the same, such as the month, are one column."""
    columns_of: dict[str, set[str]] = defaultdict(set)
    for place in PLACES[layer]:
        columns_of[column_meaning(*place).casefold()].add(place[2])
    assert [columns for columns in columns_of.values() if len(columns) > 1] == []


def test_what_the_lender_wrote_is_told_apart_from_what_was_read() -> None:
    for column in ("loan_id", "loan_start_date", "tenure", "balance", "snapshot_date"):
        assert "as delivered, as text" in column_meaning("bronze", "loans", column)
        assert "as delivered" not in column_meaning("silver", "loans", column)


def test_what_tells_who_somebody_is_is_said_to_be_personal_data() -> None:
    for source in CONTRACT.sources:
        for column in source.columns:
            meaning = column_meaning("bronze", source.name, column.header)
            assert ("personal data" in meaning) == (column.header in ("Name", "SSN"))


def test_a_column_is_counted_in_its_unit_and_a_flag_names_its_element() -> None:
    assert column_meaning("silver", "attributes", "age") == "Age of the applicant, in years."
    flag = column_meaning("silver", "financials", "loan_type_payday")
    assert flag.startswith("1 if 'Payday Loan' is among: Types of the loans")
    assert column_meaning("gold", "features", "loan_type_payday") == flag
    assert "anything else" in column_meaning("silver", "financials", "loan_type_other")


def test_the_label_says_the_outcome_of_the_contract() -> None:
    said = column_meaning("gold", "labels", "default")
    assert said == "1 if the loan is 30 or more days past due at month on book 6, else 0."


def test_generated_columns_name_their_number() -> None:
    assert "reading 7 " in column_meaning("bronze", "clickstream", "fe_7")
    assert "reading 20 " in column_meaning("silver", "clickstream", "fe_20")
    assert "fe_20 " in column_meaning("silver", "clickstream_so_far", "fe_20_sum")
    assert "fe_20 " in column_meaning("gold", "features", "fe_20_mean")
    assert "ranks 3 " in column_meaning("inference", "predictions", "reason_3")
    assert "reason 3 " in column_meaning("inference", "predictions", "reason_3_log_odds")


@pytest.mark.parametrize(
    ("layer", "table", "column"),
    [
        ("bronze", "loans", "SSN"),
        ("silver", "attributes", "shoe_size"),
        ("silver", "attributes", "SSN"),
        ("silver", "clickstream", "fe_21"),
        ("gold", "features", "reason_1"),
        ("inference", "predictions", "reason_0"),
        ("platinum", "loans", "loan_id"),
    ],
)
def test_an_unknown_column_is_refused_in_words(layer: str, table: str, column: str) -> None:
    said = f"no meaning of the column {column} of {layer}/{table}"
    with pytest.raises(PlatformError, match=said):
        column_meaning(layer, table, column)
