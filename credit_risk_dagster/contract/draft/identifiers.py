"""The narrowest pattern that identifiers share: what keeps names and numbers of persons out."""

import re
from collections.abc import Iterable

CLASSES = (
    ("[0-9]", re.compile(r"[0-9]+")),
    ("[0-9a-f]", re.compile(r"[0-9a-f]+")),
    ("[0-9A-F]", re.compile(r"[0-9A-F]+")),
    ("[A-Z]", re.compile(r"[A-Z]{1,4}")),
    ("[0-9A-Z]", re.compile(r"[0-9A-Z]+")),
    ("[0-9a-z]", re.compile(r"(?=.*[0-9])[0-9a-z]+")),
)
FEWEST, LONGEST = 20, 64
"""Texts from which what they share is no text of one person; the length of an identifier."""


def pattern_of(texts: Iterable[str]) -> str | None:
    """Return a regular expression for the whole of each text, or None if they share no form.

    That is what all begin with, then pieces of digits and letters between the same signs.
    """
    known = list(texts)
    if len(known) < FEWEST or max(map(len, known)) > LONGEST:
        return None
    if any(re.search(r"\s|@", text) for text in known):
        return None
    prefix = _prefix(known)
    pieces = [re.split(r"([^0-9A-Za-z]+)", text[len(prefix) :]) for text in known]
    if len({len(one) for one in pieces}) != 1:
        return None
    parts = [_piece({one[place] for one in pieces}) for place in range(len(pieces[0]))]
    if any(part is None for part in parts):
        return None
    return (re.escape(prefix) + "".join(part for part in parts if part)).replace(r"\-", "-")


def _prefix(texts: list[str]) -> str:
    """Return what all begin with, but no digit that they share by chance."""
    common = ""
    for letters in zip(*texts, strict=False):
        if len(set(letters)) > 1:
            break
        common += letters[0]
    common = re.sub(r"[0-9]{2}.*", "", common)
    return re.sub(r"[0-9a-f]*\Z", "", common) if not common.endswith("x") else common


def _piece(texts: set[str]) -> str | None:
    """Return a pattern of the pieces at one place: one sign, or digits and letters of a class."""
    if len(texts) == 1 and not next(iter(texts)).isalnum():
        return re.escape(next(iter(texts)))
    lengths = {len(text) for text in texts}
    for name, allowed in CLASSES:
        if all(allowed.fullmatch(text) for text in texts):
            least = min(lengths) if len(lengths) == 1 else 1
            longest = max(lengths)
            return f"{name}{{{longest}}}" if least == longest else f"{name}{{{least},{longest}}}"
    return None
