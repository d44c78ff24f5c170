"""What a run does with each month of a source: read it, run without it, keep it, or say why not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from credit_risk_dagster.assets.bronze import NOT_DELIVERED, Plan, plan_months
from credit_risk_dagster.contract.reference import ATTRIBUTES, LOANS
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.delivery.delivered import take_arrivals
from credit_risk_dagster.delivery.people import withdraw_file
from credit_risk_dagster.delivery.waived import WAIVED_BY_CONTRACT, waived_by_contract
from credit_risk_dagster_tests.delivery.written import (
    NOW,
    ledger_of,
    row,
    settings_of,
    write,
    write_rows,
)

JANUARY, FEBRUARY, MARCH = MONTHS = ["2024-01-01", "2024-02-01", "2024-03-01"]
OPTIONAL = replace(ATTRIBUTES, required=False)
STEM = ATTRIBUTES.files[0]
BEFORE, DEADLINE = date(2024, 3, 4), date(2024, 3, 5)


def known(month: str, delivered: str) -> MonthRecord:
    inputs = {f"delivery/attributes/{month}": delivered}
    return MonthRecord("bronze/attributes", month, 0, 1, {}, "", inputs, {}, "", "", "")


def plan(
    folder: Path,
    source: Source = ATTRIBUTES,
    records: Mapping[str, MonthRecord] | None = None,
    today: date = BEFORE,
) -> Plan:
    settings = settings_of(folder)
    arrivals = take_arrivals(settings, ledger_of(settings), NOW, [ATTRIBUTES], at_once=True)
    return plan_months(source, MONTHS, arrivals, records or {}, settings, today)


def test_months_are_read_up_to_the_first_that_is_missing(tmp_path: Path) -> None:
    path = write_rows(tmp_path / f"{STEM}.csv", [row(month=JANUARY), row(month=MARCH)])
    found = plan(tmp_path)
    assert {month: [one.path for one in files] for month, files in found.files.items()} == {
        JANUARY: [path]
    }
    assert found.missing == (
        f"attributes: nothing was delivered for 2024-02: no row of it is in {STEM}.csv. Deliver "
        f"{STEM}.csv with all months, or {STEM}_2024-02.csv to {tmp_path}."
    )


def test_what_is_in_the_way_of_a_month_is_said(tmp_path: Path) -> None:
    write(tmp_path / f"{STEM}_2024-01.csv", [b"1"], header=b"Name")
    assert f": {STEM}_2024-01.csv lacks Customer_ID" in str(plan(tmp_path).missing)
    write_rows(tmp_path / f"{STEM}_2024-01.csv", [row(month=JANUARY)])
    plan(tmp_path)
    settings = settings_of(tmp_path)
    withdraw_file(settings, ledger_of(settings), f"{STEM}_2024-01.csv", "wrong", "ann", NOW)
    assert f"{STEM}_2024-01.csv is withdrawn: by ann" in str(plan(tmp_path).missing)


def test_a_month_whose_rows_were_all_rejected_says_so(tmp_path: Path) -> None:
    rows = [row(month=FEBRUARY), row(month=JANUARY, Name="\0"), row(month=JANUARY, Name="\0")]
    write_rows(tmp_path / f"{STEM}.csv", rows)
    assert f"all of its 2 lines in {STEM}.csv were rejected" in str(plan(tmp_path).missing)


def test_a_month_that_is_known_is_kept_when_nothing_of_it_is_there(tmp_path: Path) -> None:
    path = write_rows(tmp_path / f"{STEM}_2024-01.csv", [row(month=JANUARY)])
    plan(tmp_path)
    path.unlink()
    found = plan(tmp_path, records={month: known(month, "x") for month in MONTHS})
    assert found.kept == dict.fromkeys(MONTHS, NOT_DELIVERED)
    assert f"{path.name}, which holds it, has left the raw folder" in str(plan(tmp_path).missing)


def test_an_optional_source_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    write_rows(tmp_path / f"{STEM}.csv", [row(month=month) for month in MONTHS[:2]])
    assert "nothing was delivered for 2024-03" in str(plan(tmp_path, OPTIONAL).missing)
    found = plan(tmp_path, OPTIONAL, today=DEADLINE)
    assert (found.files[MARCH], found.missing) == ([], None)
    assert found.fingerprints[MARCH] == WAIVED_BY_CONTRACT
    assert found.waived == {
        MARCH: "by contract: attributes is optional and had not come by 2024-03-05"
    }


def test_no_contract_takes_away_what_was_delivered_before(tmp_path: Path) -> None:
    records = {JANUARY: known(JANUARY, "x"), FEBRUARY: known(FEBRUARY, WAIVED_BY_CONTRACT)}
    found = plan(tmp_path, OPTIONAL, records, DEADLINE)
    assert list(found.kept) == [JANUARY]
    assert list(found.waived) == [FEBRUARY, MARCH]


@pytest.mark.parametrize("month", [JANUARY, MARCH])
def test_a_source_that_has_not_begun_or_has_ended_is_not_waited_for(month: str) -> None:
    source = replace(ATTRIBUTES, begins=FEBRUARY, ends=FEBRUARY)
    said = waived_by_contract(source, month, date(2024, 1, 1), 5)
    assert said == f"by contract: attributes is not delivered in {month[:7]}"
    assert waived_by_contract(source, FEBRUARY, DEADLINE, 5) is None


def test_there_is_no_month_without_loans() -> None:
    book = replace(LOANS, required=False, begins=MARCH)
    assert waived_by_contract(book, JANUARY, DEADLINE, 5) is None
