"""What the record of a month says, what it leaves out, and that a log carries it unchanged."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_risk_dagster.datamart.record import (
    EARLIER_BESIDE,
    UNCOMPARED,
    Beside,
    Input,
    MonthRecord,
    StoredFile,
    earlier_beside,
    from_json,
    origin_of,
    recipe_of,
    to_json,
)

FILE = StoredFile(path="snapshot_date=2024-09-01/0123.parquet", size=900, rows=3, sha256="aa")
QUARANTINED = Beside(rows=1, content_hash="fed", version=6, files=(FILE,))
RECORD = MonthRecord(
    table="silver/loans",
    month="2024-09-01",
    version=7,
    rows=3,
    columns={"loan_id": "string"},
    content_hash="abc",
    inputs={"bronze/loans/2024-09-01": "def"},
    input_versions={"bronze/loans/2024-09-01": 4},
    definition="one",
    origin="mailed",
    recipe="as text",
    beside={"quarantined": QUARANTINED},
    facts={"delivered": 4},
    files=(FILE,),
    provenance={"written_at": "2024-09-02T00:00:00+00:00"},
)

CONTENT: dict[str, Any] = {
    "table": "silver/other",
    "month": "2024-10-01",
    "rows": 4,
    "columns": {"loan_id": "int64"},
    "content_hash": "abd",
    "inputs": {"bronze/loans/2024-09-01": "deg"},
    "definition": "two",
    "origin": "mailed again",
    "recipe": "as numbers",
    "beside": {"quarantined": replace(QUARANTINED, content_hash="fee")},
    "facts": {"delivered": 5},
}
CIRCUMSTANCES: dict[str, Any] = {
    "version": 8,
    "input_versions": {"bronze/loans/2024-09-01": 5},
    "files": (replace(FILE, path="snapshot_date=2024-09-01/4567.parquet"),),
    "provenance": {"engine": "pyspark"},
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.tuples(
    st.sampled_from(["bronze/loans", "silver/loans", "gold/features"]),
    st.sampled_from(["2024-08-01", "2024-09-01", "2024-10-01"]),
).map("/".join)
HASH = st.text("0123456789abcdef", max_size=6)
INPUTS = st.dictionaries(NAMES, st.builds(Input, HASH, st.none(), HASH, HASH))


def test_a_record_names_its_partition() -> None:
    assert RECORD.partition == "silver/loans/2024-09-01"


@given(
    facts=st.dictionaries(st.text(), JSON),
    provenance=st.dictionaries(st.text(), JSON),
    beside=st.dictionaries(
        st.text(), st.builds(Beside, files=st.lists(st.builds(StoredFile)).map(tuple))
    ),
    files=st.lists(st.builds(StoredFile)).map(tuple),
)
def test_a_record_comes_back_from_its_text_as_it_was(
    facts: dict[str, Any],
    provenance: dict[str, Any],
    beside: dict[str, Beside],
    files: tuple[StoredFile, ...],
) -> None:
    record = replace(RECORD, facts=facts, provenance=provenance, beside=beside, files=files)
    content = json.loads(json.dumps(to_json(record)))
    assert from_json(record.table, record.month, record.version, content) == record


@pytest.mark.parametrize("name", CIRCUMSTANCES)
def test_where_when_and_from_which_version_a_month_was_made_is_not_what_it_says(name: str) -> None:
    other = replace(RECORD, **{name: CIRCUMSTANCES[name]})
    assert other != RECORD
    assert RECORD.says_the_same_as(other)


@pytest.mark.parametrize("name", CONTENT)
def test_any_other_difference_says_something_else(name: str) -> None:
    assert not RECORD.says_the_same_as(replace(RECORD, **{name: CONTENT[name]}))


def test_every_field_of_a_record_either_counts_or_is_known_not_to() -> None:
    assert set(CIRCUMSTANCES) == set(UNCOMPARED)
    assert set(vars(RECORD)) == {*CONTENT, *CIRCUMSTANCES}


def test_a_table_beside_counts_by_its_rows_not_by_where_they_are() -> None:
    moved = replace(QUARANTINED, version=9, files=())
    assert RECORD.says_the_same_as(replace(RECORD, beside={"quarantined": moved}))
    assert not RECORD.says_the_same_as(
        replace(RECORD, beside={"quarantined": replace(QUARANTINED, rows=2)})
    )
    assert not RECORD.says_the_same_as(replace(RECORD, beside={}))


def test_a_month_is_an_input_in_its_version_with_all_that_it_rests_on() -> None:
    assert RECORD.as_input() == Input("abc", 7, origin="mailed", recipe="as text")


def test_who_reads_on_beside_a_month_and_those_before_is_told_of_every_change_of_these() -> None:
    """Its rows need not change for it: what was kept beside an earlier month is enough."""
    first = replace(RECORD, facts={EARLIER_BESIDE: earlier_beside(None, "quarantined")})
    changed = replace(first, beside={"quarantined": CONTENT["beside"]["quarantined"]})
    after = [
        replace(first, facts={EARLIER_BESIDE: earlier_beside(one, "quarantined")})
        for one in (first, changed)
    ]
    hashes = [one.as_input().content_hash for one in (RECORD, first, changed, *after)]
    assert hashes[0] == RECORD.content_hash
    assert len(set(hashes)) == len(hashes)
    assert earlier_beside(after[0], "quarantined") != earlier_beside(after[1], "quarantined")


@given(INPUTS, HASH, st.randoms(use_true_random=False))
def test_origin_and_recipe_do_not_depend_on_the_order_of_inputs(
    inputs: dict[str, Input], definition: str, random: Any
) -> None:
    shuffled = random.sample(list(inputs.items()), len(inputs))
    assert origin_of(dict(shuffled)) == origin_of(inputs)
    assert recipe_of(definition, dict(shuffled)) == recipe_of(definition, inputs)


@given(INPUTS.filter(bool), HASH, st.data())
def test_another_delivery_behind_any_input_is_another_origin_and_the_same_recipe(
    inputs: dict[str, Input], other: str, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(inputs)))
    changed = inputs | {name: replace(inputs[name], origin=other)}
    assert (origin_of(changed) == origin_of(inputs)) == (other == inputs[name].origin)
    assert recipe_of("one", changed) == recipe_of("one", inputs)


@given(INPUTS, HASH, HASH)
def test_another_definition_is_another_recipe(
    inputs: dict[str, Input], one: str, other: str
) -> None:
    assert (recipe_of(one, inputs) == recipe_of(other, inputs)) == (one == other)


def test_a_definition_behind_an_input_counts_though_its_rows_are_the_same() -> None:
    one, other = Input("abc", recipe="one"), Input("abc", recipe="other")
    assert recipe_of("", {"gold/features/2024-09-01": one}) != recipe_of(
        "", {"gold/features/2024-09-01": other}
    )


def test_months_made_by_the_same_definitions_have_the_same_recipe() -> None:
    first = {"silver/loans/2024-09-01": Input("abc", 1, "september", "one")}
    both = {**first, "silver/loans/2024-08-01": Input("def", 2, "august", "one")}
    assert recipe_of("own", first) == recipe_of("own", both)
    assert recipe_of("own", first) != recipe_of("own", {})
