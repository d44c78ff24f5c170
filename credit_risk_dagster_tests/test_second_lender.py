"""A lender with other habits runs end to end, from a package and from TOML: all follows from it."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from credit_risk_dagster.command_line import set_up
from credit_risk_dagster.contract.check import findings
from credit_risk_dagster.contract.installed import contract_at
from credit_risk_dagster.contract.toml import read_toml
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.binding import binding_findings
from credit_risk_dagster_tests.personal_values import (
    found_in,
    produced_texts,
    values_to_find,
)
from examples.second_lender.contract import CONTRACT
from examples.second_lender.generate import FAILED, FIRST_MONTH, generate

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "examples.second_lender.contract"
TOML = ROOT / "examples" / "second_lender" / "contract.toml"
CREDIT_RISK = "from credit_risk_dagster.command_line.start import main; main()"
RUN_LAYERS = "credit_risk_dagster_tests.run_layers"
REFINED, SCORED = ("bronze", "silver", "gold"), ("training", "production", "inference")

MONTHS = month_range(FIRST_MONTH, add_months(FIRST_MONTH, 10))
APPLICANTS = 60
DELIVERED = [f"{layer}/{one.name}" for layer in ("bronze", "silver") for one in CONTRACT.sources]
GOLD = ("gold/features", "gold/labels", "gold/cohort")
TRAINED = MONTHS[10]
"""After six cohorts, the first of which matures in month 5."""

SMALL = {
    "CREDIT_RISK_POLICY__TRAIN_MONTHS": "4",
    "CREDIT_RISK_POLICY__TEST_MONTHS": "1",
    "CREDIT_RISK_POLICY__OUT_OF_TIME_MONTHS": "1",
    "CREDIT_RISK_TUNING__TRIALS": "1",
    "CREDIT_RISK_MONITORING__REPORT_FEATURES": "0",
}


def command(*arguments: str, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run Python on a home, in a process of its own: a process serves one lender."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("CREDIT_RISK_")
    }
    chosen = {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "CREDIT_RISK_HOME": str(home), **SMALL}
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**inherited, **chosen, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    generate(folder, months=len(MONTHS), applicants=APPLICANTS)
    return folder


@pytest.fixture(scope="module")
def packaged(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run everything of a lender whose contract is a module, by the command."""
    home = tmp_path_factory.mktemp("packaged")
    span = f"{MONTHS[0][:7]}..{MONTHS[-1][:7]}"
    arguments = ["run", "--raw", str(raw), "--months", span]
    command("-c", CREDIT_RISK, *arguments, home=home, CREDIT_RISK_CONTRACT=PACKAGE)
    return home


def run_of_toml(home: Path, raw: Path, last: str, layers: Sequence[str]) -> None:
    """Run layers of a lender whose contract is a file in the home."""
    (home / "contract.toml").write_bytes(TOML.read_bytes())
    where = {"CREDIT_RISK_RAW": str(raw), "CREDIT_RISK_FIRST_MONTH": MONTHS[0]}
    command("-m", RUN_LAYERS, MONTHS[0], last, *layers, home=home, **where)


def rows(home: Path, path: str) -> pd.DataFrame:
    """Return a table as any reader of Delta sees it."""
    return DeltaTable(home / "tables" / path).to_pyarrow_table().to_pandas()


def records(home: Path, path: str) -> dict[str, tuple[str, str]]:
    """Return the hash of what each month of a table holds, and of what it was computed by."""
    layer, _, name = path.partition("/")
    table = Table(layer, name, schema=pa.schema([]), key=())
    found = Datamart(home).records(table).items()
    return {month: (one.content_hash, one.definition) for month, one in found}


def delivered(raw: Path, stem: str) -> pd.DataFrame:
    """Read what a source delivered, as the lender writes it, by pandas alone."""
    months = [
        pd.read_csv(path, sep=";", encoding="cp1252", dtype=str, keep_default_na=False)
        for path in sorted(raw.glob(f"{stem}_*.csv"))
    ]
    return pd.concat(months).drop_duplicates()


def number(texts: "pd.Series[str]") -> "pd.Series[float]":
    plain = texts.str.replace(r"[€%\xa0 .]", "", regex=True).str.replace(",", ".")
    return pd.to_numeric(plain, errors="coerce")


def month_number(texts: "pd.Series[str]") -> "pd.Series[int]":
    return texts.str[6:10].astype(int) * 12 + texts.str[3:5].astype(int)


