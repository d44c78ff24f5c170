"""Texts with a closed vocabulary: what is not in it goes no further, and is not quoted."""

from itertools import product

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.kinds import (
    Category,
    Duration,
    Element,
    Identifier,
    ListOf,
    Part,
    TwoCategories,
)
from credit_risk_dagster.tables.words import (
    category,
    duration,
    identifier,
    list_flags,
    two_categories,
)
from credit_risk_dagster_tests.tables.texts import (
    ANY_TEXT,
    RAW,
    WHITE_SPACE,
    Rows,
    cleaned,
    cleaner,
    column,
    reader,
)

UNKNOWN = "Amount is not a known category"


def test_a_category_is_missing_where_empty_or_a_placeholder_and_else_must_be_known() -> None:
    kind = Category(("Good", "Bad", "Größe 日本", "it's"))
    made = category(RAW, column(kind, placeholders=("_",)), kind)
    assert cleaned(["Good", " Bad ", "Größe 日本", "it's", "", "_", "good", "Jane Roe"], made) == [
        ("Good", None, None),
        ("Bad", None, None),
        ("Größe 日本", None, None),
        ("it's", None, None),
        (None, None, None),
        (None, "Amount '_' is a placeholder", None),
        (None, None, UNKNOWN),
        (None, None, UNKNOWN),
    ]


KNOWN = ("A", "B2", "c")
CATEGORIES = cleaner(category(RAW, column(Category(KNOWN)), Category(KNOWN)))


@settings(max_examples=30, deadline=None)
@given(st.lists(ANY_TEXT | st.sampled_from(KNOWN), min_size=1))
def test_no_text_outside_the_vocabulary_goes_on_from_bronze(texts: list[str]) -> None:
    for text, (value, note, reason) in zip(texts, CATEGORIES(texts), strict=True):
        trimmed = text.strip(WHITE_SPACE)
        assert value == (trimmed if trimmed in KNOWN else None)
        assert (note, reason) == (None, None if trimmed in (*KNOWN, "") else UNKNOWN)


def test_an_identifier_matches_its_pattern_as_a_whole() -> None:
    kind = Identifier("K[0-9]{4}|A-[a-z]+")
    texts = ["K0001", " A-xy\t", "K00012", "xK0001", "A-xy1", "Jane Roe", "  ", "", "K0001\u2028"]
    refused = (None, None, "Amount does not look like one")
    assert cleaned(texts, identifier(RAW, column(kind), kind)) == [
        ("K0001", None, None),
        ("A-xy", None, None),
        *[refused] * 4,
        (None, None, "Amount is empty"),
        (None, None, "Amount is empty"),
        refused,
    ]


def test_decoration_of_an_identifier_is_dropped_before_it_is_compared() -> None:
    kind = Identifier("[0-9]{3}")
    made = identifier(RAW, column(kind, strip="#"), kind)
    assert [value for value, _, _ in cleaned(["#123", "123", "1#23"], made)] == ["123", "123", None]


FORMS = {
    "{years} Year[s] and {months} Month[s]": "{0} Years and {1} Months",
    "{years} J. {months} M.": "{0} J. {1} M.",
    "{months} Monat[e], {years} Jahr[e]": "{1} Monate, {0} Jahr",
    "{years}a{months}m": "{0}a{1}m",
    "{years} ans et {months} mois": "{0} ans et {1} mois",
    "{years}年{months}か月": "{0}年{1}か月",
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.tuples(st.integers(0, 999), st.integers(0, 999)), min_size=1))
def test_a_length_of_time_is_its_months_in_the_words_of_any_language(
    form: str, lengths: list[tuple[int, int]]
) -> None:
    made = duration(RAW, column(Duration((form,))), Duration((form,)))
    found = cleaned([FORMS[form].format(*length) for length in lengths], made)
    assert found == [(years * 12 + months, None, None) for years, months in lengths]


def test_a_form_may_hold_years_or_months_alone_and_there_may_be_several_forms() -> None:
    kind = Duration(("{years} J[ahre]. {months} M.", "{years} Jahr[e]", "{months} M[onate]"))
    made = duration(RAW, column(kind, placeholders=("k.A.",)), kind)
    texts = ["2 J. 3 M.", "2 Jahre. 3 M.", "1 Jahr", " 10 Jahre ", "7 M", "7 Monate", "", "k.A."]
    assert cleaned(texts, made) == [
        *((float(months), None, None) for months in (27, 27, 12, 120, 7, 7)),
        (None, None, None),
        (None, "Amount 'k.A.' is a placeholder", None),
    ]
    refused = ["1 J.", "1 jahr", "1000 Jahre", "x 1 Jahr", "1,5 Jahre", "-1 Jahr", "1 Jahre\u2028"]
    assert cleaned(refused, made) == [
        (None, None, "Amount is not like 10 Jahre. 9 M."),
    ] * len(refused)


