"""How dates and numbers are written, as far as texts tell."""

import re
from collections import Counter
from datetime import date

FORMS = (
    "YYYY-MM-DD",
    "DD.MM.YYYY",
    "DD/MM/YYYY",
    "MM/DD/YYYY",
    "DD-MM-YYYY",
    "YYYY/MM/DD",
    "YYYYMMDD",
    "YYYY-MM",
    "MM/YYYY",
    "MM.YYYY",
    "YYYYMM",
)
MOST = 0.95
"""The share of texts that must be written in a way for it to be taken as the way."""

DECORATION = "_$€£%*#\u00a0"
MISSING = re.compile(r"(?i)n/?a|nm|nan|null|none|unknown|unbekannt|missing|k\.? ?a\.?|\W+|_+")
"""What lenders write where they know nothing: words for it, and texts of signs alone."""

_NUMBER = {
    ".": re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,2})?"),
    ",": re.compile(r"-?\d+(,\d+)?([eE][+-]?\d{1,2})?"),
}
_GROUPED = {
    ".": re.compile(r"-?\d{1,3}((?P<by>[, '])\d{3})+(\.\d+)?"),
    ",": re.compile(r"-?\d{1,3}((?P<by>[. '])\d{3})+(,\d+)?"),
}
_DIGITS = {"YYYY": r"(?P<y>(19|20)\d\d)", "MM": r"(?P<m>\d\d)", "DD": r"(?P<d>\d\d)"}


def date_form(texts: Counter[str]) -> str | None:
    """Return the form in which most of some texts are dates, or None."""
    total = texts.total()
    for form in FORMS:
        pattern = re.escape(form)
        for part, digits in _DIGITS.items():
            pattern = pattern.replace(part, digits)
        compiled = re.compile(pattern)
        if total and sum(n for text, n in texts.items() if _is_day(compiled, text)) >= MOST * total:
            return form
    return None


def _is_day(form: re.Pattern[str], text: str) -> bool:
    match = form.fullmatch(text)
    if match is None:
        return False
    parts = match.groupdict()
    try:
        date(int(parts["y"]), int(parts["m"]), int(parts.get("d") or 1))
    except ValueError:
        return False
    return True


def all_first_days(texts: Counter[str], form: str) -> bool:
    """Return whether dates of a form are all first days of months, or have no day."""
    place = form.find("DD")
    return place < 0 or all(text[place : place + 2] == "01" for text in texts if len(text) > place)


def number_signs(columns: list[Counter[str]]) -> tuple[str, str]:
    """Return the decimal sign and the sign that groups digits, of all columns of a source."""
    votes: Counter[tuple[str, str]] = Counter()
    for texts in columns:
        for text, count in texts.items():
            plain = text.strip(DECORATION + " ")
            for decimal in (".", ","):
                grouped = _GROUPED[decimal].fullmatch(plain)
                if grouped and (decimal in plain or plain.count(grouped["by"]) > 1):
                    votes[decimal, grouped["by"]] += count
                elif decimal in plain and _NUMBER[decimal].fullmatch(plain):
                    votes[decimal, ""] += count
    decimal = max((".", ","), key=lambda sign: sum(n for (d, _), n in votes.items() if d == sign))
    grouped_by = Counter({by: n for (d, by), n in votes.items() if d == decimal and by})
    return decimal, grouped_by.most_common(1)[0][0] if grouped_by else ""


def as_number(text: str, decimal: str, thousands: str) -> float | None:
    """Return the number that a text is, its decoration dropped, or None."""
    plain = text.strip(DECORATION + " ")
    if thousands and _GROUPED[decimal].fullmatch(plain):
        plain = plain.replace(thousands, "")
    if not _NUMBER[decimal].fullmatch(plain):
        return None
    return float(plain.replace(",", "."))
