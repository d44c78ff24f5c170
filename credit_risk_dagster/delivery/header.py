"""The header of a delivered file: where each column of its source stands."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.source import Column, Source
from credit_risk_dagster.delivery.encoding import UTF8_MARK, encoding_of
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.formats import Content
from credit_risk_dagster.delivery.judged import LINE_LIMIT
from credit_risk_dagster.delivery.opening import open_delivery
from credit_risk_dagster.delivery.parquet_rows import parquet_names
from credit_risk_dagster.delivery.syntax import signs_of
from credit_risk_dagster.errors import DeliveryError

_COLUMN_NAME = re.compile(r"([^\W\d][\w .-]*)?")
_NAME_LIMIT = 255
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}

HIDDEN = "(not shown)"


@dataclass(frozen=True)
class Header:
    """All column names of a file in its order, and what it has more and less than its source.

    Names in `extra` are to be shown: `(not shown)` stands for what may be data. Those of
    `unknown` are the names themselves.
    """

    names: tuple[str, ...]
    extra: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    lacking: tuple[Column, ...] = ()


def read_header(file: DeliveredFile, source: Source) -> Header:
    """Return the header of a file.

    A file for a month has the columns that are delivered in it; a cumulative file may lack those
    that are not delivered in all months.

    Raises:
        DeliveryError: if the file is empty, unreadable or not of the source's dialect, or if its
            header lacks a column or names one twice.
        PlatformError: if the contract has a dialect that cannot be read.
    """
    with open_delivery(file, source) as (stream, form):
        if form.content is Content.PARQUET:
            names = parquet_names(stream)
        else:
            names = _names(stream, file, source)
    ours = {header.strip(): header for header in source.headers}
    return _check(tuple(ours.get(name.strip(), name.strip()) for name in names), file, source)


def _names(stream: IO[bytes], file: DeliveredFile, source: Source) -> list[str]:
    line = stream.readline(LINE_LIMIT)
    encoding = encoding_of(source.dialect.encoding)
    if line.startswith(UTF8_MARK) and encoding.characters is not None:
        raise DeliveryError(
            f"{source.name}: {file.relative} begins with the mark of UTF-8, but the contract says "
            f"{encoding.name}. Deliver it in {encoding.name}, or correct the contract."
        )
    try:
        if len(line) >= LINE_LIMIT:
            raise ValueError("too long to be a header")
        text = encoding.decode(line.removeprefix(UTF8_MARK)).removesuffix("\n").removesuffix("\r")
        names = _fields(text, source.dialect)
        if max(map(len, names), default=0) > _NAME_LIMIT:
            raise ValueError("too long to be a column's name")
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        written = in_words(source.dialect)
        raise DeliveryError(
            f"{source.name}: the first line of {file.relative} is not a header in {written}. "
            f"Deliver the file as text in {written}, under a header line."
        ) from error
    return names


def _fields(text: str, dialect: Dialect) -> list[str]:
    _, quote = signs_of(dialect)
    if quote is None:
        (fields,) = csv.reader([text], delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE)
    else:
        (fields,) = csv.reader(
            [text], delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True
        )
    return fields


def in_words(dialect: Dialect) -> str:
    """Say how text of a dialect is written."""
    separated = _DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))
    return f"{encoding_of(dialect.encoding).name}, separated by {separated}"


def _check(names: tuple[str, ...], file: DeliveredFile, source: Source) -> Header:
    lacking = tuple(column for column in source.columns if column.header not in names)
    due = {column.header for column in lacking if _must_have(column, file, source)}
    optional = {column.header for column in lacking} - due
    expected = ", ".join(header for header in source.headers if header not in optional)
    alike = _alike(names, due)
    if len(lacking) == len(source.columns) and not alike:
        # The line may be data, so that showing it could show a person.
        raise DeliveryError(
            f"{source.name}: the first line of {file.relative} names none of its columns. Deliver "
            f"the file with a header line, {in_words(source.dialect)}: {expected}"
        )
    shown = _without_data(names, source)
    if due:
        missing = ", ".join(one for one in source.headers if one in due)
        raise DeliveryError(
            f"{source.name}: {file.relative} lacks {missing}; its header is {', '.join(shown)}."
            f"{alike} Deliver it with all its columns, in any order: {expected}"
        )
    twice = sorted({one for name, one in zip(names, shown, strict=True) if names.count(name) > 1})
    if twice:
        raise DeliveryError(
            f"{source.name}: {file.relative} has more than one column named "
            f"{', '.join(map(repr, twice))}. Deliver it with each column once."
        )
    return Header(
        names=names,
        extra=tuple(name for name in shown if name not in source.headers),
        unknown=tuple(name for name in names if name not in source.headers),
        lacking=lacking,
    )


def _must_have(column: Column, file: DeliveredFile, source: Source) -> bool:
    if column.header == source.month_header:
        return True
    if file.month is not None:
        return column.delivered_in(file.month)
    return column.begins is None and column.ends is None


def _alike(names: Iterable[str], missing: Iterable[str]) -> str:
    """Say which names would be missing columns but for case or white space."""
    folded = {_folded(header): header for header in sorted(missing)}
    pairs = [(name, folded[_folded(name)]) for name in names if _folded(name) in folded]
    told = ", ".join(f"{name!r} is not {header!r}" for name, header in pairs)
    return f" Case and white space count: {told}." if told else ""


def _folded(name: str) -> str:
    return "".join(name.casefold().split())


def _without_data(names: tuple[str, ...], source: Source) -> tuple[str, ...]:
    """Hide unknown names where one of them can be no column's: they may be a row, of a person.

    That is what a header line without its line end looks like.
    """
    unknown = [name for name in names if name not in source.headers]
    if all(_COLUMN_NAME.fullmatch(name) for name in unknown):
        return names
    return tuple(name if name in source.headers else HIDDEN for name in names)
