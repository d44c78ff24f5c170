"""What the texts of a column stand for, guessed from the texts."""

import re
from collections import Counter
from dataclasses import dataclass
from unicodedata import combining, normalize

from credit_risk_dagster.contract.draft.identifiers import pattern_of
from credit_risk_dagster.contract.draft.personal import (
    header_is_personal,
    look_like_names,
    looks_personal,
)
from credit_risk_dagster.contract.draft.written_forms import (
    DECORATION,
    MISSING,
    MOST,
    all_first_days,
    as_number,
    date_form,
)
from credit_risk_dagster.contract.kinds import (
    Category,
    Date,
    Duration,
    Element,
    Identifier,
    Kind,
    ListOf,
    Month,
    Number,
)

MOST_VALUES, MOST_ELEMENTS, FEWEST = 40, 40, 5
"""Values of a category, elements of a list, and rows of a text that is one of them."""

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_SIGNS = f"{DECORATION} "

ENOUGH = 500
"""Rows from which quantiles tell nothing of one of them."""

SEPARATORS = ((", and ", " and ", ","), (" und ", ","), (";",), ("|",))
DURATION = re.compile(r"(?i)\d+\s*(years?|yrs?|y|months?|mons?|m|jahre?|monate?)\b.*")
NUMBERED = re.compile(r"\d{8,}")
"""What is rather the number of somebody or something than a quantity."""


@dataclass(frozen=True)
class Written:
    """How the texts of a source are written: its signs and its form of dates."""

    decimal: str
    thousands: str
    dates: str


@dataclass(frozen=True)
class Guess:
    """What a column seems to be, and why, in words without any text that may be a person's."""

    kind: Kind | None
    notes: tuple[str, ...] = ()
    personal: bool = False
    placeholders: tuple[str, ...] = ()
    strip: str = ""


def guessed(header: str, counts: Counter[str], written: Written) -> Guess:
    """Guess what a column is."""
    texts = Counter({text: count for text, count in counts.items() if text})
    if not texts:
        return Guess(None, ("there is no value in the sample",))
    if header_is_personal(header):
        return Guess(None, ("its header says that it tells who somebody is",), personal=True)
    if date_form(texts) is None and _often_personal(texts):
        return Guess(None, ("values look like addresses or numbers of persons",), personal=True)
    placeholders = _placeholders(texts)
    known = Counter({text: n for text, n in texts.items() if text not in placeholders})
    if not known:
        return Guess(None, ("there is no value in the sample but placeholders",))
    found = (
        _date(known, written)
        or _number(known, written)
        or _duration(known)
        or _category(known)
        or _list(known)
        or _identifier(known)
    )
    if found is not None:
        shown = () if isinstance(found.kind, Identifier) else placeholders
        return Guess(found.kind, found.notes, found.personal, shown, found.strip)
    note = "free text: it may tell who somebody is"
    return Guess(None, (note,), personal=True)


def _often_personal(texts: Counter[str]) -> bool:
    return sum(n for text, n in texts.items() if looks_personal(text)) > 0.01 * texts.total()


def _placeholders(texts: Counter[str]) -> tuple[str, ...]:
    """Return what stands for a missing value: known words, signs alone, numbers between signs."""
    between = re.compile(rf"([{re.escape(DECORATION)}])\1+-?\d+(\.\d+)?\1+")
    found = [
        text
        for text in texts
        if MISSING.fullmatch(text) or between.fullmatch(text) or _is_noise(text)
    ]
    return tuple(sorted(found)) if len(found) <= FEWEST else ()


def _is_noise(text: str) -> bool:
    """Whether it is mostly signs that no number has, as `!@9#%8` is."""
    signs = sum(not character.isalnum() for character in text)
    return signs * 2 > len(text) and any(sign in text for sign in "!@#?&")


def _date(texts: Counter[str], written: Written) -> Guess | None:
    form = date_form(texts)
    if form is None:
        return None
    if form != written.dates:
        note = f"dates written {form}, where the source writes {written.dates}"
        return Guess(None, (note,))
    if all_first_days(texts, form):
        return Guess(Month(), ("a month, since every day is the first of one",))
    return Guess(Date(), ("a day",))


