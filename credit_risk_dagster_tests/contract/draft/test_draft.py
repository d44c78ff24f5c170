"""A draft is a contract that can be read, and holds nothing of a person."""

import csv
import gzip
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.check import findings
from credit_risk_dagster.contract.draft.contract import draft_of
from credit_risk_dagster.contract.draft.writing import written
from credit_risk_dagster.contract.kinds import (
    Category,
    Date,
    Duration,
    Identifier,
    ListOf,
    Month,
    Number,
    TwoCategories,
)
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.reference import CONTRACT
from credit_risk_dagster.contract.source import Column, Personal, Shape, Source
from credit_risk_dagster.contract.toml import read_toml
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster_tests.installation import lender_sample
from examples.second_lender.contract import CONTRACT as SECOND
from examples.second_lender.generate import generate

NAMES = ("Jürgen Wölk", "Ada Lovelace", "Grace Hopper", "Alan Turing", "Mary Shelley")
MAIL = "someone@example.org"
ROWS = 60


def drafted(folder: Path, tmp_path: Path) -> Contract:
    file = tmp_path / "draft.toml"
    file.write_text(draft_of(folder), encoding="utf-8")
    return read_toml(file)


def book() -> list[dict[str, str]]:
    """Return the book of a bank that writes German."""
    return [
        {
            "Kunde": f"K{100000 + row // 3}",
            "Vertrag": f"V-{2000 + row // 3}/{row // 3 % 10}",
            "Stichtag": f"01.0{row % 3 + 1}.2024",
            "Beginn": "01.01.2024",
            "Nominal": f"{10 + row}.000,50",
            "DPD": str(row % 5),
        }
        for row in range(ROWS)
    ]


def persons() -> list[dict[str, str]]:
    """Return its applicants, of whom more is written than a contract may hold."""
    return [
        {
            "Kunde": f"K{100000 + row}",
            "Monat": "01.01.2024",
            "Wer": NAMES[row % 5],
            "Mail": f"{row}{MAIL}",
            "Kontakt": f"+49 30 12345{row:02d}",
            "Geboren": f"{row % 28 + 1:02d}.03.1980",
            "Wohnen": ("Miete", "Eigentum", "?")[row % 3],
            "Gehalt": f"{1000 + row},{row:02d}€",
            "Kredite": ("Auto; Haus", "Haus", "Auto; Haus; Reise")[row % 3],
            "Historie": f"{row % 9} Years and {row % 12} Months",
            "Bemerkung": f"rief an, Fall {row} von {NAMES[row % 5]}",
        }
        for row in range(ROWS)
    ]


