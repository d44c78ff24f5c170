"""`credit-risk deliveries`, as an operator types it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from credit_risk_dagster.command_line import delivery_commands as commands
from credit_risk_dagster.command_line.cli import app
from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.delivery.delivered import take_arrivals
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.delivery.written import NOW, row, write, write_rows

STEM = ATTRIBUTES.files[0]
JANUARY, FEBRUARY = "2024-01-01", "2024-02-01"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a file that was taken, one that was refused and one that is new."""
    monkeypatch.setattr(commands.out, "width", 400)
    raw = tmp_path / "raw"
    write_rows(raw / f"{STEM}.csv", [row(month=JANUARY), row(month=FEBRUARY)])
    write(raw / f"{STEM}_bad.csv", [b"1,2"], header=b"Name,Age")
    settings = Settings(home=tmp_path)
    take_arrivals(settings, DeliveryLedger(settings.metrics_store_url), NOW, at_once=True)
    write_rows(raw / f"{STEM}_2024-02.csv", [row(month=FEBRUARY)])
    return tmp_path


def told(home: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["deliveries", *arguments, "--home", str(home)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def listed(home: Path, *options: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(
        app, ["deliveries", "--home", str(home), "--json", *options], catch_exceptions=False
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def take(home: Path) -> None:
    settings = Settings(home=home)
    take_arrivals(settings, DeliveryLedger(settings.metrics_store_url), NOW, at_once=True)


def test_files_are_listed_the_newest_first_with_what_became_of_them(home: Path) -> None:
    found = listed(home)
    assert [(one["file"], one["decision"]) for one in found] == [
        (f"{STEM}_2024-02.csv", "waiting"),
        (f"{STEM}_bad.csv", "refused"),
        (f"{STEM}.csv", "accepted"),
    ]
    assert found[2]["rows"] == {"2024-01": 1, "2024-02": 1}
    assert found[2]["months"] == ["2024-01", "2024-02"]
    text = CliRunner().invoke(app, ["deliveries", "--home", str(home)]).stdout
    assert "lacks Customer_ID" in text
    assert f"{STEM}.csv" in text


def test_months_are_listed_with_where_they_come_from(home: Path) -> None:
    take(home)
    told(home, "waive", "--source", "clickstream", "--month", "2024-03", "--why", "down")
    told(home, "withdraw", f"{STEM}.csv", "--why", "wrong bank", "--by", "ann")
    assert [(one["month"], one["source"], one["decision"]) for one in listed(home, "--months")] == [
        ("2024-03", "clickstream", "waived"),
        ("2024-02", "attributes", "accepted"),
        ("2024-01", "attributes", "withdrawn"),
    ]
    text = CliRunner().invoke(app, ["deliveries", "--months", "--home", str(home)]).stdout
    assert "wrong bank" in text


def test_a_decision_says_who_and_what_follows_and_is_kept(home: Path) -> None:
    said = told(home, "withdraw", f"{STEM}.csv", "--why", "wrong [bank]", "--by", "ann")
    assert "withdraw features_attributes.csv, by ann on" in said
    assert "what was made of them stays" in said
    assert "counts: the months" in told(home, "accept", f"{STEM}.csv", "--why", "right after all")
    settings = Settings(home=home)
    actions = DeliveryLedger(settings.metrics_store_url).entries()["attributes"].actions
    assert [(one.verb, one.why) for one in actions] == [
        ("withdraw", "wrong [bank]"),
        ("accept", "right after all"),
    ]
    assert actions[0].by == "ann"
    assert actions[1].by not in ("", "ann")


def test_a_month_is_withdrawn_by_source_and_month(home: Path) -> None:
    take(home)
    told(home, "withdraw", "--source", "attributes", "--month", "2024-02", "--why", "wrong")
    decisions = {one["month"]: one["decision"] for one in listed(home, "--months")}
    assert decisions == {"2024-01": "accepted", "2024-02": "withdrawn"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("withdraw", "--why", "x"), "Name a FILE, or both --source and --month."),
        (("withdraw", "f.csv", "--month", "2024-01", "--why", "x"), "Name a FILE"),
        (("accept", f"{STEM}_bad.csv", "--why", "x"), "A refused file cannot be accepted."),
        (("accept", "nowhere.csv", "--why", "x"), "There is no file nowhere.csv in the ledger"),
    ],
)
def test_a_decision_that_cannot_be_is_refused(
    home: Path, arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(DeliveryError, match=words.replace(".", r"\.")):
        told(home, *arguments)


def test_nothing_is_listed_where_nothing_came(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["deliveries", "--home", str(tmp_path)])
    assert done.stdout == "Nothing has been delivered yet.\n"
