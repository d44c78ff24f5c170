"""Numbers as lenders write them: read as what they say, or refused, and never as another number."""

from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.dialect import PLAIN, Dialect
from credit_risk_dagster.contract.kinds import Multiple, Number
from credit_risk_dagster.tables.cleaning import Cleaned
from credit_risk_dagster.tables.numbers import at_most, number
from credit_risk_dagster_tests.tables.texts import (
    ANY_TEXT,
    RAW,
    TEXTS,
    WHITE_SPACE,
    cleaned,
    cleaner,
    column,
)

GERMAN = Dialect(decimal=",", thousands=".")
SIGNS = [(".", ""), (",", ""), (",", "."), (".", ","), (",", " "), (",", "\u00a0"), (".", "'")]
"""Decimal sign, and what groups digits: as in Germany, in France, in Switzerland and elsewhere."""
every_dialect = pytest.mark.parametrize(
    "dialect", [Dialect(decimal=decimal, thousands=groups) for decimal, groups in SIGNS]
)


ANY = Number()


def rule(kind: Number = ANY, dialect: Dialect = PLAIN, **said: object) -> Cleaned:
    return number(RAW, column(kind, **said), kind, dialect)


@cache
def read_in(dialect: Dialect, whole: bool = False) -> Callable[..., list[tuple[object, ...]]]:
    return cleaner(rule(Number(whole=whole), dialect))


def test_a_value_is_taken_or_goes_missing_with_a_note_or_quarantines_its_row() -> None:
    made = rule(Number(low=0, high=50), placeholders=("_", "none"), strip="_")
    assert cleaned(["7_", "_", " none ", "51", "x"], made) == [
        (7.0, None, None),
        (None, "Amount '_' is a placeholder", None),
        (None, "Amount 'none' is a placeholder", None),
        (None, "Amount '51' is outside [0 to 50]", None),
        (None, None, "Amount is not a number"),
    ]


def test_an_open_range_says_so() -> None:
    assert cleaned(["-1"], rule(Number(low=0))) == [
        (None, "Amount '-1' is outside [0 to any]", None)
    ]
    assert cleaned(["3.5"], rule(Number(high=2.5))) == [
        (None, "Amount '3.5' is outside [any to 2.5]", None)
    ]


def test_neither_a_reason_nor_a_correction_quotes_what_may_be_personal() -> None:
    texts = ["Jane Roe", "-1", "-12345678901", "123-45-6789"]
    assert cleaned(texts, rule(Number(low=0))) == [
        (None, None, "Amount is not a number"),
        (None, "Amount '-1' is outside [0 to any]", None),
        (None, "Amount is outside [0 to any]", None),
        (None, None, "Amount is not a number"),
    ]


def test_decoration_is_dropped_from_both_ends_where_it_is_declared_and_nowhere_else() -> None:
    texts = ["_40_", "40__", "4_0"]
    refused = (None, None, "Amount is not a number")
    assert cleaned(texts, rule(strip="_")) == [(40.0, None, None), (40.0, None, None), refused]
    assert cleaned(texts, rule()) == [refused] * 3


def test_a_currency_sign_before_or_after_an_amount_is_decoration() -> None:
    made = rule(Number(), GERMAN, strip="€")
    texts = ["€ 1.234,56", "1.234,56 €", "€-5", "1234,5", "€", "$ 5"]
    assert [value for value, _, _ in cleaned(texts, made)] == [
        1234.56,
        1234.56,
        -5.0,
        1234.5,
        None,
        None,
    ]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e30, 1e30).map(lambda value: value + 0.0), min_size=1))
def test_every_float_that_python_writes_is_read_to_the_last_bit(values: list[float]) -> None:
    texts = [repr(value) for value in values]
    in_range = [value == 0 or abs(value) > 1e-99 for value in values]
    found = [value for value, _, _ in read_in(PLAIN)(texts)]
    assert [value for value, plain in zip(found, in_range, strict=True) if plain] == [
        value for value, plain in zip(values, in_range, strict=True) if plain
    ]


