from collections import Counter
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.assets.refinement import Refined, refine
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.duckdb_engine import DuckDBEngine
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.judgement import ACCEPTED, DUPLICATES, QUARANTINED
from credit_risk_dagster.tables.silver import REFINE, SILVER
from credit_risk_dagster_tests.tables.refined import VALID, Row, bronze, delivered, judged

KEYS = {source.name: source.key_headers for source in CONTRACT.sources}
CONFLICT = {
    "loans": "loan_id, snapshot_date occurs more than once with different values",
    "attributes": "Customer_ID, snapshot_date occurs more than once with different values",
    "financials": "Customer_ID, snapshot_date occurs more than once with different values",
    "clickstream": "Customer_ID, snapshot_date occurs more than once with different values",
}
CHANGED = {"loans": "paid_amt", "attributes": "Age", "financials": "Num_of_Loan"}

DIRT = st.sampled_from(["", "_", "-1", "12", "12_", "1e400", "?", "'", "\u2028", "NM", "CUS_0x1 "])
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=8)
MONTHS = ("2024-02-01", "2024-03-01", "2024-04-01")


def changed(name: str) -> str:
    return CHANGED.get(name, "fe_1")


@st.composite
def mutated_rows(draw: st.DrawFn, name: str) -> list[Row]:
    """Few customers in few months, with any of their values changed, and some rows repeated."""
    columns = st.sampled_from([column for column in VALID[name] if column != "snapshot_date"])
    row = st.builds(
        lambda changes, customer, month: (
            delivered(name, Customer_ID=customer, snapshot_date=month) | changes
        ),
        st.dictionaries(columns, DIRT | ANY_TEXT, max_size=3),
        st.sampled_from(["CUS_0x1", "CUS_0x2"]),
        st.sampled_from(MONTHS),
    )
    rows = draw(st.lists(row, min_size=1, max_size=15))
    repeats = draw(st.lists(st.sampled_from(rows), max_size=5))
    return draw(st.permutations([*rows, *repeats]))


def trimmed_key(name: str, row: Row) -> tuple[str, ...]:
    return tuple(row[column].strip(" \t\n\x0b\f\r") for column in KEYS[name])


@settings(max_examples=60, deadline=None)
@given(mutated_rows("attributes"))
def test_accepted_quarantined_and_duplicate_rows_add_up_to_what_was_delivered(
    rows: list[Row],
) -> None:
    require_that_every_row_is_accounted_for("attributes", rows)


@pytest.mark.parametrize("name", ["loans", "financials", "clickstream"])
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_they_add_up_for_every_source(name: str, data: st.DataObject) -> None:
    """Fewer examples, since a run of these tables takes longer."""
    require_that_every_row_is_accounted_for(name, data.draw(mutated_rows(name)))


def require_that_every_row_is_accounted_for(name: str, rows: list[Row]) -> None:
    found = judged(name, rows)
    counts = Counter(outcome.disposition for outcome in found)
    assert set(counts) <= {ACCEPTED, QUARANTINED, DUPLICATES}
    assert counts.total() == len(rows)

    distinct = {tuple(row.values()): row for row in rows}
    assert counts[DUPLICATES] == len(rows) - len(distinct)

    variants = Counter(trimmed_key(name, row) for row in distinct.values())
    conflicting = sum(count for count in variants.values() if count > 1)
    refused = [outcome for outcome in found if outcome.disposition == QUARANTINED]
    assert sum(CONFLICT[name] in outcome.reasons for outcome in refused) == conflicting
    assert all(outcome.reasons for outcome in refused)

    accepted = [outcome for outcome in found if outcome.accepted]
    assert all(outcome.reasons == "" for outcome in accepted)
    keys = [tuple(outcome.values[key] for key in SILVER[name].key) for outcome in accepted]
    assert len(keys) == len(set(keys))
    assert not any(None in key or "" in key for key in keys)


@pytest.mark.parametrize("name", VALID)
def test_rows_that_share_a_key_and_differ_are_all_quarantined(name: str) -> None:
    rows = [delivered(name), delivered(name, **{changed(name): "5"}), delivered(name)]
    found = judged(name, rows)
    assert Counter(outcome.disposition for outcome in found) == {QUARANTINED: 2, DUPLICATES: 1}
    refused = [outcome for outcome in found if outcome.disposition == QUARANTINED]
    assert [outcome.reasons for outcome in refused] == [CONFLICT[name]] * 2


@pytest.mark.parametrize("name", VALID)
def test_a_row_repeated_to_the_letter_is_accepted_once_and_twice_a_duplicate(name: str) -> None:
    found = judged(name, [delivered(name)] * 3)
    assert sorted(outcome.disposition for outcome in found) == [DUPLICATES, DUPLICATES, ACCEPTED]


def test_a_key_that_differs_in_white_space_only_is_the_same_key() -> None:
    rows = [delivered("attributes"), delivered("attributes", Customer_ID="CUS_0x1 ")]
    found = judged("attributes", rows)
    assert [outcome.disposition for outcome in found] == [QUARANTINED, QUARANTINED]


def test_the_same_customer_in_another_month_is_another_row() -> None:
    rows = [delivered("attributes", snapshot_date=month) for month in MONTHS]
    assert all(outcome.accepted for outcome in judged("attributes", rows))


def test_a_duplicate_of_a_quarantined_row_is_a_duplicate() -> None:
    found = judged("attributes", [delivered("attributes", Age="x")] * 2)
    assert sorted(outcome.disposition for outcome in found) == [DUPLICATES, QUARANTINED]


def test_what_is_written_does_not_depend_on_the_order_in_which_rows_were_delivered(
    tmp_path: Path,
) -> None:
    """Not even of rows that share a key and are quarantined for different reasons."""
    same_key = [delivered("attributes", Age=f"x{number}" * (number % 2)) for number in range(9)]
    same_key += [delivered("attributes", Occupation=f"Job {number}") for number in range(9)]
    others = [delivered("attributes", Customer_ID="", Age=f"{number}?") for number in range(9)]
    rows = [*same_key, *others, *others, delivered("attributes", Customer_ID="CUS_0x2")]
    records = [
        refined(tmp_path / str(seed), Random(seed).sample(rows, len(rows))) for seed in range(5)
    ]
    assert [record.rows for record in records] == [1] * 5
    assert all(record.says_the_same_as(records[0]) for record in records)


def refined(folder: Path, rows: list[Row]) -> MonthRecord:
    """The record of silver attributes, written by the product from rows in this order."""
    folder.mkdir()
    pq.write_table(bronze("attributes", rows), folder / "bronze.parquet")
    engine, datamart, table = DuckDBEngine(), Datamart(folder), SILVER["attributes"]
    read = engine.read([folder / "bronze.parquet"], BRONZE["attributes"].schema)
    made_of = Refined(inputs={})
    written = refine(
        datamart,
        engine,
        table,
        lambda _: REFINE["attributes"](read),
        [MONTHS[1]],
        lambda _: made_of,
        lambda _: {},
    )
    assert len(list(written)) == 1
    return datamart.required_record(table, MONTHS[1])


def test_quarantined_rows_and_duplicates_are_kept_by_key_and_reason_alone() -> None:
    for name, table in SILVER.items():
        schemas = dict(table.beside)
        assert schemas[QUARANTINED].names == [*table.key, "reasons"], name
        assert schemas[DUPLICATES].names == list(table.key), name
