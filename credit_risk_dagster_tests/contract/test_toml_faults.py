"""Whatever a TOML file says, it is a contract or an error that names the place."""

import re
import tomllib
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.check import findings
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.toml import contract_of, read_toml
from credit_risk_dagster.errors import PlatformError

DOCUMENT = """
lender = "a bank"

[outcome]
month_on_book = 12
days_past_due = 90
within = true
left_early = "as_last_seen"

[[source]]
name = "book"
shape = "loan_book"
files = ["book"]
meaning = "The loan book"

  [source.dialect]
  delimiter = ";"
  decimal = ","
  dates = "DD.MM.YYYY"

  [[source.column]]
  header = "Kunde"
  name = "customer_id"
  kind = "identifier"
  pattern = "K[0-9]{6}"
  meaning = "Identifier of the customer"

  [[source.column]]
  header = "Vertrag"
  name = "loan_id"
  kind = "identifier"
  pattern = "V[0-9]{6}"
  meaning = "Identifier of the loan"

  [[source.column]]
  header = "Stichtag"
  name = "snapshot_date"
  kind = "date"
  meaning = "Snapshot month"

  [[source.column]]
  header = "Beginn"
  name = "loan_start_date"
  kind = "date"
  meaning = "Month of granting"

  [[source.column]]
  header = "Verzug"
  name = "days_past_due"
  kind = "number"
  low = 0
  whole = true
  meaning = "Days past due"

[[source]]
name = "persons"
shape = "applicant"
files = ["persons"]
meaning = "The applicants"
required = false
begins = "2024-01"
ends = "2030-12"

  [[source.column]]
  header = "id"
  name = "customer_id"
  kind = "identifier"
  pattern = "K[0-9]{6}"
  meaning = "Identifier of the customer"

  [[source.column]]
  header = "month"
  name = "snapshot_date"
  kind = "month"
  meaning = "Snapshot month"

  [[source.column]]
  header = "Mail"
  name = "mail"
  meaning = "Address"
  personal = true

  [[source.column]]
  header = "Income"
  name = "income"
  kind = "number"
  low = 0
  high = 1e9
  at_most = { factor = 12, of = "rent" }
  meaning = "Income"
  placeholders = ["-"]
  strip = "_"

  [[source.column]]
  header = "Rent"
  name = "rent"
  kind = "number"
  meaning = "Rent"

  [[source.column]]
  header = "Kinds"
  name = "kinds"
  kind = "list"
  elements = { "Car loan" = "car", "House loan" = "house" }
  separators = [", "]
  meaning = "Kinds of loans"

  [[source.column]]
  header = "Habit"
  name = "habit"
  kind = "two_categories"
  form = "{spends}/{pays}"
  parts = [
    { name = "spends", values = ["low", "high"], meaning = "What is spent", ordered = true },
    { name = "pays", values = ["small", "large"], meaning = "What is paid" },
  ]
  meaning = "Habit"

  [[source.column]]
  header = "History"
  name = "history"
  kind = "duration"
  forms = ["{years}y {months}m"]
  meaning = "Length of the history"

[[feature]]
name = "income"
column = "income"
meaning = "Income"
group = "income"
direction = "down"
raises = "low income"
lowers = "high income"

[[feature]]
name = "rent_to_income"
ratio = { numerator = "rent", denominator = "income", at_least = 1 }
meaning = "Rent divided by income"
group = "income"

[[feature]]
name = "kinds"
flags = "kinds"
meaning = "Kinds of loans"
group = "loans"

[[feature]]
name = "odd"
function = { name = "package.module:odd", columns = ["income", "rent"] }
meaning = "Something odd"
group = "odd"
"""

VALID: dict[str, Any] = tomllib.loads(DOCUMENT)

ANYTHING = st.recursive(
    st.one_of(
        st.none().map(lambda _: date(2024, 1, 1)),
        st.booleans(),
        st.integers(),
        st.just(10**400),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["number", "list", "{", "(", "2024-13", "loan_book", "income", "free"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything that stands somewhere in a document."""
    found = [path] if path else []
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            found += places(inner, (*path, key))
    return found


def read(document: dict[str, Any]) -> Contract | str:
    """Return the contract of a document, or why it is none."""
    try:
        return contract_of(document)
    except PlatformError as error:
        return str(error)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a document that was valid before something of it was lost, changed or added."""
    document = deepcopy(VALID)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(document)))
        holder: Any = document
        for key in path[:-1]:
            holder = holder[key]
        what = draw(st.sampled_from(("lose", "change", "add")))
        if what == "lose":
            del holder[path[-1]]
        elif what == "change" or not isinstance(holder, dict):
            holder[path[-1]] = draw(ANYTHING)
        else:
            holder[draw(st.text(min_size=1, max_size=6))] = draw(ANYTHING)
    return document


def test_the_document_that_is_changed_is_a_contract_without_fault() -> None:
    assert findings(contract_of(VALID)) == []


@settings(max_examples=200, deadline=None)
@given(documents())
def test_a_changed_document_is_a_contract_or_an_error_in_words(document: dict[str, Any]) -> None:
    contract = read(document)
    if isinstance(contract, str):
        assert re.match(r"(the file|\[?outcome|source |feature )", contract)
    else:
        assert all(str(one) for one in findings(contract))


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([*VALID, "x"]), ANYTHING))
def test_any_document_is_a_contract_or_an_error_in_words(document: dict[str, Any]) -> None:
    assert isinstance(read(document), (str, Contract))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('kind = "duration"', 'kind = ["duration"]', "column History: there is no kind"),
        ("personal = true", 'personal = "yes"', "column Mail: personal is true or false"),
        ('begins = "2024-01"', 'begins = "2024"', "source persons: begins: '2024' is not a month"),
        ('header = "Rent"\n', "", "column ?: header must be said"),
        ("low = 0\n  high", "lowest = 0\n  high", "column Income: there is no lowest here"),
        ('left_early = "as_last_seen"', 'left_early = "soon"', "outcome: left_early:"),
        (
            'flags = "kinds"',
            'flags = "kinds"\ncolumn = "rent"',
            "feature kinds: say exactly one",
        ),
        ("[outcome]", "[outcomes]", "there is no outcomes here"),
    ],
)
def test_a_fault_is_said_with_file_and_place(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    file = tmp_path / "lender.toml"
    assert before in DOCUMENT
    file.write_text(DOCUMENT.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(PlatformError) as refused:
        read_toml(file)
    assert str(refused.value).startswith("lender.toml: ")
    assert said in str(refused.value)


@pytest.mark.parametrize("content", [b"\xff", b"a = ", b"a = " + b"[" * 5000])
def test_a_file_that_is_no_toml_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lender.toml").write_bytes(content)
    with pytest.raises(PlatformError, match=r"^lender\.toml cannot be read as TOML in UTF-8"):
        read_toml(tmp_path / "lender.toml")
