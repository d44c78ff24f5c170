"""How a dialect writes days and months: read from bytes, written from dates, many at once."""

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.contract.kinds import Date
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Source
from credit_risk_dagster.delivery.syntax import NO_MONTH, Bytes, Integers, Truths
from credit_risk_dagster.errors import PlatformError

_PARTS = re.compile("YYYY|MM|DD")
_DIRECTIVES = {"YYYY": "%Y", "MM": "%m", "DD": "%d"}
_ISO_DAY = "%Y-%m-%d"
_ZERO = ord("0")


@dataclass(frozen=True)
class DateForm:
    """A form such as `DD.MM.YYYY`, and where its parts stand."""

    form: str
    year: int
    month: int
    day: int | None
    any_day: bool = False
    """Whether any day of a month tells it, or its first alone."""

    @property
    def first_day(self) -> str:
        """What the first day of a month looks like, or a month where the form has no day."""
        return self.form.replace("DD", "01")


def month_form(source: Source) -> DateForm:
    """Return how a source writes the month of a row: a column of days names it by any of them."""
    return date_form(source.dialect.dates, isinstance(source.column(SNAPSHOT_DATE).kind, Date))


@cache
def date_form(form: str, any_day: bool = False) -> DateForm:
    """Return a form of the contract with the places of its parts.

    Raises:
        PlatformError: if it has not one year and one month, with one day at most.
    """
    places = {part.group(): part.start() for part in _PARTS.finditer(form)}
    parts = sorted(_PARTS.findall(form))
    if parts not in (["DD", "MM", "YYYY"], ["MM", "YYYY"]) or not form.isascii():
        raise PlatformError(
            f"The contract writes dates as {form!r}, which cannot be read. Correct the dialect: "
            "YYYY, MM and DD, or YYYY and MM, once each, with signs of ASCII between them."
        )
    return DateForm(form, places["YYYY"], places["MM"], places.get("DD"), any_day)


def months_written(data: Bytes, starts: Integers, ends: Integers, form: DateForm) -> Integers:
    """Return the months since year 0 that fields name, by the first of their days or by any.

    NO_MONTH where a field is anything else.

    Args:
        data: the bytes in which the fields are.
        starts: where each field starts, behind its quote.
        ends: where it ends, before its quote.
        form: how days are written.
    """
    dated = np.flatnonzero(ends - starts == len(form.form))
    text = data[starts[dated, np.newaxis] + np.arange(len(form.form))]
    well_formed = _between_parts(text, form)
    year, well_formed = _number(text, form.year, 4, well_formed)
    month, well_formed = _number(text, form.month, 2, well_formed)
    if form.day is not None:
        day, well_formed = _number(text, form.day, 2, well_formed)
        well_formed &= (day >= 1) & (day <= 31) if form.any_day else day == 1
    well_formed &= (year >= 1) & (month >= 1) & (month <= 12)
    months = np.full(len(starts), NO_MONTH)
    months[dated] = np.where(well_formed, year * 12 + month - 1, NO_MONTH)
    return months


def _between_parts(text: Bytes, form: DateForm) -> Truths:
    signs = _PARTS.sub(lambda part: "\0" * len(part.group()), form.form).encode()
    places = [place for place, sign in enumerate(signs) if sign]
    between: Truths = (text[:, places] == np.frombuffer(signs, np.uint8)[places]).all(axis=1)
    return between


def _number(text: Bytes, start: int, digits: int, so_far: Truths) -> tuple[Integers, Truths]:
    """Return the numbers that stand in some places, and which of them are made of digits."""
    values = (text[:, start : start + digits] - _ZERO).astype(np.int64)
    well_formed: Truths = so_far & (values <= 9).all(axis=1)
    return values @ (10 ** np.arange(digits)[::-1]), well_formed


def dates_as_text(dates: pa.Array, form: DateForm) -> pa.Array:
    """Write days in a form; one that the form cannot tell, having no place for the day, in ISO."""
    coded = dates.dictionary_encode()  # there are few days among many rows, and writing is slow
    return _written(coded.dictionary, form).take(coded.indices)


def _written(days: pa.Array, form: DateForm) -> pa.Array:
    directives = form.form.replace("%", "%%")
    for part, directive in _DIRECTIVES.items():
        directives = directives.replace(part, directive)
    text = pc.strftime(days, format=directives)
    if form.day is not None:
        return text
    return pc.if_else(pc.equal(pc.day(days), 1), text, pc.strftime(days, format=_ISO_DAY))
