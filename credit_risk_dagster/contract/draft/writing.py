"""A contract as TOML, as `contract/toml.py` reads it, with notes as comments."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Any

from credit_risk_dagster.contract.dialect import PLAIN
from credit_risk_dagster.contract.feature import Feature, Function, Ratio
from credit_risk_dagster.contract.kinds import Element
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.source import Column, Personal, Source
from credit_risk_dagster.contract.toml import EXPRESSIONS, KINDS

Notes = Mapping[str, Sequence[str]]

GUESS = "# guess: "
_MONTHS = ("begins", "ends")
_OF_KIND = {of_class: name for name, of_class in KINDS.items()}
_OF_EXPRESSION = {of_class: (name, plain) for name, (of_class, plain) in EXPRESSIONS.items()}


def written(contract: Contract, notes: Notes) -> str:
    """Return a contract as TOML.

    Args:
        contract: the contract.
        notes: what was guessed, by the places of findings.
    """
    lines = [*_noted("lender", notes), f"lender = {_value(contract.lender)}", ""]
    lines += [*_noted("outcome", notes), "[outcome]", *_assigned(contract.outcome)]
    for source in contract.sources:
        lines += ["", *_source(source, notes)]
    for feature in contract.features:
        lines += ["", *_noted(f"feature {feature.name}", notes), *_feature(feature)]
    return "\n".join(lines) + "\n"


def _source(source: Source, notes: Notes) -> Iterator[str]:
    place = f"source {source.name}"
    yield from _noted(place, notes)
    yield "[[source]]"
    yield from _assigned(source, "columns", "dialect")
    if source.dialect != PLAIN:
        yield ""
        yield from _noted(f"{place}, dialect", notes, "  ")
        yield "  [source.dialect]"
        yield from (f"  {line}" for line in _assigned(source.dialect))
    for column in source.columns:
        yield ""
        yield from _noted(f"{place}, column {column.header}", notes, "  ")
        yield "  [[source.column]]"
        yield from (f"  {line}" for line in _column(column))


def _column(column: Column) -> Iterator[str]:
    yield f"header = {_value(column.header)}"
    yield f"name = {_value(column.name)}"
    if column.kind is not None:
        yield f"kind = {_value(_OF_KIND[type(column.kind)])}"
        yield from _assigned(column.kind)
    yield from _assigned(column, "header", "name", "kind")


def _feature(feature: Feature) -> Iterator[str]:
    yield "[[feature]]"
    yield f"name = {_value(feature.name)}"
    key, plain = _OF_EXPRESSION[type(feature.expression)]
    if isinstance(feature.expression, (Ratio, Function)) or plain is None:
        yield f"{key} = {_table(feature.expression)}"
    else:
        yield f"{key} = {_value(getattr(feature.expression, plain))}"
    yield from _assigned(feature, "name", "expression")


def _assigned(declared: Any, *but: str) -> Iterator[str]:
    """Yield what a declaration says, what it leaves at its default left out."""
    for field in fields(declared):
        value = getattr(declared, field.name)
        if field.name in but or (field.default is not MISSING and value == field.default):
            continue
        if field.name in _MONTHS:
            value = value[:7]
        yield f"{field.name} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, Personal):
        return "true" if value is Personal.YES else "false"
    if isinstance(value, (StrEnum, str)):
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(int(value)) if float(value).is_integer() else repr(value)
    if isinstance(value, tuple):
        if value and all(isinstance(one, Element) for one in value):
            return _inline({one.text: one.suffix for one in value})
        return f"[{', '.join(map(_value, value))}]"
    return _table(value)


def _table(declared: Any) -> str:
    said = {
        field.name: getattr(declared, field.name)
        for field in fields(declared)
        if field.default is MISSING or getattr(declared, field.name) != field.default
    }
    return _inline(said)


def _inline(values: Mapping[str, Any]) -> str:
    return f"{{ {', '.join(f'{_key(key)} = {_value(one)}' for key, one in values.items())} }}"


def _key(key: str) -> str:
    return key if key.isidentifier() and key.isascii() else _value(key)


def _noted(place: str, notes: Notes, indent: str = "") -> Iterator[str]:
    for note in notes.get(place, ()):
        yield f"{indent}{GUESS}{' '.join(note.split())}"
