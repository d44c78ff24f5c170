"""A definition has a version that follows what it computes, and nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from credit_risk_dagster.tables import cleaning, definitions, derived_columns, gold, panel, silver
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


def changed(change: Callable[[], None]) -> set[str]:
    """Return the tables to which a change gives another version."""
    before = versions()
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
    assert json.loads(told.stdout) == versions()


def test_tables_that_are_computed_otherwise_have_other_versions() -> None:
    refined = {path: version for path, version in versions().items() if path.startswith("silver/")}
    assert len(set(refined.values())) == len(refined)
    assert len({definition_of(table) for table in (gold.LABELS, gold.COHORT)}) == 2
    assert all(len(version) == 16 for version in versions().values())


@pytest.mark.parametrize(
    ("module", "name", "value", "tables"),
    [
        (gold, "DEFAULT_DAYS_PAST_DUE", 31, {"gold/labels"}),
        (gold, "LABEL_MONTH_ON_BOOK", 7, {"gold/labels"}),
        (derived_columns, "IMPLAUSIBLE_INCOME_FACTOR", 4, {"silver/financials"}),
        (cleaning, "WHITE_SPACE", "[ ]", SILVER_PATHS),
        (panel, "LARGEST_SQUARED", 10**7, {"silver/clickstream_so_far"}),
    ],
)
def test_a_constant_that_is_changed_gives_its_tables_another_version_and_no_other_table(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, value: object, tables: set[str]
) -> None:
    assert changed(lambda: monkeypatch.setattr(module, name, value)) == tables


def test_a_function_that_is_changed_gives_its_table_another_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def doubled(bronze: ir.Table) -> ir.Table:
        rows = silver.loans(bronze)
        return rows.mutate(balance=rows.balance * 2)

    assert changed(lambda: monkeypatch.setitem(silver.REFINE, "loans", doubled)) == {"silver/loans"}


def test_a_function_that_says_the_same_in_other_words_gives_no_other_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def renamed(delivered: ir.Table) -> ir.Table:
        """Do as the product does."""
        as_it_came = delivered
        return silver.loans(as_it_came)

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
        ("contract/sources.py", {"bronze"}),
        ("models", {"training", "production", "inference", "monitoring"}),
        ("contract/features.py", {"training", "production", "inference", "monitoring"}),
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
