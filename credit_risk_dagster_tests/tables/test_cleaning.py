from itertools import product

import ibis
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.tables.cleaning import (
    Cleaned,
    first_of,
    join_texts,
    required,
    shown,
    stripped,
    text_of,
    trimmed,
    when,
)
from credit_risk_dagster_tests.tables.texts import (
    ANY_TEXT,
    RAW,
    TEXTS,
    WHITE_SPACE,
    cleaned,
    column,
    reader,
)

TRIM = reader(trimmed(RAW))
STRIP = reader(stripped(RAW, "€_-]^$"))
SHOW = reader(shown(RAW, "Amount", "is wrong"))
ALMOST_BLANK = ANY_TEXT | st.text(WHITE_SPACE + "fnrtv")


@settings(max_examples=30, deadline=None)
@given(st.lists(ALMOST_BLANK, min_size=1))
def test_trimming_drops_ascii_white_space_at_both_ends_and_nothing_else(texts: list[str]) -> None:
    assert TRIM(texts) == [(text.strip(WHITE_SPACE),) for text in texts]


@settings(max_examples=30, deadline=None)
@given(st.lists(ALMOST_BLANK | st.text("€_-]^$ 12\\[a"), min_size=1))
def test_decoration_is_dropped_at_both_ends_with_white_space_beside_it_and_never_within(
    texts: list[str],
) -> None:
    """Also of characters that mean something in a regular expression."""
    assert STRIP(texts) == [(text.strip("€_-]^$" + WHITE_SPACE),) for text in texts]


def test_without_decoration_a_text_is_only_trimmed() -> None:
    text = text_of(RAW, column())
    assert reader(text.value, text.missing)([" _40_ ", " \t"]) == [("_40_", False), ("", True)]


def test_a_placeholder_is_compared_before_decoration_is_dropped() -> None:
    text = text_of(RAW, column(placeholders=("__10__", "NA"), strip="_"))
    assert text.placeholder is not None
    found = reader(text.value, text.missing, text.placeholder)(["__10__", "10", "_10_", " NA "])
    assert found == [
        ("10", True, "Amount '__10__' is a placeholder"),
        ("10", False, None),
        ("10", False, None),
        ("NA", True, "Amount 'NA' is a placeholder"),
    ]


def test_in_a_month_that_does_not_deliver_a_column_its_values_are_missing() -> None:
    text = text_of(RAW, column(begins="2024-03-01"))
    assert reader(text.value, text.missing)([None, "5"]) == [("", True), ("5", False)]


def test_only_numbers_too_short_to_be_somebodys_are_quoted() -> None:
    short = ["5", "-1", "1234567", "12,5", "0.1234", "-500_"]
    assert SHOW(short) == [(f"Amount '{text}' is wrong",) for text in short]
    others = ["12345678", "1234567890123", "Jane Roe", "12-3", "1 555 0100", "5 ", "", "0.12345"]
    assert SHOW(others) == [("Amount is wrong",)] * len(others)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(ANY_TEXT | st.from_regex(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", fullmatch=True), min_size=1)
)
def test_no_letter_and_no_long_number_is_ever_quoted(texts: list[str]) -> None:
    for (said,) in SHOW(texts):
        quoted = said.removeprefix("Amount ").removesuffix("is wrong").strip().strip("'")
        assert set(quoted) <= set("0123456789-.,_")
        assert sum(letter in "0123456789" for letter in quoted) <= 11


def test_a_required_value_quarantines_its_row_where_it_is_missing_or_out_of_range() -> None:
    number = RAW.try_cast("float64")
    kept = ibis.ifelse(number >= 0, number, ibis.null("float64"))
    fault = when(number.isnull() & (RAW != ""), "Amount is no number")
    note = when(number < 0, "Amount is below 0")
    rule = required(Cleaned(kept, note, fault), column())
    assert cleaned(["1", "", "-1", "x"], rule) == [
        (1.0, None, None),
        (None, None, "Amount is missing or out of range"),
        (None, None, "Amount is missing or out of range"),
        (None, None, "Amount is no number"),
    ]
    (without_faults,) = cleaned([""], required(Cleaned(kept), column()))
    assert without_faults == (None, None, "Amount is missing or out of range")


def test_texts_are_joined_by_semicolons_without_those_that_are_absent() -> None:
    absent = ibis.null("string")
    for present in product([True, False], repeat=3):
        texts = [TEXTS.note if there else absent for there in present]
        joined = reader(join_texts([*texts, None]))(["x"])
        assert joined == [("; ".join(["noted"] * sum(present)),)]


def test_a_text_that_ends_like_a_separator_keeps_its_end() -> None:
    assert reader(join_texts([RAW, TEXTS.note]))(["a; ", "b"]) == [("a; ; noted",), ("b; noted",)]


def test_the_first_text_that_is_there_is_told() -> None:
    first = first_of(None, when(RAW == "a", "is a"), TEXTS.note)
    assert first is not None
    assert reader(first)(["a", "b"]) == [("is a",), ("noted",)]
    assert first_of(None, None) is None
