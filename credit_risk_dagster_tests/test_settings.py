import os
import re
import traceback
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.settings import (
    SETTINGS_FILE,
    Settings,
    TrainingPolicy,
    load_settings,
    save_settings,
)

PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda text: "${" not in text
)


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CREDIT_RISK_"):
            monkeypatch.delenv(name)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a `settings.env` and returns the home that it is in."""

    def write(text: str) -> Path:
        (tmp_path / SETTINGS_FILE).write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_the_environment_is_heard_before_the_file_and_the_file_before_the_default(
    saved: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = saved("CREDIT_RISK_ENGINE=pyspark\nCREDIT_RISK_DEADLINE_DAY=9\n")
    monkeypatch.setenv("CREDIT_RISK_DEADLINE_DAY", "11")
    settings = load_settings(home)
    assert settings.deadline_day == 11
    assert settings.engine == "pyspark"
    assert settings.spark_master == "local[2]"


def test_a_setting_of_a_group_is_named_by_two_underscores(
    saved: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = saved("CREDIT_RISK_POLICY__TRAIN_MONTHS=6\nCREDIT_RISK_POLICY__TEST_MONTHS=1\n")
    monkeypatch.setenv("CREDIT_RISK_POLICY__TRAIN_MONTHS", "5")
    monkeypatch.setenv("CREDIT_RISK_TUNING__TRIALS", "3")
    settings = load_settings(home)
    assert settings.policy == TrainingPolicy(train_months=5, test_months=1)
    assert settings.policy.window_months == 5 + 1 + 2
    assert settings.tuning.trials == 3


def test_an_empty_value_is_no_value(
    saved: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = saved("CREDIT_RISK_FIRST_MONTH=2023-05\nCREDIT_RISK_LAST_MONTH=\n")
    monkeypatch.setenv("CREDIT_RISK_FIRST_MONTH", "")
    monkeypatch.setenv("CREDIT_RISK_POLICY__TRAIN_MONTHS", "")
    monkeypatch.setenv("CREDIT_RISK_ALERTS__WEBHOOK", "")
    settings = load_settings(home)
    assert settings.first_month == "2023-05-01"
    assert settings.last_month is None
    assert settings.policy.train_months == 10
    assert settings.alerts.webhook is None


def test_the_home_is_the_one_named_else_that_of_the_environment_else_the_datamart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().home == Path("datamart")
    monkeypatch.setenv("CREDIT_RISK_HOME", str(tmp_path))
    assert load_settings().home == tmp_path
    assert load_settings(tmp_path / "other").home == tmp_path / "other"


def test_the_file_of_the_home_that_the_environment_names_is_read(
    saved: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDIT_RISK_HOME", str(saved("CREDIT_RISK_DEADLINE_DAY=3\n")))
    assert load_settings().deadline_day == 3


@given(raw=PLAIN)
def test_what_is_saved_is_read_back(tmp_path_factory: pytest.TempPathFactory, raw: str) -> None:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    save_settings(settings, raw=raw, first_month="2023-05")
    assert load_settings(settings.home).raw == Path(raw)
    assert load_settings(settings.home).first_month == "2023-05-01"


def test_saving_changes_its_own_lines_and_leaves_the_others(
    saved: Callable[[str], Path],
) -> None:
    home = saved(
        "# written by hand\nCREDIT_RISK_ENGINE=pyspark\nexport credit_risk_first_month=2022-01\n"
        "CREDIT_RISK_RISK_BANDS=[0.1]"
    )
    save_settings(Settings(home=home), first_month="2023-05", raw="/extracts")
    assert (home / SETTINGS_FILE).read_text(encoding="utf-8") == (
        "# written by hand\nCREDIT_RISK_ENGINE=pyspark\nCREDIT_RISK_RISK_BANDS=[0.1]\n"
        "CREDIT_RISK_FIRST_MONTH='2023-05'\nCREDIT_RISK_RAW='/extracts'\n"
    )
    save_settings(Settings(home=home), raw="/others")
    settings = load_settings(home)
    assert (settings.engine, settings.first_month) == ("pyspark", "2023-05-01")
    assert (settings.raw, settings.risk_bands) == (Path("/others"), (0.1,))


@pytest.mark.parametrize(
    "name",
    [
        "CREDIT_RISK_FRIST_MONTH",
        "CREDIT_RISK_POLICY_TRAIN_MONTHS",
        "CREDIT_RISK_POLICY__TRIAN_MONTHS",
        "CREDIT_RISK_ALERTS__WEBHOK",
    ],
)
def test_a_misspelt_setting_of_the_file_is_refused_by_name(
    saved: Callable[[str], Path], name: str
) -> None:
    home = saved(f"CREDIT_RISK_ENGINE=duckdb\n{name}=5\n")
    with pytest.raises(PlatformError) as refused:
        load_settings(home)
    assert str(refused.value).startswith(
        f"There is no setting {name}. Correct the name in {home / SETTINGS_FILE}"
    )


def test_a_misspelt_setting_of_a_group_is_refused_in_the_environment_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDIT_RISK_POLICY__TRIAN_MONTHS", "5")
    with pytest.raises(PlatformError, match="no setting CREDIT_RISK_POLICY__TRIAN_MONTHS"):
        load_settings(tmp_path)


def test_variables_of_other_programs_are_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CREDIT_RISK_SAMPLE", "CREDIT_RISK_HOME", "CREDIT_RISK_RAW_BUCKET"):
        monkeypatch.setenv(name, str(tmp_path))
    assert load_settings().home == tmp_path


def test_saving_creates_the_home(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "new" / "home")
    save_settings(settings, policy__train_months="7")
    assert load_settings(settings.home).policy.train_months == 7


@pytest.mark.parametrize("name", ["FIRST_MONTH", "LAST_MONTH"])
@pytest.mark.parametrize("text", ["2024-13", "September", "2024-09-15"])
def test_what_is_not_a_month_is_refused_with_the_form_to_write(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CREDIT_RISK_{name}", text)
    with pytest.raises(ValidationError) as refused:
        load_settings(tmp_path)
    assert name.lower() in str(refused.value)
    assert f"'{text}' is not a month: write it as YYYY-MM, for example 2024-09" in str(
        refused.value
    )


def test_a_last_month_before_the_first_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="last_month 2024-01-01 is before first_month 2024-0"):
        Settings(home=tmp_path, first_month="2024-02", last_month="2024-01")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ENGINE", "polars"),
        ("DEADLINE_DAY", "31"),
        ("POLICY__TRAIN_MONTHS", "3"),
        ("POLICY__MINIMUM_AUC", "70"),
        ("MONITORING__QUARANTINE_LIMIT_SHARE", "5"),
        ("TUNING__TRIALS", "0"),
        ("RISK_BANDS", "[0.5, 0.1]"),
        ("RISK_BANDS", "[0.1, 1.5]"),
        ("RISK_BANDS", "[]"),
    ],
)
def test_a_value_out_of_range_is_refused_naming_the_setting(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CREDIT_RISK_{name}", text)
    with pytest.raises(ValidationError) as refused:
        load_settings(tmp_path)
    assert name.lower().replace("__", ".") in str(refused.value)


def test_everything_of_an_installation_is_below_its_home_unless_said_otherwise(
    tmp_path: Path,
) -> None:
    settings = Settings(home=tmp_path)
    assert settings.raw_folder == tmp_path / "raw"
    assert settings.dagster_home == tmp_path / "dagster"
    assert settings.reports_folder == tmp_path / "reports"
    assert settings.tracking_uri == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert settings.artifact_location == (tmp_path / "mlflow" / "artifacts").as_uri()

    elsewhere = Settings(
        home=tmp_path,
        raw=Path("/deliveries"),
        mlflow_tracking_uri="http://mlflow:5000",
        mlflow_artifacts="s3://models",
    )
    assert elsewhere.raw_folder == Path("/deliveries")
    assert elsewhere.tracking_uri == "http://mlflow:5000"
    assert elsewhere.artifact_location == "s3://models"


def test_the_latest_month_is_that_of_the_day_or_the_last_one() -> None:
    assert Settings(first_month="2023-01").latest_month(date(2024, 9, 1)) == "2024-09-01"
    closed = Settings(first_month="2023-01", last_month="2024-03")
    assert closed.latest_month(date(2024, 9, 1)) == "2024-03-01"


def test_settings_cannot_be_changed_once_they_are_read() -> None:
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.engine = "pyspark"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        settings.policy.train_months = 5  # type: ignore[misc]


def test_a_mail_server_without_addresses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="set mail_from and mail_to as well"):
        Settings(home=tmp_path, alerts={"smtp_host": "mail.lender.example"})


@pytest.mark.parametrize(
    ("name", "text"), [("ALERTS__MUTED", "late_data"), ("RISK_BANDS", "0.1,0.2")]
)
def test_a_list_that_is_not_written_as_one_is_answered_with_how_it_is_written(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CREDIT_RISK_{name}", text)
    with pytest.raises(PlatformError, match="written as JSON") as told:
        load_settings(tmp_path)

    shown = re.search(rf"CREDIT_RISK_{name}=(\[.*?\])", str(told.value))
    assert shown is not None
    monkeypatch.setenv(f"CREDIT_RISK_{name}", shown[1])
    load_settings(tmp_path)


def test_a_webhook_that_is_none_is_refused_without_its_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDIT_RISK_ALERTS__WEBHOOK", "htps//hooks.example/T0KEN")
    with pytest.raises(PlatformError, match="is not the address of a webhook") as told:
        load_settings(tmp_path)
    assert "T0KEN" not in "".join(traceback.format_exception(told.value))


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_file_of_settings_is_its_owners_alone(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        save_settings(Settings(home=tmp_path), first_month="2024-01-01")
    finally:
        os.umask(before)
    assert (tmp_path / SETTINGS_FILE).stat().st_mode & 0o777 == 0o600