@every_dialect
@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-(10**14), 10**14), st.from_regex(r"([0-9]{1,6})?", fullmatch=True)),
        min_size=1,
    )
)
def test_a_number_with_a_lenders_signs_is_what_python_reads_without_them(
    dialect: Dialect, parts: list[tuple[int, str]]
) -> None:
    """With its digits in groups and without."""
    for form in (f"{{:{',' * bool(dialect.thousands)}}}", "{}"):
        texts, expected = [], []
        for whole, fraction in parts:
            grouped = form.format(whole).replace(",", dialect.thousands)
            texts.append(grouped + (dialect.decimal + fraction) * bool(fraction))
            expected.append((float(f"{whole}.{fraction or 0}"), None, None))
        assert read_in(dialect)(texts) == expected


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.from_regex(r"-?[0-9]{1,7}\.([0-9]{1,2}|[0-9]{4,6})", fullmatch=True), min_size=1)
)
def test_an_english_decimal_in_a_german_file_is_refused(texts: list[str]) -> None:
    found = read_in(GERMAN)(texts)
    assert found == [(None, None, "Amount is not a number")] * len(texts)


ILL_GROUPED = ["0.123", "00.123", "-0.500", "012.345", "1234.567", "1,234.56", "1.23", "1.2345"]
ILL_GROUPED += [
    "1.234.56",
    "1..234",
    ".234",
    "1.234.",
    "1.234,",
    "12.34,5",
    "1,234,567",
    "1.234,5.6",
]


@pytest.mark.parametrize("text", ILL_GROUPED)
def test_groups_of_digits_are_well_formed_or_the_number_is_refused(text: str) -> None:
    """Only `1.234` itself, one to three digits before three, is a number in both languages."""
    assert read_in(GERMAN)([text]) == [(None, None, "Amount is not a number")]


@every_dialect
@settings(max_examples=20, deadline=None)
@given(texts=st.lists(ANY_TEXT | st.text("0123456789.,' \u00a0-eE+"), min_size=1))
def test_any_text_gives_a_finite_number_nothing_or_a_reason(
    dialect: Dialect, texts: list[str]
) -> None:
    for text, (value, _, reason) in zip(texts, read_in(dialect)(texts), strict=True):
        trimmed = text.strip(WHITE_SPACE)
        assert (value is None) == (trimmed == "" or reason is not None)
        if value is not None:
            plain = trimmed.replace(dialect.thousands, "") if dialect.thousands else trimmed
            assert value == float(plain.replace(dialect.decimal, "."))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-(10**15) + 1, 10**15 - 1), min_size=1))
def test_whole_numbers_of_fifteen_digits_are_exact_integers(values: list[int]) -> None:
    texts = [f"{value}{tail}" for value, tail in zip(values, ["", ".0", ".00"] * 99, strict=False)]
    found = read_in(PLAIN, whole=True)(texts)
    assert found == [(value, None, None) for value in values]


def test_a_fraction_an_exponent_or_a_sixteenth_digit_is_not_a_whole_number() -> None:
    texts = ["1.5", "1e3", "1234567890123456", "1.01"]
    found = read_in(PLAIN, whole=True)(texts)
    assert found == [(None, None, "Amount is not a whole number")] * len(texts)


def test_a_whole_number_may_be_grouped_and_end_in_noughts() -> None:
    texts = ["1.234.567", "1.234,00", "999.999.999.999.999", "1.234,5", "1.234.567.890.123.456"]
    found = read_in(GERMAN, whole=True)(texts)
    assert [value for value, _, _ in found] == [1234567, 1234, 999999999999999, None, None]


def test_a_number_over_so_many_times_another_one_of_its_row_is_a_typing_error() -> None:
    kind = Number(low=0, at_most=Multiple(2.5, "salary"))
    salary = TEXTS.note.length().cast("float64")  # 5 letters
    made = at_most(rule(kind), RAW, column(kind), kind, salary)
    assert cleaned(["12.5", "12.51", "99999999", "-1", "x", ""], made) == [
        (12.5, None, None),
        (None, "Amount '12.51' is over 2.5 times salary", None),
        (None, "Amount is over 2.5 times salary", None),
        (None, "Amount '-1' is outside [0 to any]", None),
        (None, None, "Amount is not a number"),
        (None, None, None),
    ]


def test_where_the_other_number_is_missing_nothing_speaks_against_one() -> None:
    kind = Number(at_most=Multiple(2.5, "salary"))
    made = at_most(rule(kind), RAW, column(kind), kind, TEXTS.note.try_cast("float64"))
    assert cleaned(["99999999"], made) == [(99999999.0, None, None)]
