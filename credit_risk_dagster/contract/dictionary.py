"""The data dictionary of a lender as Markdown: everything that its contract says, in words."""

from collections.abc import Iterator, Sequence

from credit_risk_dagster.contract.feature import Direction, Feature
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.source import Column, Personal, Source
from credit_risk_dagster.contract.words import (
    ROWS,
    code,
    dialect_in_words,
    expression_in_words,
    kind_in_words,
    outcome_in_words,
    reading_in_words,
)

DIRECTIONS = {Direction.UP: "raises", Direction.DOWN: "lowers", Direction.FREE: ""}


def data_dictionary(contract: Contract, window_months: int) -> str:
    """Return the data dictionary of a contract.

    Args:
        contract: the contract.
        window_months: how many months of labels a training reads.
    """
    lines = [
        f"# Data dictionary of {contract.lender}",
        "",
        "Written by `credit-risk contract dictionary` from the contract, which is what counts.",
        *_outcome(contract, window_months),
        *(line for source in contract.sources for line in _source(source)),
        *_features(contract),
    ]
    return "\n".join(lines) + "\n"


def _outcome(contract: Contract, window_months: int) -> Iterator[str]:
    lag = contract.outcome.month_on_book
    yield from ("", "## Outcome", "", outcome_in_words(contract.outcome), "")
    yield (
        f"So a label is known {lag} months after origination, and the loans of a month are a "
        f"cohort {lag} months later. A training reads {window_months} cohorts, which are complete "
        f"after {lag + window_months} months of history: the first training is in the month after."
    )


def _source(source: Source) -> Iterator[str]:
    yield from ("", f"## Source {code(source.name)}", "", f"{source.meaning}.", "")
    files = ", ".join(code(file) for file in source.files)
    key = " and ".join(code(header) for header in source.key_headers)
    yield f"- Files: {files}, {dialect_in_words(source.dialect)}."
    yield f"- Rows: {ROWS[source.shape]}, known by {key}."
    waits = "a month waits for it" if source.required else "a month is run without it if need be"
    times = [f"from {source.begins[:7]}"] if source.begins else []
    times += [f"up to {source.ends[:7]}"] if source.ends else []
    yield f"- Delivery: {', '.join(['every month', *times, waits])}."
    yield ""
    yield from _table(
        ("header", "name", "what stands there", "unit", "how it is read", "meaning"),
        [_column(column) for column in source.columns],
    )


def _column(column: Column) -> tuple[str, ...]:
    personal = "**personal**, " if column.personal is Personal.YES else ""
    names = column.names if column.name not in column.names and column.names else (column.name,)
    return (
        code(column.header),
        ", ".join(code(name) for name in names),
        personal + kind_in_words(column.kind),
        column.unit or "",
        reading_in_words(column),
        column.meaning,
    )


def _features(contract: Contract) -> Iterator[str]:
    columns = len(contract.feature_columns)
    yield from ("", "## Features", "")
    yield (
        f"{len(contract.features)} features, {columns} columns of gold. Credit sense demands of "
        "some that a higher value raises or lowers the probability of default."
    )
    yield ""
    yield from _table(
        (
            "feature",
            "group",
            "how it is computed",
            "a higher value",
            "said to applicants",
            "meaning",
        ),
        [_feature(feature) for feature in contract.features],
    )


def _feature(feature: Feature) -> tuple[str, ...]:
    words = dict.fromkeys(filter(None, (feature.raises, feature.lowers)))
    return (
        code(feature.name),
        feature.group,
        expression_in_words(feature.expression),
        DIRECTIONS[feature.direction],
        " / ".join(words),
        feature.meaning,
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _row(header)
    yield _row(["---"] * len(header))
    yield from (_row(row) for row in rows)


def _row(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"
