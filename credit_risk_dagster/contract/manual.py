"""The parts of docs/contract.md that follow from the code: `python -m` this module writes them."""

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.feature import Direction, Feature
from credit_risk_dagster.contract.kinds import Element, Multiple, Part
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.outcome import LeftEarly, Outcome
from credit_risk_dagster.contract.roles import IDENTIFIERS, KINDS_OF_ROLES, LOAN_BOOK, MONTHS
from credit_risk_dagster.contract.source import Column, Shape, Source
from credit_risk_dagster.contract.toml import EXPRESSIONS, KINDS

DECLARED = {
    "the file": Contract,
    "[outcome]": Outcome,
    "[[source]]": Source,
    "[source.dialect]": Dialect,
    "[[source.column]]": Column,
    **{f'kind = "{name}"': of_class for name, of_class in KINDS.items()},
    "at_most": Multiple,
    "elements": Element,
    "parts": Part,
    "[[feature]]": Feature,
    **{name: of_class for name, (of_class, _) in EXPRESSIONS.items()},
}
"""What a TOML file is made of, and the class that each part of it becomes."""

CHOICES: dict[str, type[StrEnum]] = {
    "shape": Shape,
    "direction": Direction,
    "left_early": LeftEarly,
}


def with_generated_parts(text: str) -> str:
    """Return a document whose parts between markers are those of today's code."""
    for name, lines in (("roles", _roles()), ("declarations", _declarations())):
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = "".join([before, begin, *(f"{line}\n" for line in lines), end, after])
    return text


def _roles() -> Iterator[str]:
    yield from ("| name | kind | what it is |", "| --- | --- | --- |")
    for name, meaning in {**IDENTIFIERS, **MONTHS, **LOAN_BOOK}.items():
        kinds = " or ".join(kind.__name__.lower() for kind in KINDS_OF_ROLES[name])
        yield f"| `{name}` | {kinds} | {meaning} |"


def _declarations() -> Iterator[str]:
    for place, of_class in DECLARED.items():
        first, _, _ = (inspect.getdoc(of_class) or "").partition("\n\n")
        yield f"**`{place}`**, the class `{of_class.__name__}`: {' '.join(first.split())}"
        yield ""
        said = _attributes(of_class)
        rows = [_row(field, said.get(field.name, "")) for field in fields(of_class)]
        if rows:
            yield from ("| key | unless said | |", "| --- | --- | --- |", *rows, "")


def _row(field: Field[Any], said: str) -> str:
    default = "must be said" if field.default is MISSING else _shown(field.default)
    if field.name in CHOICES:
        said = f"{said} One of {', '.join(f'`{one.value}`' for one in CHOICES[field.name])}."
    return f"| `{field.name}` | {default} | {said.strip()} |"


def _shown(default: object) -> str:
    if default is None or default in ("", ()):
        return ""
    if isinstance(default, (StrEnum, str)):
        return f"`{str(default) or ' '}`"
    if isinstance(default, bool):
        return "`true`" if default else "`false`"
    return "as in a plain CSV file" if isinstance(default, Dialect) else f"`{default}`"


def _attributes(of_class: type) -> dict[str, str]:
    """Return what the docstring of a class says of each attribute."""
    _, _, section = (inspect.getdoc(of_class) or "").partition("Attributes:\n")
    said: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        entry = re.match(r"    (\w+): (.*)", line)
        if entry:
            name, said[entry[1]] = entry[1], entry[2]
        elif name and line.strip():
            said[name] += f" {line.strip()}"
    return {key: f"{text[:1].upper()}{text[1:]}".replace("|", "\\|") for key, text in said.items()}


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(with_generated_parts(document.read_text("utf-8")), encoding="utf-8")