def _number(texts: Counter[str], written: Written) -> Guess | None:
    read = {text: as_number(text, written.decimal, written.thousands) for text in texts}
    values = sorted(
        value for text, value in read.items() if value is not None for _ in range(texts[text])
    )
    if len(values) < MOST * texts.total():
        return None
    if sum(n for text, n in texts.items() if NUMBERED.fullmatch(text)) > texts.total() / 2:
        return None
    ends = {
        sign
        for text in texts
        for sign in (*text[: -len(text.lstrip(_SIGNS)) or None], *text[len(text.rstrip(_SIGNS)) :])
        if sign != " " and text.strip(_SIGNS)
    }
    whole = not ends and all(re.fullmatch(r"-?\d{1,15}", text) for text in texts)
    negative = sum(value < 0 for value in values)
    bound = 0.0 if negative <= 0.01 * len(values) else None
    notes = [f"{_usual(values)}say which are accepted"]
    if negative and bound is not None:
        notes.append("few are below 0, which is taken as dirt")
    return Guess(Number(low=bound, whole=whole), tuple(notes), strip="".join(sorted(ends)))


def _usual(values: list[float]) -> str:
    """Say where most values are, rounded and of many only: no value of a single person."""
    if len(values) < ENOUGH:
        return ""
    low, high = (float(f"{values[place]:.1e}") for place in (len(values) // 50, -len(values) // 50))
    return f"96 % of the values are from about {low:.10g} to about {high:.10g}: "


def _duration(texts: Counter[str]) -> Guess | None:
    if sum(n for text, n in texts.items() if DURATION.fullmatch(text)) < MOST * texts.total():
        return None
    forms = Counter[str]()
    for text, count in texts.items():
        forms[_form(text)] += count
    usual = [form for form, count in forms.most_common(3) if count > 0.01 * texts.total()]
    return Guess(Duration(tuple(usual)), ("one or many is taken alike",))


def _form(text: str) -> str:
    """Write a duration with braces for its numbers and brackets for what may be left out."""
    form = re.sub(r"(?i)\d+(\s*[yj])", r"{years}\1", text)
    form = re.sub(r"(?i)\d+(\s*m)", r"{months}\1", form)
    form = re.sub(r"(?i)(?<!\{)\b(year|month)s?\b(?!\})", r"\1[s]", form)
    return re.sub(r"(?i)\b(jahr|monat)e?\b", r"\1[e]", form)


def _category(texts: Counter[str]) -> Guess | None:
    usual = sorted(text for text, count in texts.items() if count >= FEWEST)
    shown = [text for text in usual if not looks_personal(text)]
    covered = sum(texts[text] for text in shown)
    if not shown or len(shown) > MOST_VALUES or covered < MOST * texts.total():
        return None
    if _list(texts) is not None:
        return None
    if look_like_names(shown):
        return Guess(None, ("values look like names of persons",), personal=True)
    rarer = len(texts) - len(shown)
    notes = [
        "the values as they occur: take out what could be a person's",
        "no order: say ordered = true if there is one",
    ]
    if rarer:
        notes.append(f"{rarer} rarer texts are left out, of which rows are quarantined")
    return Guess(Category(tuple(shown)), tuple(notes))


def _list(texts: Counter[str]) -> Guess | None:
    """Take as a list what few elements make up, apart by the separators that leave the fewest."""
    found = [one for one in (_elements(texts, separators) for separators in SEPARATORS) if one]
    return _list_of(*min(found, key=lambda one: len(one[0]))) if found else None


def _elements(
    texts: Counter[str], separators: tuple[str, ...]
) -> tuple[list[str], tuple[str, ...]] | None:
    pattern = re.compile("|".join(re.escape(one) for one in separators))
    counts: Counter[str] = Counter()
    several = 0
    for text, count in texts.items():
        elements = [one.strip() for one in pattern.split(text)]
        several += count * (len(elements) > 1)
        counts.update(dict.fromkeys(filter(None, elements), count))
    usual = sorted(text for text, count in counts.items() if count >= FEWEST)
    covered = sum(counts[text] for text in usual)
    few = 0 < len(usual) <= min(MOST_ELEMENTS, len(texts)) and covered >= MOST * counts.total()
    return (usual, separators) if few and several > 0.1 * texts.total() else None


def _list_of(texts: list[str], separators: tuple[str, ...]) -> Guess:
    if any(looks_personal(text) for text in texts) or look_like_names(texts):
        return Guess(None, ("elements look like names of persons",), personal=True)
    elements = tuple(Element(text, slug(text)) for text in texts)
    return Guess(ListOf(elements, separators), ("elements as they occur in the sample",))


def _identifier(texts: Counter[str]) -> Guess | None:
    pattern = pattern_of(texts)
    if pattern is None:
        return None
    return Guess(Identifier(pattern), ("the narrowest pattern of the sample: widen it as needed",))


def slug(text: str) -> str:
    """Return a name of small letters, digits and `_`."""
    letters = text.translate(_UMLAUTS)
    plain = "".join(one for one in normalize("NFKD", letters) if not combining(one))
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", plain)
    name = re.sub(r"[^a-z0-9]+", "_", spaced.casefold()).strip("_")
    return name if name[:1].isalpha() else f"c_{name}".rstrip("_")
