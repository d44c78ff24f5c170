"""What docs/contract.md says is true: its examples, in both forms, and its tables."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from credit_risk_dagster.contract import dialect, feature, kinds, outcome, source
from credit_risk_dagster.contract.check import findings
from credit_risk_dagster.contract.manual import DECLARED, with_generated_parts
from credit_risk_dagster.contract.roles import KINDS_OF_ROLES
from credit_risk_dagster.contract.toml import EXPRESSIONS, KINDS, contract_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "contract.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
PAIRS = re.findall(r"```toml\n(.*?)```\n[^`]*```python\n(.*?)```", TEXT, flags=re.DOTALL)
WHOLE, *SNIPPETS = PAIRS

NAMES: dict[str, Any] = {
    name: value
    for room in (dialect, feature, kinds, outcome, source)
    for name, value in vars(room).items()
}


def declared(toml: str) -> Any:
    """Return what a fragment of TOML declares: a column, a feature or an outcome."""
    table = tomllib.loads(toml)
    document: dict[str, Any] = {"outcome": {"month_on_book": 6}}
    if "header" in table:
        of_source = {"name": "s", "shape": "applicant", "files": ["s"], "meaning": "S"}
        document["source"] = [{**of_source, "column": [table]}]
        return contract_of(document).sources[0].columns[0]
    if "name" in table:
        return contract_of({**document, "feature": [table]}).features[0]
    return contract_of({"outcome": table}).outcome


def test_the_whole_example_is_the_same_sound_contract_in_both_forms() -> None:
    toml, python = WHOLE
    module: dict[str, Any] = {}
    exec(python, module)
    contract = contract_of(tomllib.loads(toml))
    assert contract == module["CONTRACT"]
    assert findings(contract) == []


@pytest.mark.parametrize(
    ("toml", "python"), SNIPPETS, ids=[toml.split("\n")[0] for toml, _ in SNIPPETS]
)
def test_an_example_is_the_same_in_both_forms(toml: str, python: str) -> None:
    assert declared(toml) == eval(python, dict(NAMES))


def test_there_is_an_example_of_every_kind_and_expression() -> None:
    examples = [declared(toml) for toml, _ in SNIPPETS]
    whole = contract_of(tomllib.loads(WHOLE[0]))
    columns = [column for one in whole.sources for column in one.columns]
    columns += [one for one in examples if isinstance(one, source.Column)]
    assert {type(column.kind) for column in columns} >= set(KINDS.values())
    features = [one for one in examples if isinstance(one, feature.Feature)]
    of_features = {type(one.expression) for one in features}
    assert of_features == {of_class for of_class, _ in EXPRESSIONS.values()}


def test_the_tables_are_those_of_the_code() -> None:
    assert with_generated_parts(TEXT) == TEXT, (
        "Write them anew: python -m credit_risk_dagster.contract.manual docs/contract.md"
    )
    for name in (*KINDS_OF_ROLES, *DECLARED):
        assert f"`{name}`" in TEXT


def test_commands_that_the_document_names_are_there() -> None:
    from typer.testing import CliRunner

    from credit_risk_dagster.command_line.cli import app

    for command in set(re.findall(r"credit-risk contract (\w+)", TEXT)):
        told = CliRunner().invoke(app, ["contract", command, "--help"])
        assert told.exit_code == 0, command
