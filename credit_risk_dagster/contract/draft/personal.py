"""What looks like a person's: it has no place in a draft, not even as an example."""

import re
from collections import Counter
from collections.abc import Iterable

HEADER = re.compile(
    r"(?i)(?<![a-z])(name|user ?name|vorname|nachname|surname|ssn|iban|bic|e ?-?mail|phone|mobile|"
    r"telefon|tel|fax|address|adresse|street|strasse|straße|zip|postcode|plz|passport|"
    r"ausweis[a-z]*|tax id|steuer[a-z]*|"
    r"birth ?date|date of birth|dob|geburtsdatum|social security.*|officer|advisor|agent|broker|"
    r"clerk|manager|employee|berater|betreuer|sachbearbeiter|mitarbeiter|vermittler|contact)(?![a-z])"
)
"""Words of a header that say that a person can be found by what stands under it."""

VALUES = (
    re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),  # an e-mail address
    re.compile(r"\d{3}-\d{2}-\d{4}"),  # a social security number
    re.compile(r"(\+\d|0\d|\(\d)[\d ()/.-]{6,}\d"),  # a telephone number
    re.compile(r"(?=(\D*\d){7})\d{2,5}([ /-]\d{2,8}){1,4}"),  # another one
    re.compile(r"[A-Z]{2}\d{2}[ ]?([A-Z0-9]{4}[ ]?){3,7}[A-Z0-9]{0,3}"),  # an IBAN
    re.compile(r"\d{12,19}"),  # a card number
)

_WORD = r"[A-ZÀ-Þ][a-zß-ÿ'.-]*"
_NAME = re.compile(rf"{_WORD}( {_WORD}){{1,3}}|{_WORD}, {_WORD}( {_WORD})?")


def header_is_personal(header: str) -> bool:
    """Return whether a header says that a person can be found by its column."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_-]+", " ", header)
    return any(HEADER.search(text) for text in (header, spaced))


def looks_personal(text: str) -> bool:
    """Return whether a text, which is no date, is written like a number or address of a person."""
    return any(form.fullmatch(text) for form in VALUES)


def look_like_names(texts: Iterable[str]) -> bool:
    """Return whether texts are written like names of persons.

    Two capital words are also a kind of loan; but of those a word recurs, `Auto Loan`, `Home Loan`.
    """
    known = list(texts)
    names = [text for text in known if _NAME.fullmatch(text)]
    if len(names) * 2 < len(known) or not names:
        return False
    words = Counter(word for text in names for word in set(text.split()))
    return max(words.values()) * 3 < len(names) or len(names) == 1