def test_toml_declares_the_same_contract_as_the_package() -> None:
    assert read_toml(TOML) == contract_at(PACKAGE) == CONTRACT


def test_the_contract_is_sound_and_can_be_computed() -> None:
    assert findings(CONTRACT) == []
    assert binding_findings(CONTRACT, ibis.memtable) == []


def test_labels_are_60_days_past_due_at_month_on_book_4(raw: Path, packaged: Path) -> None:
    book = delivered(raw, "vertragsbestand")
    on_book = month_number(book["Stichtag"]) - month_number(book["Auszahlungstag"])
    matured = book[on_book == 4].set_index("Vertragsnummer")
    expected = (matured["Verzugstage"].astype(int) >= 60).astype(int)

    labels = rows(packaged, "gold/labels").set_index("loan_id")
    assert labels["default"].to_dict() == expected.to_dict()
    assert labels["days_past_due"].astype(str).to_dict() == matured["Verzugstage"].to_dict()
    late = labels[labels["days_past_due"].between(30, 59)]
    assert len(late)
    assert not late["default"].any()


def test_features_are_what_the_files_say(raw: Path, packaged: Path) -> None:
    book = delivered(raw, "vertragsbestand")
    new = book[month_number(book["Stichtag"]) == month_number(book["Auszahlungstag"])]
    budgets = delivered(raw, "haushaltsrechnung").set_index("Kundennummer")
    people = delivered(raw, "antragsteller").set_index("Kundennummer")
    income = number(budgets["Nettoeinkommen"]).where(lambda euros: euros <= 50_000)

    features = rows(packaged, "gold/features").set_index("customer_id")
    known = features[["loan_to_income", "employed_months", "payment_habit", "bureau_score"]]
    wanted = new.set_index("Kundennummer").loc[known.index]
    ratio = number(wanted["Kreditbetrag"]) / income.loc[known.index]
    began = people.loc[known.index, "Beschäftigt seit"]
    stated = began != "k. A."
    since = month_number(wanted["Stichtag"])[stated] - month_number(began[stated])
    habit = budgets.loc[known.index, "Zahlungsweise"].str.split(" per ").str[0]

    assert len(known) == APPLICANTS * len(MONTHS)
    pd.testing.assert_series_equal(known["loan_to_income"], ratio, check_names=False)
    assert known["employed_months"].dropna().to_dict() == since.to_dict()
    assert known["payment_habit"].to_dict() == habit.to_dict()


def test_lists_durations_and_readings_in_german_are_read(raw: Path, packaged: Path) -> None:
    budgets = delivered(raw, "haushaltsrechnung").set_index("Kundennummer")
    turnover = delivered(raw, "kontoumsaetze")
    features = rows(packaged, "gold/features").set_index("customer_id")
    newest = features[features["snapshot_date"].astype(str) == MONTHS[-1]]
    budgets = budgets.loc[newest.index]

    furniture = budgets["Bestehende Kredite"].str.contains("Möbelkauf").astype(float)
    assert newest["existing_credit_furniture"].to_dict() == furniture.to_dict()
    assert not newest["existing_credit_other"].any()
    for text, months in zip(budgets["Konto besteht seit"], newest["account_months"], strict=True):
        years, rest = (re.search(rf"(\d+) {unit}", text) for unit in ("Jahr", "Monat"))
        said = 12 * int(years[1] if years else 0) + int(rest[1] if rest else 0)
        assert months == said or (text == "k. A." and pd.isna(months))
    spent = number(turnover["Ausgänge"]).groupby(turnover["Kundennummer"]).mean()
    pd.testing.assert_series_equal(
        newest["money_out_mean"], spent.loc[newest.index], check_names=False
    )


def test_a_score_that_begins_in_month_10_is_missing_before(raw: Path, packaged: Path) -> None:
    first, later = ((raw / f"haushaltsrechnung_{month[:7]}.csv") for month in MONTHS[8:10])
    assert "Auskunft-Score" not in first.read_text(encoding="cp1252")
    assert "Auskunft-Score" in later.read_text(encoding="cp1252")

    features = rows(packaged, "gold/features")
    known = features.groupby(features["snapshot_date"].astype(str))["bureau_score"].count()
    assert not known[MONTHS[:9]].any()
    assert (known[MONTHS[9:]] > 50).all()


