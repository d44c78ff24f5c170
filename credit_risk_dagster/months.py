"""Arithmetic on snapshot months, the platform's only unit of time."""

import re
from datetime import date

MONTH_FORMAT = "%Y-%m-%d"


def parse_month(text: str) -> str:
    """Return the month key `YYYY-MM-01` of `YYYY-MM` or `YYYY-MM-01`.

    Raises:
        ValueError: if the text is neither.
    """
    if not re.fullmatch(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])(-01)?", text):
        raise ValueError(f"{text!r} is not a month: write it as YYYY-MM, for example 2024-09")
    return f"{text[:7]}-01"


def month_of(day: date) -> str:
    """Return the month key of the month that a day falls in."""
    return f"{day.year:04d}-{day.month:02d}-01"


def add_months(month: str, count: int) -> str:
    """Return the month `count` months after (before, if negative) a month key."""
    index = int(month[:4]) * 12 + int(month[5:7]) - 1 + count
    return f"{index // 12:04d}-{index % 12 + 1:02d}-01"


def months_between(first: str, last: str) -> int:
    """Return how many months `last` is after `first`; negative when it is before."""
    return (int(last[:4]) - int(first[:4])) * 12 + int(last[5:7]) - int(first[5:7])


def month_range(first: str, last: str) -> list[str]:
    """Return every month key from `first` to `last`, both included; empty if `last` is before."""
    return [add_months(first, step) for step in range(months_between(first, last) + 1)]


def first_day(month: str) -> date:
    """Return a month key as the date of its first day."""
    return date.fromisoformat(month)
