"""A draft as a whole: sources of one lender, with simple features and an outcome to be decided."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from credit_risk_dagster.contract.draft.sample import samples
from credit_risk_dagster.contract.draft.sources import drafted
from credit_risk_dagster.contract.draft.writing import written
from credit_risk_dagster.contract.feature import (
    Feature,
    Flags,
    FromColumn,
    Readings,
)
from credit_risk_dagster.contract.kinds import Category, Duration, ListOf, Number
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.outcome import Outcome
from credit_risk_dagster.contract.roles import IDENTIFIERS, MONTHS
from credit_risk_dagster.contract.source import Column, Shape, Source

TO_BE_DECIDED = Outcome(month_on_book=6, days_past_due=30)
SHARED = (*IDENTIFIERS, *MONTHS)
ORDER = list(Shape)


def draft_of(folder: Path) -> str:
    """Return a contract in TOML that a folder of sample files suggests, each guess marked.

    Raises:
        PlatformError: if there are no files, or if one cannot be read.
    """
    found = sorted(
        (drafted(sample) for sample in samples(folder)),
        key=lambda one: ORDER.index(one.source.shape),
    )
    sources = _told_apart([one.source for one in found])
    contract = Contract("the lender", sources, tuple(_features(sources)), TO_BE_DECIDED)
    notes = {place: said for one in found for place, said in one.notes.items()}
    notes["outcome"] = ("to be decided: what counts as a default, and when",)
    notes["lender"] = ("the name of the lender, for people",)
    return written(contract, notes)


def _told_apart(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Give columns of several sources that are called the same the name of their source as well."""
    names = Counter(column.name for source in sources for column in source.columns)

    def named(source: Source, column: Column) -> Column:
        if names[column.name] == 1 or column.name in SHARED:
            return column
        return replace(column, name=f"{source.name}_{column.name}"[:60])

    return tuple(
        replace(source, columns=tuple(named(source, column) for column in source.columns))
        for source in sources
    )


def _features(sources: Sequence[Source]) -> Iterator[Feature]:
    for source in sources:
        if source.shape is Shape.PANEL:
            words = f"{source.name.replace('_', ' ')} so far"
            yield Feature(
                source.name,
                Readings(source.name),
                words.capitalize(),
                source.name,
                raises=words,
                lowers=words,
            )
        if source.shape is not Shape.APPLICANT:
            continue
        for column in source.columns:
            if column.name in SHARED:
                continue
            words = column.meaning[:1].lower() + column.meaning[1:]
            if isinstance(column.kind, (Number, Category, Duration)):
                expression: FromColumn | Flags = FromColumn(column.name)
            elif isinstance(column.kind, ListOf):
                expression = Flags(column.name)
            else:
                continue
            yield Feature(
                column.name,
                expression,
                column.meaning,
                source.name,
                raises=words,
                lowers=words,
            )