def test_a_month_is_run_without_online_banking_which_is_optional(raw: Path, packaged: Path) -> None:
    """It begins in month 3, and month 7 of it never came."""
    came = [path.stem[-7:] for path in sorted(raw.glob("onlinebanking_*.csv"))]
    assert came == [month[:7] for month in MONTHS if month >= MONTHS[2] and month != FAILED]

    readings = rows(packaged, "silver/online_banking")["snapshot_date"].astype(str)
    assert sorted(readings.str[:7].unique()) == came
    features = rows(packaged, "gold/features").set_index("snapshot_date")
    features.index = features.index.astype(str)
    assert not features.loc[MONTHS[1], "logins_mean"].notna().any()
    assert features.loc[FAILED, "logins_mean"].notna().any()
    assert features.loc[FAILED, "online_banking_months"].max() == 3


def test_names_and_tax_numbers_of_all_stay_in_bronze(raw: Path, packaged: Path) -> None:
    """Tables, logs and events of Dagster, models and tracking, reports and figures are searched."""
    people = delivered(raw, "antragsteller")
    everybody = values_to_find([*people["Name"], *people["Steuer-ID"]])
    assert sum(map(len, everybody.values())) >= 2 * APPLICANTS

    assert found_in(packaged, everybody) == {}
    assert found_in(packaged / "tables" / "bronze" / "persons", everybody)
    searched = {path.relative_to(packaged).parts[0] for path, _ in produced_texts(packaged)}
    assert {"dagster", "mlflow", "models", "monitoring", "reports", "tables"} <= searched


def test_a_model_is_promoted_and_reasons_are_features_of_this_lender(packaged: Path) -> None:
    production = rows(packaged, "production/production_model").set_index("snapshot_date")
    production.index = production.index.astype(str)
    assert production.loc[TRAINED, "action"] == "promoted"
    assert production.loc[TRAINED, "oot_auc"] >= 0.7

    scores = rows(packaged, "inference/predictions")
    assert len(scores) == APPLICANTS * len(MONTHS[10:])
    assert set(scores["model_id"]) == {production.loc[TRAINED, "model_id"]}
    names = {column.name for column in CONTRACT.feature_columns}
    reasons = {reason for reason in scores["reason_1"] if reason is not None}
    assert len(reasons) > 3
    assert reasons <= names


def test_report_and_checks_speak_of_this_lender(packaged: Path) -> None:
    report = (packaged / "reports" / "monitoring" / f"{MONTHS[-1]}.html").read_text()
    assert "Loans 60 or more days past due" in report
    assert "30+" not in report
    facts = rows(packaged, "monitoring/portfolio")
    delivered_rows = facts[facts["basis"] == "delivery"]
    assert set(delivered_rows["subject"]) == {source.name for source in CONTRACT.sources}


def test_a_score_is_proved_by_what_this_lender_delivered(packaged: Path) -> None:
    proof = command("-c", CREDIT_RISK, "explain", "RK-23-110000", home=packaged).stdout
    assert "RK-23-110000, applied in 2023-11" in proof
    assert proof.count("holds  ") == 6
    assert "BROKEN" not in proof
    assert "30.11.2023" in proof
    assert "bureau_score" in proof
    assert "2024-03-01" in proof, "the month in which the label matures"


def test_toml_gives_the_same_tables_by_the_same_definitions(
    raw: Path, packaged: Path, tmp_path: Path
) -> None:
    months = MONTHS[:5]
    run_of_toml(tmp_path, raw, months[-1], REFINED)

    for path in (*DELIVERED, *GOLD):
        ours, others = records(tmp_path, path), records(packaged, path)
        assert list(ours) == months
        assert ours == {month: others[month] for month in months}, path


@pytest.mark.long
def test_toml_gives_the_same_model_and_scores(raw: Path, packaged: Path, tmp_path: Path) -> None:
    run_of_toml(tmp_path, raw, MONTHS[-1], (*REFINED, *SCORED))

    for path in (*DELIVERED, *GOLD, "production/production_model", "inference/predictions"):
        assert records(tmp_path, path) == records(packaged, path), path
        assert list(records(tmp_path, path)) == MONTHS
    ours, others = (
        rows(home, "production/production_model").set_index("snapshot_date")["model_id"].dropna()
        for home in (tmp_path, packaged)
    )
    assert len(ours) == 1
    assert ours.to_dict() == others.to_dict()


def test_the_demo_is_refused_where_another_contract_is_kept_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_up, "CONTRACT", CONTRACT)
    with pytest.raises(PlatformError, match="a German instalment lender"):
        set_up.begin_demo(Settings(home=tmp_path))
