"""A definition has a version that follows what it computes, and nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.kinds import Multiple, Number
from credit_risk_dagster.contract.outcome import LeftEarly, Outcome
from credit_risk_dagster.contract.reference import CONTRACT, FINANCIALS
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.tables import arrears, cleaning, definitions, gold, panel, silver
from credit_risk_dagster.tables.catalogue import ALL_TABLES, BY_PATH
from credit_risk_dagster.tables.definitions import definition_of, syntax_hash

SILVER_PATHS = {table.path for table in silver.SILVER.values()}

PRINT_DEFINITIONS = """
import json
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.definitions import definition_of
print(json.dumps({table.path: definition_of(table) for table in ALL_TABLES}))
"""


def versions() -> dict[str, str]:
    """Return the version of every table's definition, as it is at this moment."""
    return {table.path: definition_of.__wrapped__(table) for table in ALL_TABLES}


@cache
def as_it_is() -> dict[str, str]:
    """Return the versions before anything is changed; computing them takes seconds."""
    return versions()


def changed(change: Callable[[], None]) -> set[str]:
    """Return the tables to which a change gives another version."""
    before = as_it_is()
    change()
    after = versions()
    return {path for path in before if before[path] != after[path]}


@pytest.mark.parametrize("seed", ["1", "2"])
def test_every_process_gives_a_definition_the_same_version(seed: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", PRINT_DEFINITIONS],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(told.stdout) == as_it_is()


def test_tables_that_are_computed_otherwise_have_other_versions() -> None:
    refined = {path: version for path, version in as_it_is().items() if path.startswith("silver/")}
    assert len(set(refined.values())) == len(refined)
    assert len({definition_of(table) for table in (gold.LABELS, gold.COHORT)}) == 2
    assert all(len(version) == 16 for version in as_it_is().values())


@pytest.mark.parametrize(
    ("module", "name", "value", "tables"),
    [
        (arrears, "LATEST_MONTH_ON_BOOK", 500, {"silver/loans"}),
        (cleaning, "WHITE_SPACE", "[ ]", SILVER_PATHS),
        (panel, "LARGEST_SQUARED", 10**7, {"silver/clickstream_so_far"}),
    ],
)
def test_a_constant_that_is_changed_gives_its_tables_another_version_and_no_other_table(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, value: object, tables: set[str]
) -> None:
    assert changed(lambda: monkeypatch.setattr(module, name, value)) == tables


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(month_on_book=6, days_past_due=31),
        Outcome(month_on_book=6, installments_missed=1),
        Outcome(month_on_book=7, days_past_due=30, within=True, left_early=LeftEarly.GOOD),
    ],
    ids=repr,
)
def test_another_outcome_gives_labels_and_monitoring_another_version_and_no_other_table(
    monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    contract = replace(CONTRACT, outcome=outcome)
    change = partial(monkeypatch.setattr, definitions, "CONTRACT", contract)
    watched = {table.path for table in ALL_TABLES if table.layer == "monitoring"}
    assert changed(change) == {"gold/labels", *watched}


def with_income(kind: Number, meaning: str) -> Source:
    columns = [
        replace(one, kind=kind, meaning=meaning) if one.name == "annual_income" else one
        for one in FINANCIALS.columns
    ]
    return replace(FINANCIALS, columns=tuple(columns), meaning="In other words")


@pytest.mark.parametrize(
    ("kind", "tables"),
    [
        (Number(low=0, at_most=Multiple(48, "monthly_inhand_salary")), {"silver/financials"}),
        (Number(low=1, at_most=Multiple(36, "monthly_inhand_salary")), {"silver/financials"}),
        (Number(low=0, at_most=Multiple(36, "monthly_inhand_salary")), set()),
    ],
)
def test_a_column_of_another_kind_is_another_definition_and_of_another_meaning_is_none(
    monkeypatch: pytest.MonkeyPatch, kind: Number, tables: set[str]
) -> None:
    source = with_income(kind, "What somebody earns")

    def made(bronze: ir.Table) -> ir.Table:
        return silver.refined(bronze, source, silver.SILVER["financials"])

    assert changed(lambda: monkeypatch.setitem(silver.REFINE, "financials", made)) == tables


@pytest.mark.parametrize(
    "told",
    [
        {"dialect": Dialect(delimiter=";")},
        {"files": ("finances",)},
        {"columns": FINANCIALS.columns[:-2] + FINANCIALS.columns[-1:]},
    ],
    ids=["dialect", "files", "columns"],
)
def test_what_the_reader_is_told_of_a_source_is_the_definition_of_its_bronze(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    sources = [
        replace(one, **told) if one.name == "financials" else one for one in CONTRACT.sources
    ]
    contract = replace(CONTRACT, sources=tuple(sources))
    change = partial(monkeypatch.setattr, definitions, "CONTRACT", contract)
    assert changed(change) == {"bronze/financials"}


def test_models_are_defined_by_the_features_that_they_see(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = definitions._SEEN_BY_MODELS[1:]
    change = partial(monkeypatch.setattr, definitions, "_SEEN_BY_MODELS", fewer)
    layers = {"training", "production", "inference", "monitoring"}
    assert changed(change) == {table.path for table in ALL_TABLES if table.layer in layers}


def test_a_function_that_is_changed_gives_its_table_another_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refine_loans = silver.REFINE["loans"]

    def doubled(bronze: ir.Table) -> ir.Table:
        rows = refine_loans(bronze)
        return rows.mutate(balance=rows.balance * 2)

    assert changed(lambda: monkeypatch.setitem(silver.REFINE, "loans", doubled)) == {"silver/loans"}


def test_a_function_that_says_the_same_in_other_words_gives_no_other_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refine_loans = silver.REFINE["loans"]

    def renamed(delivered: ir.Table) -> ir.Table:
        """Do as the product does."""
        as_it_came = delivered
        return refine_loans(as_it_came)

    assert changed(lambda: monkeypatch.setitem(silver.REFINE, "loans", renamed)) == set()


@pytest.mark.parametrize("path", ["bronze/loans", "gold/cohort", "monitoring/drift"])
def test_other_columns_or_another_key_are_another_definition(path: str) -> None:
    table = BY_PATH[path]
    wider = replace(table, schema=table.schema.append(pa.field("more", pa.string())))
    assert definition_of(wider) != definition_of(table)
    assert definition_of(replace(table, key=("more",))) != definition_of(table)
    assert definition_of(replace(table, description="In other words.")) == definition_of(table)


@pytest.mark.parametrize(
    ("place", "layers"),
    [
        ("delivery", {"bronze"}),
        ("contract/source.py", {"bronze"}),
        ("models", {"training", "production", "inference", "monitoring"}),
        ("contract/candidates.py", {"training", "production", "inference", "monitoring"}),
        ("monitoring", {"monitoring"}),
        ("tables/portfolio.py", {"monitoring"}),
    ],
)
def test_reader_models_and_monitoring_are_defined_by_their_rooms(
    monkeypatch: pytest.MonkeyPatch, place: str, layers: set[str]
) -> None:
    """What of them is no expression has the version of its modules."""
    hashed = definitions.syntax_hash

    def with_one_room_changed(*places: str) -> str:
        return hashed(*places) + "changed" * (place in places)

    def change() -> None:
        monkeypatch.setattr(definitions, "syntax_hash", with_one_room_changed)

    expected = {table.path for table in ALL_TABLES if table.layer in layers}
    assert changed(change) == expected


MODULE = '''"""What the module is about."""

LIMIT = 0.05  # a share


def judge(share: float, words: str = "too much") -> str | None:
    """Say what is wrong."""
    if share > LIMIT:
        return words
    return None


class Judge:
    """Judges."""

    strict = True
'''

IN_OTHER_WORDS = '''"""Something else is said
of it."""
# Nobody needs to know.
LIMIT = 5e-2

def judge(
    share: float,
    words: str = 'too much',
) -> str | None:
    if share > LIMIT:  # that is a lot
        return words

    return None

class Judge:
    strict = (True)
'''

_packages = count()


@pytest.fixture
def version_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Gives the version of a room whose one module has a text."""
    monkeypatch.syspath_prepend(tmp_path)

    def version(text: str) -> str:
        name = f"package_{next(_packages)}"
        room = tmp_path / name / "room"
        room.mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        (room / "module.py").write_text(text, encoding="utf-8")
        (room / "words.txt").write_text(name, encoding="utf-8")
        with monkeypatch.context() as patched:
            patched.setattr(definitions, "PACKAGE", name)
            found: str = syntax_hash.__wrapped__("room")
        return found

    return version


def test_comments_docstrings_and_layout_are_no_part_of_a_rooms_version(
    version_of: Callable[..., str],
) -> None:
    assert version_of(IN_OTHER_WORDS) == version_of(MODULE)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("0.05", "0.06"),
        ("too much", "far too much"),
        ("share > LIMIT", "share >= LIMIT"),
        ("strict = True", "strict = False"),
        ("return words", "return words + '!'"),
        ("LIMIT", "BOUND"),
    ],
)
def test_whatever_a_room_does_otherwise_is_another_version(
    version_of: Callable[..., str], was: str, becomes: str
) -> None:
    assert version_of(MODULE.replace(was, becomes)) != version_of(MODULE)
