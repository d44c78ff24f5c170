from collections.abc import Sequence
from functools import cache
from itertools import product

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend

from credit_risk_dagster.tables.cleaning import (
    Cleaned,
    category,
    identifier,
    join_texts,
    month_start,
    number,
    required,
    trimmed,
)

WHITE_SPACE = " \t\n\x0b\f\r"
TEXTS = ibis.table({"Amount": "string", "note": "string"}, name="texts")
RAW = TEXTS.Amount

PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@cache
def connection() -> Backend:
    return ibis.duckdb.connect(threads=1)


def read(texts: Sequence[str | None], *columns: ir.Value) -> list[tuple[object, ...]]:
    """The values of expressions over `RAW`, for each text."""
    names = [f"column_{position}" for position in range(len(columns))]
    query = TEXTS.select(**dict(zip(names, columns, strict=True)))
    rows = pa.table({"Amount": pa.array(texts, pa.string()), "note": ["noted"] * len(texts)})
    connection().create_table("texts", rows, overwrite=True)
    return [tuple(row.values()) for row in connection().to_pyarrow(query).to_pylist()]


def cleaned(texts: Sequence[str], rule: Cleaned) -> list[tuple[object, ...]]:
    """Value, correction and reason of each text."""
    nothing = ibis.null("string")
    parts = [nothing if part is None else part for part in (rule.correction, rule.reason)]
    return read(texts, rule.value, *parts)


def test_a_value_is_taken_or_goes_missing_with_a_note_or_quarantines_its_row() -> None:
    rule = number(RAW, low=0, high=50, placeholders=["_", "none"])
    assert cleaned(["7_", "_", " none ", "51", "x"], rule) == [
        (7.0, None, None),
        (None, "Amount '_' is a placeholder", None),
        (None, "Amount ' none ' is a placeholder", None),
        (None, "Amount '51' is outside [0 to 50]", None),
        (None, None, "Amount 'x' is not a number"),
    ]


def test_an_open_range_says_so() -> None:
    assert cleaned(["-1"], number(RAW, low=0)) == [
        (None, "Amount '-1' is outside [0 to any]", None)
    ]
    assert cleaned(["3.5"], number(RAW, high=2.5)) == [
        (None, "Amount '3.5' is outside [any to 2.5]", None)
    ]


def test_a_reason_quotes_no_more_than_forty_characters() -> None:
    ((_, _, reason),) = cleaned(["é" * 1_000], number(RAW))
    assert reason == f"Amount '{'é' * 40}' is not a number"


def test_a_reason_does_not_quote_what_may_be_personal() -> None:
    assert cleaned(["Jane Roe", "-1"], number(RAW, low=0, quoted=False)) == [
        (None, None, "Amount is not a number"),
        (None, "Amount '-1' is outside [0 to any]", None),
    ]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e30, 1e30).map(lambda value: value + 0.0), min_size=1))
def test_every_float_that_python_writes_is_read_to_the_last_bit(values: list[float]) -> None:
    texts = [repr(value) for value in values]
    in_range = [value == 0 or abs(value) > 1e-99 for value in values]
    found = [value for value, _ in read(texts, number(RAW).value, RAW)]
    assert [value for value, plain in zip(found, in_range, strict=True) if plain] == [
        value for value, plain in zip(values, in_range, strict=True) if plain
    ]


@settings(max_examples=30, deadline=None)
@given(st.lists(PLAIN, min_size=1))
def test_any_text_gives_a_finite_number_nothing_or_a_reason(texts: list[str]) -> None:
    for text, (value, _, reason) in zip(texts, cleaned(texts, number(RAW)), strict=True):
        empty = text.strip(WHITE_SPACE) == ""
        assert (value is None) == (empty or reason is not None)
        if value is not None:
            assert value == float(text.strip(WHITE_SPACE).rstrip("_"))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-(10**15) + 1, 10**15 - 1), min_size=1))
def test_whole_numbers_of_fifteen_digits_are_exact_integers(values: list[int]) -> None:
    texts = [f"{value}{tail}" for value, tail in zip(values, ["", ".0", ".00"] * 99, strict=False)]
    assert read(texts, number(RAW, whole=True).value) == [(value,) for value in values]


def test_a_fraction_an_exponent_or_a_sixteenth_digit_is_not_a_whole_number() -> None:
    texts = ["1.5", "1e3", "1234567890123456", "1.01"]
    found = cleaned(texts, number(RAW, whole=True))
    assert found == [(None, None, f"Amount '{text}' is not a number") for text in texts]


def test_a_category_is_missing_where_empty_or_a_placeholder_and_else_must_be_allowed() -> None:
    rule = category(RAW, placeholders=["_"], allowed=["Good", "Bad"])
    assert cleaned(["Good", " Bad ", "", "_", "good"], rule) == [
        ("Good", None, None),
        ("Bad", None, None),
        (None, None, None),
        (None, "Amount '_' is a placeholder", None),
        ("good", None, "Amount 'good' is not a known category"),
    ]


def test_a_category_without_a_list_takes_any_text() -> None:
    assert cleaned(["Größe 日本", "'; DROP"], category(RAW)) == [
        ("Größe 日本", None, None),
        ("'; DROP", None, None),
    ]


def test_a_month_is_the_first_day_of_one() -> None:
    texts = ["2024-02-01", "2024-02-02", "2024-13-01", "2024-2-01", "", "2024-02-01 ", "24-02-01"]
    found = cleaned(texts, month_start(RAW))
    assert [str(value) for value, _, _ in found] == ["2024-02-01", *["None"] * 6]
    assert [reason is None for _, _, reason in found] == [True] + [False] * 6


def test_an_identifier_may_not_be_empty() -> None:
    assert cleaned(["a b", "  ", ""], identifier(RAW)) == [
        ("a b", None, None),
        ("", None, "Amount is empty"),
        ("", None, "Amount is empty"),
    ]


def test_a_required_value_quarantines_its_row_where_it_is_missing_or_out_of_range() -> None:
    rule = required(number(RAW, low=0, placeholders=["_"]), RAW)
    assert cleaned(["1", "", "_", "-1", "x"], rule) == [
        (1.0, None, None),
        (None, None, "Amount '' is missing or out of range"),
        (None, None, "Amount '_' is missing or out of range"),
        (None, None, "Amount '-1' is missing or out of range"),
        (None, None, "Amount 'x' is not a number"),
    ]


@settings(max_examples=30, deadline=None)
@given(st.lists(PLAIN | st.text(WHITE_SPACE + "fnrtv"), min_size=1))
def test_trimming_drops_ascii_white_space_at_both_ends_and_nothing_else(texts: list[str]) -> None:
    assert read(texts, trimmed(RAW)) == [(text.strip(WHITE_SPACE),) for text in texts]


def test_texts_are_joined_by_semicolons_without_those_that_are_absent() -> None:
    absent = ibis.null("string")
    for present in product([True, False], repeat=3):
        texts = [TEXTS.note if there else absent for there in present]
        assert read(["x"], join_texts([*texts, None])) == [("; ".join(["noted"] * sum(present)),)]


def test_a_text_that_ends_like_a_separator_keeps_its_end() -> None:
    assert read(["a; ", "b"], join_texts([RAW, TEXTS.note])) == [("a; ; noted",), ("b; noted",)]