def as_text(rows: list[dict[str, str]]) -> bytes:
    lines = [";".join(rows[0])]
    lines += [";".join(f'"{value}"' for value in row.values()) for row in rows]
    return "\r\n".join([*lines, ""]).encode("cp1252")


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "book_2024-01.csv").write_bytes(as_text(book()[: ROWS // 2]))
    (folder / "book_2024-02.csv.gz").write_bytes(gzip.compress(as_text(book()[ROWS // 2 :])))
    with pa.CompressedOutputStream(str(folder / "persons.csv.zst"), "zstd") as stream:
        stream.write(as_text(persons()))
    readings = [
        {"Kunde": f"K{100000 + row // 3}", "Monat": f"2024-0{row % 3 + 1}-01", "Umsatz": row / 4}
        for row in range(ROWS)
    ]
    pq.write_table(pa.Table.from_pylist(readings), folder / "turnover.parquet")
    return folder


def test_shapes_dialects_and_roles_are_found_in_text_and_parquet(
    bank: Path, tmp_path: Path
) -> None:
    contract = drafted(bank, tmp_path)
    assert findings(contract) == []
    shapes = {source.name: source.shape for source in contract.sources}
    assert shapes == {
        "book": Shape.LOAN_BOOK,
        "persons": Shape.APPLICANT,
        "turnover": Shape.PANEL,
    }
    dialect = contract.source("book").dialect
    assert (dialect.encoding, dialect.delimiter, dialect.decimal) == ("utf-8", ";", ",")
    assert (dialect.thousands, dialect.dates) == (".", "DD.MM.YYYY")
    assert contract.source("persons").dialect.encoding == "cp1252"
    roles = {column.header: column.name for column in contract.source("book").columns}
    assert roles == {
        "Kunde": "customer_id",
        "Vertrag": "loan_id",
        "Stichtag": "snapshot_date",
        "Beginn": "loan_start_date",
        "Nominal": "loan_amount",
        "DPD": "days_past_due",
    }


def test_kinds_are_guessed_from_the_texts(bank: Path, tmp_path: Path) -> None:
    columns = {one.header: one for one in drafted(bank, tmp_path).source("persons").columns}
    assert columns["Kunde"].kind == Identifier("K[0-9]{6}")
    assert columns["Monat"].kind == Month()
    assert columns["Wohnen"].kind == Category(("Eigentum", "Miete"))
    assert columns["Wohnen"].placeholders == ("?",)
    assert (columns["Gehalt"].kind, columns["Gehalt"].strip) == (Number(low=0), "€")
    assert columns["Historie"].kind == Duration(("{years} Year[s] and {months} Month[s]",))
    kind = columns["Kredite"].kind
    assert isinstance(kind, ListOf)
    assert [one.text for one in kind.elements] == ["Auto", "Haus", "Reise"]


def test_nothing_of_a_person_is_in_a_draft(bank: Path, tmp_path: Path) -> None:
    text = draft_of(bank)
    forbidden = (*NAMES, MAIL, "12345", "1980", "rief an", "Wölk", "Lovelace")
    assert [word for word in forbidden if word in text] == []
    columns = drafted(bank, tmp_path).source("persons").columns
    personal = {one.header for one in columns if one.personal is Personal.YES}
    assert personal == {"Wer", "Mail", "Kontakt", "Bemerkung"}
    assert {one.header for one in columns if one.kind == Date()} == {"Geboren"}


def test_each_column_of_a_draft_says_what_was_guessed(bank: Path) -> None:
    lines = draft_of(bank).splitlines()
    places = [number for number, line in enumerate(lines) if line.strip() == "[[source.column]]"]
    assert places
    assert all(lines[number - 1].strip().startswith("# guess: ") for number in places)


def test_an_empty_folder_and_a_damaged_file_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="holds no file that ends in"):
        draft_of(tmp_path)
    with pytest.raises(PlatformError, match="is not a folder"):
        draft_of(tmp_path / "none")
    (tmp_path / "a.csv.gz").write_bytes(b"not gzip")
    with pytest.raises(PlatformError, match=r"a\.csv\.gz cannot be read"):
        draft_of(tmp_path)


def test_a_contract_that_is_written_as_toml_is_read_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "reference.toml"
    file.write_text(written(CONTRACT, {}), encoding="utf-8")
    assert read_toml(file) == CONTRACT


TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    st.sampled_from(
        ["", "1", "-2.5", "1.234,5", "2024-01-01", "01.02.2024", "NA", "a, b", "5 Years"]
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    header=st.lists(TEXTS, min_size=1, max_size=4, unique=True),
    rows=st.lists(st.lists(TEXTS, max_size=5), max_size=12),
    times=st.integers(1, 8),
)
def test_whatever_a_file_holds_its_draft_can_be_read(
    tmp_path_factory: pytest.TempPathFactory,
    header: list[str],
    rows: list[list[str]],
    times: int,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "samples").mkdir()
    with (folder / "samples" / "any.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows * times])
    try:
        contract = drafted(folder / "samples", folder)
    except PlatformError as error:
        assert "any.csv" in str(error)  # noqa: PT017
    else:
        findings(contract)


NAMED = {"Type_of_Loan": "loan_type", "Credit_History_Age": "credit_history_months"}
"""Columns that a person calls otherwise than their headers."""

TOLD_BY_THE_LENDER = (
    "Type_of_Loan",  # shorter suffixes
    "Payment_Behaviour",  # two categories in one
    "Credit_Mix",  # ordered
)
"""Columns whose kind says more than values can: the order, the parts, the words of a lender."""


def unlike(draft: Column, wanted: Column) -> str | None:
    """Say what a person has to correct of a column, ranges and widths left out of account."""
    if draft.name != NAMED.get(draft.header, wanted.name) and draft.header not in NAMED:
        return f"{draft.header} is called {draft.name}"
    if draft.personal is not wanted.personal:
        return f"{draft.header} is personal: {draft.personal}"
    if wanted.header in TOLD_BY_THE_LENDER:
        return None
    mine, theirs = draft.kind, wanted.kind
    if isinstance(mine, Number) and isinstance(theirs, Number):
        mine, theirs = (replace(one, low=None, high=None, at_most=None) for one in (mine, theirs))
    if isinstance(mine, Identifier) and isinstance(theirs, Identifier):
        theirs = Identifier(theirs.pattern.replace("{1,8}", "{1,4}"))
    return None if mine == theirs else f"{draft.header} is {mine}, not {theirs}"


def of_files(contract: Contract, files: tuple[str, ...]) -> Source:
    (found,) = (one for one in contract.sources if one.files == files)
    return found


def test_the_draft_of_a_german_lenders_extracts_is_close_to_its_contract(tmp_path: Path) -> None:
    generate(tmp_path / "raw", 6, 80)
    draft = drafted(tmp_path / "raw", tmp_path)
    assert findings(draft) == []
    for wanted in SECOND.sources:
        source = next(one for one in draft.sources if one.files[0] in str(wanted.files))
        assert source.shape is wanted.shape
        assert source.key == wanted.key
        for column in (one for one in wanted.columns if one.begins is None):
            mine = next(one for one in source.columns if one.header == column.header)
            assert mine.personal is column.personal, column.header
            if not isinstance(column.kind, TwoCategories):
                assert type(mine.kind) is type(column.kind), column.header


@pytest.mark.long
def test_the_draft_of_the_lenders_sample_is_close_to_its_contract(tmp_path: Path) -> None:
    draft = drafted(lender_sample(), tmp_path)
    assert findings(draft) == []
    for wanted in CONTRACT.sources:
        source = of_files(draft, wanted.files)
        assert (source.shape, source.dialect) == (wanted.shape, wanted.dialect)
        assert source.key == wanted.key
        assert source.headers == wanted.headers
        pairs = zip(source.columns, wanted.columns, strict=True)
        assert [fault for one, other in pairs if (fault := unlike(one, other))] == []
    occupation = of_files(draft, ("features_attributes",)).column("occupation")
    assert occupation.placeholders == ("_______",)
    behaviour = of_files(draft, ("features_financials",)).column("payment_behaviour")
    assert behaviour.placeholders == ("!@9#%8",)
    ratios, halves = 4, 1  # a draft divides nothing, and takes two categories in a text as one
    assert len(draft.feature_columns) == len(CONTRACT.feature_columns) - ratios - halves
