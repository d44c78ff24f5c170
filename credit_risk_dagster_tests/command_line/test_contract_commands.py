"""What a credit analyst types about a contract: check, draft, dictionary."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from credit_risk_dagster.command_line import contract_commands
from credit_risk_dagster.command_line.cli import app
from credit_risk_dagster.command_line.contract_check import ENGINES, all_findings, figures_of
from credit_risk_dagster.contract.draft.writing import written
from credit_risk_dagster.contract.feature import Feature, FromColumn, Function
from credit_risk_dagster.contract.kinds import Identifier
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.reference import ATTRIBUTES, CONTRACT, LOANS
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.settings import TrainingPolicy

TOLD = CliRunner()

FUNCTIONS = "credit_risk_dagster_tests.contract.functions"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract_commands.out, "width", 400)


def small(function: str | None = None) -> Contract:
    """Return a contract of two sources, which is computed in seconds."""
    features = [Feature("age", FromColumn("age"), "Age", "person")]
    if function is not None:
        made = Function(f"{FUNCTIONS}:{function}", ("age",))
        features.append(Feature("made", made, "Made of it", "person"))
    return Contract("a small bank", (LOANS, ATTRIBUTES), tuple(features), CONTRACT.outcome)


def file_of(contract: Contract, tmp_path: Path) -> Path:
    file = tmp_path / "bank.toml"
    file.write_text(written(contract, {}), encoding="utf-8")
    return file


def test_a_sound_contract_is_one_sentence_with_its_counts(tmp_path: Path) -> None:
    file = file_of(small("half"), tmp_path)
    told = TOLD.invoke(app, ["contract", "check", str(file), "--engine", "duckdb"])
    assert told.exit_code == 0, told.output
    assert told.stdout.strip() == (
        "The contract of a small bank can be followed: 2 sources with 17 columns, 2 features in 2 "
        "columns; the first training needs 20 months of history."
    )


def test_figures_are_given_as_json_to_programs(tmp_path: Path) -> None:
    file = file_of(small(), tmp_path)
    told = TOLD.invoke(app, ["contract", "check", str(file), "--engine", "duckdb", "--json"])
    answer = json.loads(told.stdout)
    assert (answer["lender"], answer["findings"], told.exit_code) == ("a small bank", [], 0)
    assert answer["figures"]["months_until_training"] == 20
    assert answer["engines"] == ["duckdb"]


def test_every_fault_is_said_with_its_place_and_the_command_fails(tmp_path: Path) -> None:
    contract = replace(small(), outcome=replace(CONTRACT.outcome, days_past_due=0))
    file = file_of(replace(contract, features=()), tmp_path)
    told = TOLD.invoke(app, ["contract", "check", str(file)])
    assert told.exit_code == 1
    assert "wrong outcome: a loan without arrears cannot be in default" in told.stdout
    answer = json.loads(TOLD.invoke(app, ["contract", "check", str(file), "--json"]).stdout)
    assert [one["place"] for one in answer["findings"]] == ["outcome"]
    assert answer["figures"] is None


def test_what_is_no_contract_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "bank.toml").write_text('lender = "x"\n', encoding="utf-8")
    for address, said in (
        (str(tmp_path / "bank.toml"), r"bank\.toml: \[outcome\] is missing"),
        (str(tmp_path / "none.toml"), r"none\.toml cannot be read"),
        ("no.such.module", "of which no cannot be imported"),
        ("credit_risk_dagster.months", "holds no CONTRACT"),
    ):
        told = TOLD.invoke(app, ["contract", "check", address])
        assert told.exit_code == 1
        assert isinstance(told.exception, PlatformError)
        with pytest.raises(PlatformError, match=said):
            raise told.exception


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("missing", "there is no such function"),
        ("words", "returns string: the models read numbers"),
        ("broken", "fails: RuntimeError: no such thing as FloatingColumn"),
    ],
)
def test_a_function_that_makes_no_numbers_is_found_before_any_engine(
    function: str, said: str
) -> None:
    (found,) = all_findings(small(function), ())
    assert found.place == "feature made"
    assert said in found.sentence


def test_a_division_by_zero_is_found_by_an_engine() -> None:
    (found,) = all_findings(small("endless"), ("duckdb",))
    assert found.place == "features, made on duckdb"
    assert "infinite" in found.sentence


def test_a_pattern_that_an_engine_cannot_match_is_found_by_it() -> None:
    wrong = replace(ATTRIBUTES.column("customer_id"), kind=Identifier("CUS_0x[0-9a-f]{1,8}+"))
    columns = (wrong, *ATTRIBUTES.columns[1:])
    sources = (LOANS, replace(ATTRIBUTES, columns=columns))
    found = all_findings(replace(small(), sources=sources), ("duckdb",))
    assert {one.place for one in found} == {"source attributes on duckdb"}
    assert "cannot be computed" in found[0].sentence


@pytest.mark.long
def test_a_sound_contract_is_computed_by_both_engines() -> None:
    assert all_findings(small("half"), ENGINES) == []


def test_months_of_history_follow_from_outcome_and_policy() -> None:
    policy = TrainingPolicy(train_months=4, test_months=1, out_of_time_months=1)
    outcome = replace(CONTRACT.outcome, month_on_book=12)
    assert figures_of(replace(CONTRACT, outcome=outcome), policy).months_until_training == 18


def test_a_draft_is_written_once_and_never_over_what_a_person_finished(tmp_path: Path) -> None:
    samples = tmp_path / "samples"
    samples.mkdir()
    (samples / "people.csv").write_text("Customer_ID,income\nC1,5\nC2,6\n", encoding="utf-8")
    to = tmp_path / "contract.toml"
    told = TOLD.invoke(app, ["contract", "draft", str(samples), "--out", str(to)])
    assert told.exit_code == 0, told.output
    assert 'header = "income"' in to.read_text(encoding="utf-8")
    assert TOLD.invoke(app, ["contract", "draft", str(samples)]).stdout == to.read_text("utf-8")
    again = TOLD.invoke(app, ["contract", "draft", str(samples), "--out", str(to)])
    assert again.exit_code == 1
    assert "is there already" in str(again.exception)


def test_the_dictionary_of_a_file_is_printed_or_written(tmp_path: Path) -> None:
    file, to = file_of(small(), tmp_path), tmp_path / "dictionary.md"
    told = TOLD.invoke(app, ["contract", "dictionary", str(file)])
    assert told.stdout.startswith("# Data dictionary of a small bank\n")
    assert TOLD.invoke(app, ["contract", "dictionary", str(file), "--out", str(to)]).exit_code == 0
    assert to.read_text(encoding="utf-8") == told.stdout
