"""What is due and why, found by a few queries, however many months there are."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from credit_risk_dagster.automation.due import due_month, next_due_month
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.datamart.index import RecordIndex
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.resources.tables import open_datamart, open_index
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.definitions import definition_of
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster_tests.redefined import another_definition_of_default
from credit_risk_dagster_tests.reference_tables import (
    BRONZE_LOANS,
    CLICKSTREAM_SO_FAR,
    SILVER_CLICKSTREAM,
)

FIRST, LAST = "2015-01-01", "2024-12-01"
MONTHS = month_range(FIRST, LAST)
DELIVERED = {
    source.name: dict.fromkeys(MONTHS, f"{source.name} as it came") for source in CONTRACT.sources
}


def fill(
    settings: Settings, months: Sequence[str], definition: Callable[[Table], str] = definition_of
) -> None:
    """Write months of every table, made by a definition."""
    datamart = open_datamart(settings)
    for table in ALL_TABLES:
        writer = datamart.open(table, months)
        for month in months:
            inputs = {}
            if table.layer == "bronze":
                delivered = DELIVERED[table.name][month]
                inputs[f"delivery/{table.name}/{month}"] = Input(delivered, origin=delivered)
            if table == CLICKSTREAM_SO_FAR:
                inputs |= datamart.inputs(SILVER_CLICKSTREAM, [month])
            if table == FEATURES_TABLE:
                inputs |= datamart.inputs(CLICKSTREAM_SO_FAR, [month])
            draft = Draft(month, inputs, definition(table), facts={"delivered": 0})
            writer.stage_rows(draft, table.schema.empty_table())
        writer.commit()


@pytest.fixture(scope="module")
def ten_years(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation of 120 months of every table."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), first_month=FIRST, last_month=LAST)
    fill(settings, MONTHS)
    return settings


@pytest.fixture
def two_months(tmp_path: Path) -> Settings:
    """An installation in which nothing was run yet."""
    return Settings(home=tmp_path / "home", first_month=FIRST, last_month=MONTHS[1])


@pytest.fixture
def index(ten_years: Settings) -> RecordIndex:
    return open_index(ten_years)


def test_of_ten_years_nothing_is_due_and_that_is_known_in_a_fifth_of_a_second(
    ten_years: Settings, index: RecordIndex
) -> None:
    index.catch_up()
    taken = []
    for _ in range(3):
        began = time.process_time()
        assert next_due_month(ten_years, index, DELIVERED, LAST) is None
        taken.append(time.process_time() - began)
    assert min(taken) < 0.2, taken


def test_the_number_of_queries_does_not_grow_with_the_months(
    ten_years: Settings, index: RecordIndex
) -> None:
    index.catch_up()
    asked: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    sa.event.listen(index.engine, "before_cursor_execute", count)
    assert next_due_month(ten_years, index, DELIVERED, LAST) is None
    assert len([text for text in asked if text.lstrip().startswith("SELECT")]) <= 5


def test_a_corrected_delivery_makes_its_month_due_and_a_new_month_is_due(
    ten_years: Settings, index: RecordIndex
) -> None:
    month = "2019-07-01"
    corrected = {**DELIVERED, "loans": {**DELIVERED["loans"], month: "corrected"}}
    due = next_due_month(ten_years, index, corrected, LAST)
    assert due is not None
    assert (due.month, due.missing) == (month, ())
    assert due.reason.startswith(f"delivery/loans/{month} has changed since bronze/loans/{month}")

    after = due_month(index, DELIVERED, add_months(LAST, 1))
    assert after is not None
    assert after.reason == "bronze/loans has no 2025-01 yet"
    assert after.missing == tuple(source.name for source in CONTRACT.sources)


def test_an_index_that_is_lost_is_made_anew_from_the_logs(
    ten_years: Settings, tmp_path: Path
) -> None:
    elsewhere = f"sqlite:///{tmp_path / 'other.db'}"
    index = open_index(ten_years.model_copy(update={"metrics_url": elsewhere}))
    assert next_due_month(ten_years, index, DELIVERED, LAST) is None


def of_then(table: Table) -> Callable[[Table], str]:
    """Return today's definitions, but for a table that was made by an earlier one."""
    return lambda one: "of then" if one == table else definition_of(one)


def reasons(settings: Settings, deliveries: Mapping[str, Mapping[str, str]]) -> list[str | None]:
    """Return why each of the two months is due."""
    index = open_index(settings)
    found = [due_month(index, deliveries, month) for month in MONTHS[:2]]
    return [due.reason if due else None for due in found]


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.path)
def test_another_definition_makes_the_months_of_its_table_due_but_no_decision_and_no_score(
    two_months: Settings, table: Table
) -> None:
    fill(two_months, MONTHS[:2], of_then(table))
    expected = [
        None
        if table.decides
        else f"{table.partition(month)} was made by another definition than today's"
        for month in MONTHS[:2]
    ]
    assert reasons(two_months, DELIVERED) == expected
    first = next_due_month(two_months, open_index(two_months), DELIVERED, MONTHS[1])
    assert (first.month if first else None) == (None if table.decides else FIRST)


def test_what_was_read_of_a_delivery_that_is_gone_is_not_due_for_another_reader(
    two_months: Settings,
) -> None:
    """A run could only keep it: it would be due for ever, and every later month would wait."""
    fill(two_months, MONTHS[:2], of_then(BRONZE_LOANS))
    cleared_away = {**DELIVERED, "loans": {MONTHS[1]: DELIVERED["loans"][MONTHS[1]]}}
    assert reasons(two_months, cleared_away) == [
        None,
        f"bronze/loans/{MONTHS[1]} was made by another definition than today's",
    ]


def test_what_a_month_would_be_run_on_is_another_thing_once_a_definition_is_another(
    two_months: Settings,
) -> None:
    fill(two_months, MONTHS[:1])
    index = open_index(two_months)
    before = due_month(index, DELIVERED, MONTHS[1])
    with another_definition_of_default():
        after = due_month(index, DELIVERED, MONTHS[1])
    assert before is not None
    assert after is not None
    assert before.reason == after.reason == f"bronze/loans has no {MONTHS[1][:7]} yet"
    assert before.state != after.state
