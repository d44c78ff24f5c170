"""A contract in TOML: the same declarations as in Python, for a lender without a package.

Nothing in the file is executed: a function is only named, `package.module:name`, and comes from
what is installed.
"""

import tomllib
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.feature import (
    Expression,
    Feature,
    Flags,
    FromColumn,
    Function,
    MonthsSince,
    Ratio,
    Readings,
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
    Multiple,
    Number,
    Part,
    TwoCategories,
)
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.outcome import Outcome
from credit_risk_dagster.contract.source import Column, Personal, Source
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.months import parse_month

T = TypeVar("T")
Table = Mapping[str, Any]

KINDS: Mapping[str, type] = {
    "number": Number,
    "category": Category,
    "identifier": Identifier,
    "month": Month,
    "date": Date,
    "duration": Duration,
    "list": ListOf,
    "two_categories": TwoCategories,
}
"""What `kind` may say; without one, a column goes no further than bronze."""

EXPRESSIONS: Mapping[str, tuple[type, str | None]] = {
    "column": (FromColumn, "column"),
    "ratio": (Ratio, None),
    "flags": (Flags, "column"),
    "months_since": (MonthsSince, "column"),
    "readings": (Readings, "panel"),
    "function": (Function, None),
}
"""How a feature says what it is: its key, and the field that a plain text under it fills."""


def read_toml(path: Path) -> Contract:
    """Return the contract of a file.

    Raises:
        PlatformError: naming the place, if the file is no TOML or says what no contract can say.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise PlatformError(f"{path.name} cannot be read as TOML in UTF-8: {error}.") from error
    try:
        return contract_of(document)
    except PlatformError as error:
        raise PlatformError(f"{path.name}: {error}") from error


def contract_of(document: Table) -> Contract:
    """Return the contract that a TOML document declares.

    Raises:
        PlatformError: naming the place that says what no contract can say.
    """
    _only(document, ("lender", "outcome", "source", "feature"), "the file")
    if not isinstance(document.get("outcome"), dict):
        raise PlatformError("[outcome] is missing: say what counts as a default, and when.")
    sources = tuple(_source(one) for one in _tables(document, "source", "the file"))
    features = tuple(_feature(one) for one in _tables(document, "feature", "the file"))
    outcome = _made(Outcome, document["outcome"], "outcome")
    lender = document.get("lender", "the lender")
    return _made(
        Contract,
        {"lender": lender, "sources": sources, "features": features, "outcome": outcome},
        "the file",
    )


def _source(table: Table) -> Source:
    place = f"source {table.get('name', '?')}"
    _only(table, [*_names(Source, "columns"), "column"], place)
    given = {name: value for name, value in table.items() if name != "column"}
    if "dialect" in given:
        given["dialect"] = _made(Dialect, given["dialect"], f"{place}, dialect")
    columns = tuple(_column(one, place) for one in _tables(table, "column", place))
    return _made(Source, {**_with_months(given, place), "columns": columns}, place)


def _column(table: Table, source: str) -> Column:
    place = f"{source}, column {table.get('header', '?')}"
    kind = table.get("kind")
    if kind is not None and (not isinstance(kind, str) or kind not in KINDS):
        raise PlatformError(f"{place}: there is no kind {kind!r}; there are {', '.join(KINDS)}.")
    of_kind = _names(KINDS[kind]) if kind is not None else ()
    _only(table, [*_names(Column), *of_kind], place)
    given = {name: value for name, value in table.items() if name not in of_kind}
    given["kind"] = None if kind is None else _kind(table, kind, place)
    if "personal" in given:
        if not isinstance(given["personal"], bool):
            raise PlatformError(f"{place}: personal is true or false.")
        given["personal"] = Personal.YES if given["personal"] else Personal.NO
    return _made(Column, _with_months(given, place), place)


def _kind(table: Table, kind: str, place: str) -> Kind:
    of_kind = KINDS[kind]
    given = {name: table[name] for name in _names(of_kind) if name in table}
    if "at_most" in given:
        given["at_most"] = _made(Multiple, given["at_most"], f"{place}, at_most")
    if "elements" in given:
        if not isinstance(given["elements"], dict):
            raise PlatformError(f'{place}: elements are written {{ "text" = "suffix", … }}.')
        given["elements"] = tuple(Element(text, str(s)) for text, s in given["elements"].items())
    if "parts" in given:
        parts = _tables(table, "parts", place)
        given["parts"] = tuple(_made(Part, part, f"{place}, parts") for part in parts)
    made: Kind = _made(of_kind, given, place)
    return made


def _feature(table: Table) -> Feature:
    place = f"feature {table.get('name', '?')}"
    _only(table, [*_names(Feature, "expression"), *EXPRESSIONS], place)
    said = [key for key in EXPRESSIONS if key in table]
    if len(said) != 1:
        raise PlatformError(f"{place}: say exactly one of {', '.join(EXPRESSIONS)}.")
    given = {name: value for name, value in table.items() if name not in EXPRESSIONS}
    given["expression"] = _expression(said[0], table[said[0]], place)
    return _made(Feature, given, place)


def _expression(key: str, said: object, place: str) -> Expression:
    of_expression, plain = EXPRESSIONS[key]
    if plain is not None and isinstance(said, str):
        said = {plain: said}
    if not isinstance(said, dict):
        raise PlatformError(f"{place}: {key} is not written like that: {said!r}.")
    made: Expression = _made(of_expression, said, f"{place}, {key}")
    return made


def _with_months(given: Table, place: str) -> dict[str, Any]:
    """Read `begins` and `ends` as month keys, written YYYY-MM."""
    months = {}
    for name in ("begins", "ends"):
        if name in given:
            try:
                months[name] = parse_month(str(given[name]))
            except ValueError as error:
                raise PlatformError(f"{place}: {name}: {error}.") from error
    return {**given, **months}


def _tables(table: Table, name: str, place: str) -> list[Table]:
    given = table.get(name, [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise PlatformError(f"{place}: {name} is written as tables, [[{name}]].")
    return given


def _names(of_class: type, *but: str) -> tuple[str, ...]:
    return tuple(field.name for field in fields(of_class) if field.name not in but)


def _only(table: Table, known: list[str] | tuple[str, ...], place: str) -> None:
    unknown = [name for name in table if name not in known]
    if unknown:
        raise PlatformError(
            f"{place}: there is no {', '.join(unknown)} here; there are {', '.join(known)}."
        )


def _made(of_class: type[T], given: object, place: str) -> T:
    """Make a declaration, its values of the declared types."""
    if not isinstance(given, dict):
        raise PlatformError(f"{place} is written as a table, {{ name = value, … }}.")
    _only(given, _names(of_class), place)
    missing = [
        field.name
        for field in fields(of_class)  # type: ignore[arg-type]
        if field.default is MISSING and field.name not in given
    ]
    if missing:
        raise PlatformError(f"{place}: {', '.join(missing)} must be said.")
    try:
        made: T = _adapter(cast(Hashable, of_class)).validate_python(given)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise PlatformError(f"{place}: {where}: {fault['msg']}.") from error
    return made


@cache
def _adapter(of_class: Any) -> TypeAdapter[Any]:
    return TypeAdapter(of_class)
