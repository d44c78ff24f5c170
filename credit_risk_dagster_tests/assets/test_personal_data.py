"""Names and social security numbers stay in bronze, whatever a delivery looks like."""

from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.deliveries import (
    FIRST,
    LAST,
    MIDDLE,
    change_rows,
    change_text,
    delivered,
    file_of,
    set_values,
)
from credit_risk_dagster_tests.reference_tables import BRONZE_ATTRIBUTES, SILVER_ATTRIBUTES
from credit_risk_dagster_tests.scored import PERSON, make_one_person_of_all, scored_installation
from credit_risk_dagster_tests.table_runs import failed, failures, run_tables

PERSONAL = [*PERSON["Name"].split(), PERSON["SSN"], PERSON["SSN"].replace("-", "")]
TABLES = (BRONZE_ATTRIBUTES, SILVER_ATTRIBUTES)


def text_of(path: Path) -> str:
    if path.suffix != ".parquet":
        return path.read_bytes().decode("utf-8", "replace")
    table = pq.read_table(path, partitioning=None)
    texts = [table.column(field.name) for field in table.schema if field.type == pa.string()]
    return " ".join([*table.column_names, *(str(set(column.to_pylist())) for column in texts)])


def files_naming_the_person(*folders: Path) -> set[str]:
    """Return the files under some folders that hold any part of the person."""
    return {
        path.as_posix()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and any(part in text_of(path) for part in PERSONAL)
    }


def tables_of(paths: set[str]) -> set[str]:
    """Return the tables whose rows some files hold; of any other file, its path."""
    return {
        path.partition("/home/tables/")[2].rpartition("/snapshot_month=")[0] or path
        for path in paths
    }


@pytest.mark.slow
def test_no_table_model_or_tracking_record_holds_a_name_or_number(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = scored_installation(tmp_path_factory)
    found = files_naming_the_person(settings.home)

    assert tables_of(found) == {"bronze/attributes"}


def test_no_event_log_or_file_of_a_bad_delivery_holds_a_name_or_number(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = delivered("monthly", tmp_path, tmp_path_factory)
    for month in (FIRST, MIDDLE, LAST):
        make_one_person_of_all(file_of(settings, ATTRIBUTES, month))
    make_quarantined_and_unreadable(settings, FIRST)
    change_rows(settings, ATTRIBUTES, set_values("Age", PERSON["SSN"]), MIDDLE)
    change_text(settings, ATTRIBUTES, lambda text: text.replace("\n", "", 1), LAST)
    instance_folder = tmp_path / "dagster"
    instance_folder.mkdir()

    with dg.instance_for_test(temp_dir=str(instance_folder)) as instance:
        poor = run_tables(settings, instance, FIRST, FIRST, *TABLES)
        refused = run_tables(settings, instance, MIDDLE, MIDDLE, *TABLES)
        unreadable = run_tables(settings, instance, LAST, LAST, *TABLES)

    assert set(failed(poor)) == {
        "bronze/attributes whole_lines",
        "silver/attributes quarantine_share",
    }
    assert "Age is not a number: 60 rows" in failures(refused)["silver__attributes"]
    assert "its header is Customer_ID, Name, Age, SSN" in failures(unreadable)["bronze__attributes"]
    found = files_naming_the_person(settings.home, instance_folder)
    assert tables_of(found) == {"bronze/attributes", "bronze/attributes_rejected"}


def make_quarantined_and_unreadable(settings: Settings, month: str) -> None:
    """Let two rows contradict each other and give one line a field too many."""
    change_rows(
        settings, ATTRIBUTES, lambda rows: [*rows, {**rows[0], "Occupation": "Juggler"}], month
    )
    first, last = PERSON["Name"].split()
    file = change_text(
        settings,
        ATTRIBUTES,
        lambda text: text.replace(f"{first} {last}", f"{last}, {first}", 1),
        month,
    )
    assert f",{last}, {first}," in file.read_text(encoding="utf-8")
