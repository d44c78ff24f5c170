"""The data dictionary says everything that a contract declares, and the one in docs is today's."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from credit_risk_dagster.contract.dictionary import data_dictionary
from credit_risk_dagster.contract.feature import Feature, Function, MonthsSince
from credit_risk_dagster.contract.kinds import Duration, Element, ListOf
from credit_risk_dagster.contract.outcome import LeftEarly, Outcome
from credit_risk_dagster.contract.reference import CONTRACT
from credit_risk_dagster.contract.source import Column
from credit_risk_dagster.settings import TrainingPolicy

DOCUMENT = Path(__file__).parents[2] / "docs" / "data-dictionary.md"
WINDOW = TrainingPolicy().window_months


def rows_of(text: str, heading: str) -> list[list[str]]:
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [re.split(r" (?<!\\)\| ", row.strip("| ")) for row in rows[2:]]


def test_the_document_is_what_the_command_writes() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == data_dictionary(CONTRACT, WINDOW), (
        "Write it anew: credit-risk contract dictionary --out docs/data-dictionary.md"
    )


def test_every_column_and_feature_has_a_row() -> None:
    text = data_dictionary(CONTRACT, WINDOW)
    for source in CONTRACT.sources:
        rows = rows_of(text, f"Source `{source.name}`")
        assert [row[0] for row in rows] == [f"`{header}`" for header in source.headers]
        assert [row[-1] for row in rows] == [column.meaning for column in source.columns]
    features = rows_of(text, "Features")
    assert [row[0] for row in features] == [f"`{one.name}`" for one in CONTRACT.features]


def test_personal_columns_are_marked() -> None:
    rows = rows_of(data_dictionary(CONTRACT, WINDOW), "Source `attributes`")
    assert [row[0] for row in rows if "**personal**" in row[2]] == ["`Name`", "`SSN`"]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (
            Column("A", "a", Duration(("{years}|{months}",)), "A", begins="2024-02-01"),
            r"a length of time, written `{years}\|{months}`",
        ),
        (
            Column("A", "a", ListOf((Element("x", "x"),), (";", ",")), "A", ends="2024-02-01"),
            "several of `x`, separated by `;`, `,`",
        ),
        (Column("A`", "a", None, "A"), "`` A` ``"),
    ],
)
def test_what_a_column_says_stands_in_its_row(column: Column, said: str) -> None:
    source = replace(
        CONTRACT.source("attributes"), columns=(*CONTRACT.source("attributes").columns, column)
    )
    sources = tuple(source if one.name == source.name else one for one in CONTRACT.sources)
    text = data_dictionary(replace(CONTRACT, sources=sources), WINDOW)
    row = rows_of(text, "Source `attributes`")[-1]
    assert said in " | ".join(row)
    assert ("from 2024-02" in row[4], "up to 2024-02" in row[4]) == (
        column.begins is not None,
        column.ends is not None,
    )


def test_features_are_said_in_words() -> None:
    features = (
        Feature("odd", Function("package.module:odd", ("age", "balance")), "Odd", "g"),
        Feature("since", MonthsSince("loan_start_date"), "Since", "g"),
    )
    rows = rows_of(data_dictionary(replace(CONTRACT, features=features), WINDOW), "Features")
    assert rows[0][2] == "`package.module:odd` of `age`, `balance`"
    assert rows[1][2] == "whole months from `loan_start_date` to the month of application"


def test_what_follows_from_the_outcome_is_counted() -> None:
    outcome = Outcome(12, installments_missed=3, within=True, left_early=LeftEarly.BAD)
    text = data_dictionary(replace(CONTRACT, outcome=outcome), 14)
    assert "3 or more instalments behind within month on book 12" in text
    assert "one that left the book before is in default" in text
    assert "complete after 26 months of history" in text