def two(kind: TwoCategories, texts: list[str], **said: object) -> tuple[Rows, Rows]:
    (_, first), (_, second) = two_categories(RAW, column(kind, **said), kind)
    return cleaned(texts, first), cleaned(texts, second)


def test_two_categories_are_read_from_wherever_they_stand_in_the_form() -> None:
    levels, sizes = ("Low", "Lower", "High+"), ("S", "M.L")
    parts = (Part("level", levels, "How much"), Part("size", sizes, "How big"))
    for form in ("{level}/{size} (x)", "[{size}]-{level}"):
        kind = TwoCategories(form, parts)
        assert [name for name, _ in two_categories(RAW, column(kind), kind)] == ["level", "size"]
        pairs = list(product(levels, sizes))
        texts = [f" {form.format(level=level, size=size)} " for level, size in pairs]
        first, second = two(kind, texts)
        assert first == [(level, None, None) for level, _ in pairs]
        assert second == [(size, None, None) for _, size in pairs]


def test_two_categories_are_known_both_or_neither_and_a_note_is_made_once() -> None:
    parts = (Part("level", ("Low", "High"), "How much"), Part("size", ("S", "L"), "How big"))
    kind = TwoCategories("{level}_{size}", parts)
    texts = ["Low_X", "X_S", "Low_S_L", "LowxS", "", "?"]
    first, second = two(kind, texts, placeholders=("?",))
    assert first == [
        *[(None, None, UNKNOWN)] * 4,
        (None, None, None),
        (None, "Amount '?' is a placeholder", None),
    ]
    assert second == [(None, None, None)] * len(texts)


ELEMENTS = ("Auto", "Auto Loan", "Loan", "Home-Loan (2.)", "Rate+", "Größe")
SEPARATORS = [(",",), (", ",), (";",), ("|",), ("/",), (" - ",), (" und ", ";")]
SEPARATORS += [(", and ", " and ", ",")]


def flags_of(separators: tuple[str, ...], texts: list[str | None], **said: object) -> Rows:
    """Which of the elements, and whether anything else, is in each list."""
    kind = ListOf(
        tuple(Element(one, f"e{place}") for place, one in enumerate(ELEMENTS)), separators
    )
    made = list(list_flags(RAW, column(kind, **said), kind))
    names = [f"amount_e{place}" for place in range(len(ELEMENTS))]
    assert [name for name, _ in made] == [*names, "amount_other"]
    return reader(*(one.value for _, one in made))(texts)


def expected_flags(listed: list[str]) -> tuple[float, ...]:
    known = [float(element in listed) for element in ELEMENTS]
    return (*known, float(any(one not in ELEMENTS for one in listed)))


@pytest.mark.parametrize("separators", SEPARATORS)
@settings(max_examples=10, deadline=None)
@given(
    lists=st.lists(
        st.lists(
            st.sampled_from([*ELEMENTS, "Boat", "auto", "Auto  Loan", "Loan (2."]), max_size=5
        ),
        min_size=1,
    ),
    data=st.data(),
)
def test_an_element_counts_where_it_stands_whole_whatever_separates_them(
    separators: tuple[str, ...], lists: list[list[str]], data: st.DataObject
) -> None:
    texts: list[str | None] = []
    for listed in lists:
        text = listed[0] if listed else ""
        for one in listed[1:]:
            text += data.draw(st.sampled_from(separators)) + one
        texts.append(f" {text}\t")
    assert flags_of(separators, texts) == [expected_flags(listed) for listed in lists]


@pytest.mark.parametrize(
    "text", ["Auto|Loan", "Auto\x1fLoan", "\x1fAuto\x1f", "|Auto|", "Auto,Loan"]
)
def test_no_sign_within_an_element_makes_it_another_one(text: str) -> None:
    assert flags_of((";",), [text]) == [expected_flags([text])]


def test_elements_may_be_repeated_and_white_space_around_a_separator_is_dropped() -> None:
    texts: list[str | None] = ["Auto ,\tLoan,Auto", "Loan ,Boat", ",", "Auto,,Loan,"]
    assert flags_of((",",), texts) == [
        expected_flags(listed)
        for listed in (["Auto", "Loan"], ["Loan", "Boat"], [], ["Auto", "Loan"])
    ]


def test_nothing_is_known_of_a_list_that_is_not_delivered_or_a_placeholder() -> None:
    texts: list[str | None] = [None, "NA", ""]
    found = flags_of((",",), texts, placeholders=("NA",), begins="2024-03-01")
    assert found == [(None,) * 7, (None,) * 7, expected_flags([])]


def test_a_placeholder_of_a_list_is_noted_once() -> None:
    kind = ListOf((Element("A", "a"), Element("B", "b")))
    made = list_flags(RAW, column(kind, placeholders=("NA",)), kind)
    nothing = ibis.null("string")
    notes = [nothing if one.correction is None else one.correction for _, one in made]
    assert reader(*notes)(["NA", "A"]) == [
        ("Amount 'NA' is a placeholder", None, None),
        (None, None, None),
    ]
