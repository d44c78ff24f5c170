"""A lender without a panel, whose customers can have two loans in a month, runs end to end."""

from pathlib import Path

import ibis
import pandas as pd
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from credit_risk_dagster.contract.check import findings
from credit_risk_dagster.contract.dictionary import data_dictionary
from credit_risk_dagster.contract.draft.contract import draft_of
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.contract.toml import read_toml
from credit_risk_dagster.tables.binding import binding_findings
from credit_risk_dagster_tests.test_second_lender import (
    CREDIT_RISK,
    REFINED,
    RUN_LAYERS,
    command,
    rows,
)
from credit_risk_dagster_tests.third_lender import (
    APPLICATION_FORMS,
    APPLICATIONS,
    CONTRACT,
    FACILITIES,
    FIRST,
    MONTHS,
    generate,
)

CONTRACT_OF = {"CREDIT_RISK_CONTRACT": "credit_risk_dagster_tests.third_lender"}
LAST = MONTHS[4]
"""Labels mature from the fourth month on."""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    generate(folder)
    return folder


@pytest.fixture(scope="module")
def home(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run what needs no model, of the months up to the second that has labels."""
    home = tmp_path_factory.mktemp("home")
    where = {"CREDIT_RISK_RAW": str(raw), "CREDIT_RISK_FIRST_MONTH": FIRST}
    command("-m", RUN_LAYERS, FIRST, LAST, *REFINED, home=home, **where, **CONTRACT_OF)
    return home


def delivered(raw: Path, source: Source) -> pd.DataFrame:
    """Read what a source delivered up to the last month, by pandas alone."""
    (stem,) = source.files
    read = {"facilities": pd.read_parquet, "forms": _read_csv}[stem]
    files = sorted(path for path in raw.glob(f"{stem}_*") if _in_time(path))
    return pd.concat([read(path) for path in files], ignore_index=True)


def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"customer_no": str}, parse_dates=["employed_since"])


def _in_time(path: Path) -> bool:
    return path.name.partition("_")[2][:7] <= LAST[:7]


def test_the_contract_is_sound_and_can_be_computed() -> None:
    assert findings(CONTRACT) == []
    assert binding_findings(CONTRACT, ibis.memtable) == []
    assert CONTRACT.panels == ()


def test_every_row_of_both_formats_is_accepted(raw: Path, home: Path) -> None:
    for source in CONTRACT.sources:
        assert len(rows(home, f"silver/{source.name}")) == len(delivered(raw, source))


def test_a_customer_with_two_loans_in_a_month_has_the_form_of_each(raw: Path, home: Path) -> None:
    book = delivered(raw, FACILITIES).drop_duplicates("facility_no")
    form = delivered(raw, APPLICATION_FORMS).set_index("application_no")
    form = form.loc[book["application_no"]].set_index(book["facility_no"])
    features = rows(home, "gold/features").set_index("loan_id").sort_index()

    assert len(features) == APPLICATIONS * 5
    assert features["customer_id"].duplicated().any()
    assert features["has_application_forms"].all()
    assert features["income"].to_dict() == form["monthly_income"].to_dict()
    assert features["purpose"].to_dict() == form["purpose"].to_dict()
    ratio = book.set_index("facility_no")["principal"] / form["monthly_income"]
    pd.testing.assert_series_equal(
        features["loan_to_income"], ratio.sort_index(), check_names=False
    )
    since = form["employed_since"].dt
    applied = pd.to_datetime(features["snapshot_date"]).dt
    months = (applied.year - since.year) * 12 + applied.month - since.month
    assert features["employed_months"].to_dict() == months.to_dict()


def test_numbers_of_customers_keep_their_zeros(raw: Path, home: Path) -> None:
    features = rows(home, "gold/features")
    assert set(features["customer_id"]) == set(delivered(raw, FACILITIES)["customer_no"])
    assert features["customer_id"].str.startswith("0").all()


def test_a_loan_is_bad_if_it_was_ever_90_days_late_up_to_month_3(raw: Path, home: Path) -> None:
    book = delivered(raw, FACILITIES)
    start, seen = (pd.to_datetime(book[name]).dt for name in ("granted_on", "report_date"))
    book["on_book"] = (seen.year - start.year) * 12 + seen.month - start.month
    old = (
        book.groupby("facility_no")["granted_on"].transform("max") < pd.Timestamp(MONTHS[2]).date()
    )
    worst = book[old & (book["on_book"] <= 3)].groupby("facility_no")["days_late"].max()

    labels = rows(home, "gold/labels").set_index("loan_id")
    assert labels["default"].to_dict() == (worst >= 90).astype(int).to_dict()
    assert labels["days_past_due"].to_dict() == worst.to_dict()
    assert set(worst) == {0, 95}, "some are 95 days late at month 3, some at month 2 alone"


def test_nothing_stands_in_gold_for_a_panel_that_there_is_not(home: Path) -> None:
    assert not [path.name for path in (home / "tables" / "silver").glob("*_so_far*")]
    names = DeltaTable(home / "tables" / "gold" / "features").schema().to_arrow().names
    assert [name for name in names if name.endswith(("_mean", "_months"))] == ["employed_months"]


def test_addresses_stay_in_bronze(home: Path) -> None:
    for path in (home / "tables").rglob("*.parquet"):
        texts = str(pq.read_table(path, partitioning=None).to_pylist())
        of_bronze = "bronze/application_forms" in path.as_posix()
        assert ("@mail.example" in texts) == of_bronze, path


def test_a_draft_of_its_files_needs_an_outcome_and_no_more_to_be_sound(
    raw: Path, tmp_path: Path
) -> None:
    text = draft_of(raw)
    assert "mail.example" not in text
    path = tmp_path / "contract.toml"
    path.write_text(text)
    draft = read_toml(path)

    assert findings(draft) == []
    for mine, theirs in zip(draft.sources, CONTRACT.sources, strict=True):
        assert (mine.shape, mine.files, mine.key) == (theirs.shape, theirs.files, theirs.key)
        for column in theirs.columns:
            found = next(one for one in mine.columns if one.header == column.header)
            assert type(found.kind) is type(column.kind), column.header
            assert found.personal is column.personal
    forms = draft.source("forms")
    assert forms.meaning == "Forms: one row per application, in the month of application"


def test_its_dictionary_speaks_of_no_panel() -> None:
    text = data_dictionary(CONTRACT, window_months=14)
    assert "90 or more days past due within month on book 3" in text
    assert "panel" not in text.replace(CONTRACT.lender, "")


@pytest.mark.long
def test_it_trains_scores_and_gives_reasons_without_a_panel(raw: Path, tmp_path: Path) -> None:
    span = f"{FIRST[:7]}..{MONTHS[-1][:7]}"
    command(
        "-c", CREDIT_RISK, "run", "--raw", str(raw), "--months", span, home=tmp_path, **CONTRACT_OF
    )
    production = rows(tmp_path, "production/production_model").sort_values("snapshot_date")
    assert production["action"].iloc[-1] == "promoted"
    scores = rows(tmp_path, "inference/predictions")
    assert len(scores) == APPLICATIONS
    names = {column.name for column in CONTRACT.feature_columns}
    reasons = set(scores["reason_1"].dropna())
    assert "loan_to_income" in reasons
    assert reasons <= names
    report = (tmp_path / "reports" / "monitoring" / f"{MONTHS[-1]}.html").read_text()
    assert "90 or more days past due" in report
