"""Bad deliveries end in the error, quarantine or failed check that an operator can act on."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from credit_risk_dagster.assets.monthly import asset_key
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.reference import ATTRIBUTES, CLICKSTREAM, FINANCIALS, LOANS
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.demo.extracts import Layout
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE, REJECTED
from credit_risk_dagster.tables.gold import LABELS
from credit_risk_dagster.tables.judgement import DUPLICATES, QUARANTINED
from credit_risk_dagster.tables.silver import SILVER
from credit_risk_dagster_tests.deliveries import (
    FIRST,
    LAST,
    MIDDLE,
    Deliver,
    change_rows,
    change_text,
    delivered,
    file_of,
    set_values,
)
from credit_risk_dagster_tests.reference_tables import (
    BRONZE_CLICKSTREAM,
    BRONZE_FINANCIALS,
    BRONZE_LOANS,
    SILVER_LOANS,
)
from credit_risk_dagster_tests.table_runs import (
    assert_nothing_half_written,
    failed,
    failures,
    materialized,
    refused,
    run_tables,
    started_steps,
)

LAYOUTS: tuple[Layout, ...] = ("cumulative", "monthly")


@pytest.fixture
def deliver(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Deliver:
    def to_new_installation(layout: Layout = "cumulative") -> Settings:
        return delivered(layout, tmp_path, tmp_path_factory)

    return to_new_installation


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def run_source(
    settings: Settings, instance: dg.DagsterInstance, source: Source, first: str, last: str
) -> dg.ExecuteInProcessResult:
    tables = (BRONZE[source.name], SILVER[source.name])
    return run_tables(settings, instance, first, last, *tables)


def counts(settings: Settings, source: Source, month: str = MIDDLE) -> dict[str, int]:
    """Return what became of the rows of a month."""
    datamart = Datamart(settings.home)
    bronze = datamart.required_record(BRONZE[source.name], month)
    silver = datamart.required_record(SILVER[source.name], month)
    return {
        "delivered": bronze.facts["delivered"],
        "unreadable": bronze.beside[REJECTED].rows,
        "accepted": silver.rows,
        "quarantined": silver.beside[QUARANTINED].rows,
        "duplicates": silver.beside[DUPLICATES].rows,
    }


def reasons(settings: Settings, source: Source, month: str = MIDDLE) -> list[str]:
    rows = Datamart(settings.home).read_beside(SILVER[source.name], month, QUARANTINED)
    found: list[str] = rows.column("reasons").to_pylist()
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_missing_column_fails_the_month_and_is_named_with_its_file(
    deliver: Deliver, instance: dg.DagsterInstance, layout: Layout
) -> None:
    settings = deliver(layout)
    path = change_text(settings, FINANCIALS, lambda text: text.replace("Annual_Income", "Income"))
    result = run_source(settings, instance, FINANCIALS, MIDDLE, MIDDLE)

    assert failures(result) == {
        "bronze__financials": f"financials: nothing was delivered for 2024-02: {path.name} lacks "
        "Annual_Income; its header is "
        f"{', '.join(FINANCIALS.headers).replace('Annual_Income', 'Income')}. "
        f"Deliver it with all its columns, in any order: {', '.join(FINANCIALS.headers)}. "
        "Deliver features_financials.csv with all months, or features_financials_2024-02.csv to "
        f"{settings.raw_folder}."
    }
    assert started_steps(result) == {"bronze__financials"}
    assert materialized(instance, BRONZE_FINANCIALS) == []
    assert Datamart(settings.home).months(BRONZE_FINANCIALS) == []
    assert_nothing_half_written(settings)


def test_a_few_texts_where_numbers_belong_are_quarantined_with_value_and_reason(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    change_rows(settings, LOANS, set_values("due_amt", "unknown", 2))
    result = run_source(settings, instance, LOANS, MIDDLE, MIDDLE)

    assert result.success
    assert reasons(settings, LOANS) == ["due_amt is not a number"] * 2
    found = counts(settings, LOANS)
    assert found["quarantined"] == 2
    assert found["accepted"] == found["delivered"] - 2
    assert failed(result) == {
        "silver/loans quarantine_share": f"2024-02: {2 / found['delivered']:.2%} quarantined or "
        "unreadable, limit 1.00%. due_amt is not a number (2)"
    }
    (event,) = result.asset_materializations_for_node("silver__loans")
    assert event.metadata["quarantined rows"].value == 2
    assert "| due_amt is not a number | 2 |" in str(event.metadata["reasons for quarantine"].value)


def test_a_column_of_text_where_numbers_belong_is_refused_and_kept_aside(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    change_rows(settings, LOANS, set_values("due_amt", "unknown"))
    result = run_source(settings, instance, LOANS, MIDDLE, MIDDLE)

    delivered_rows = Datamart(settings.home).required_record(BRONZE_LOANS, MIDDLE).rows
    assert failures(result) == {
        "silver__loans": "silver/loans/2024-02-01 was refused: 100.0% of the delivered rows are "
        "quarantined or unreadable, more than the limit of 5.0%. due_amt is not a number: "
        f"{delivered_rows} rows. Ask for a corrected delivery, or raise "
        "CREDIT_RISK_MONITORING__QUARANTINE_LIMIT_SHARE. Nothing was changed; the refused rows are "
        "kept in tables/silver/loans/.refused/2024-02-01 to look at."
    }
    aside = pq.read_table(refused(settings, SILVER_LOANS, MIDDLE) / f"{QUARANTINED}.parquet")
    assert aside.num_rows == delivered_rows
    assert set(aside.column("reasons").to_pylist()) == {"due_amt is not a number"}
    assert materialized(instance, BRONZE_LOANS) == [MIDDLE]
    assert materialized(instance, SILVER_LOANS) == []
    assert Datamart(settings.home).months(SILVER_LOANS) == []
    assert_nothing_half_written(settings)


def test_a_refused_correction_leaves_the_month_as_it_was(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    datamart = Datamart(settings.home)
    assert run_source(settings, instance, LOANS, MIDDLE, MIDDLE).success
    before = datamart.read(SILVER_LOANS, [MIDDLE])
    change_rows(settings, LOANS, set_values("balance", "high"))
    result = run_source(settings, instance, LOANS, MIDDLE, MIDDLE)

    assert list(failures(result)) == ["silver__loans"]
    assert datamart.read(SILVER_LOANS, [MIDDLE]).equals(before)
    assert_nothing_half_written(settings)


def test_rows_delivered_twice_are_dropped_with_a_warning(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    change_rows(settings, LOANS, lambda rows: [*rows, rows[0], rows[0], rows[7]])
    result = run_source(settings, instance, LOANS, MIDDLE, MIDDLE)

    assert result.success
    assert counts(settings, LOANS)["duplicates"] == 3
    assert counts(settings, LOANS)["quarantined"] == 0
    assert failed(result) == {
        "silver/loans no_duplicates": "2024-02: 3 rows repeat another to the letter and were "
        "dropped."
    }


def test_rows_that_contradict_each_other_are_all_quarantined(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    change_rows(settings, LOANS, lambda rows: [*rows, {**rows[0], "loan_amt": "9000"}])
    result = run_source(settings, instance, LOANS, MIDDLE, MIDDLE)

    fault = "loan_id, snapshot_date occurs more than once with different values"
    found = counts(settings, LOANS)
    assert result.success
    assert reasons(settings, LOANS) == [fault, fault]
    assert found["accepted"] == found["delivered"] - 2
    assert failed(result)["silver/loans quarantine_share"].endswith(f"limit 1.00%. {fault} (2)")


@pytest.mark.parametrize(
    ("layout", "month", "line"),
    [("cumulative", LAST, 180), ("monthly", MIDDLE, 61)],
    ids=LAYOUTS,
)
def test_a_truncated_last_line_is_rejected_and_named_with_file_and_line(
    deliver: Deliver, instance: dg.DagsterInstance, layout: Layout, month: str, line: int
) -> None:
    settings = deliver(layout)
    path = change_text(settings, ATTRIBUTES, lambda text: text[:-8])
    result = run_source(settings, instance, ATTRIBUTES, month, month)

    assert result.success
    assert failed(result)["bronze/attributes whole_lines"] == (
        f"{month[:7]}: 1 line could not be read: line {line} of {path.name}: last line has no "
        "line end, so it may be cut off. Ask for a corrected delivery."
    )


def test_a_line_end_is_the_lenders_to_leave_out_only_by_a_setting(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver("monthly")
    change_text(settings, FINANCIALS, lambda text: text[:-1])
    accepting = settings.model_copy(update={"accept_unterminated_line": True})

    strict = run_tables(settings, instance, MIDDLE, MIDDLE, BRONZE_FINANCIALS)
    assert "may be cut off" in failed(strict)["bronze/financials whole_lines"]
    assert not failed(run_tables(accepting, instance, MIDDLE, MIDDLE, BRONZE_FINANCIALS))
    assert Datamart(settings.home).required_record(BRONZE_FINANCIALS, MIDDLE).rows == 60


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: "", " is empty (0 bytes). Deliver it again, complete."),
        (
            lambda text: text.split("\n")[0] + "\n",
            "nothing was delivered for 2024-02: features_financials_2024_02.csv holds no row that "
            "can be read: it is a header alone. Deliver it again, complete. Deliver "
            "features_financials.csv with all months, or features_financials_2024-02.csv to ",
        ),
    ],
    ids=["0 bytes", "header only"],
)
def test_an_empty_delivery_fails_the_month(
    deliver: Deliver, instance: dg.DagsterInstance, change: Callable[[str], str], words: str
) -> None:
    settings = deliver("monthly")
    change_text(settings, FINANCIALS, change)
    result = run_source(settings, instance, FINANCIALS, MIDDLE, MIDDLE)

    assert words in failures(result)["bronze__financials"]
    assert Datamart(settings.home).months(BRONZE_FINANCIALS) == []
    assert_nothing_half_written(settings)


@pytest.mark.parametrize("source", CONTRACT.sources, ids=lambda source: source.name)
def test_a_source_without_the_month_fails_it_and_says_which_file_to_deliver(
    deliver: Deliver, instance: dg.DagsterInstance, source: Source
) -> None:
    settings = deliver("monthly")
    file_of(settings, source).unlink()
    result = run_tables(settings, instance, MIDDLE, MIDDLE, BRONZE[source.name])

    stem = source.files[0]
    assert failures(result) == {
        f"bronze__{source.name}": f"{source.name}: nothing was delivered for 2024-02: there is no "
        f"file of this source for it, and no cumulative one. Deliver {stem}.csv with all months, "
        f"or {stem}_2024-02.csv to {settings.raw_folder}."
    }
    assert materialized(instance, BRONZE[source.name]) == []


def test_a_correction_runs_though_the_other_files_of_its_month_have_been_cleared_away(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver("monthly")
    datamart = Datamart(settings.home)
    tables = tuple(BRONZE.values())
    assert run_tables(settings, instance, FIRST, LAST, *tables).success
    before = {table: datamart.required_record(table, MIDDLE) for table in tables}
    for source in CONTRACT.sources:
        file_of(settings, source, FIRST).unlink()
        if source != LOANS:
            file_of(settings, source).unlink()
    change_rows(settings, LOANS, set_values("balance", "1.0"))

    result = run_tables(settings, instance, FIRST, LAST, *tables)

    assert result.success
    for table in tables:
        is_kept = datamart.required_record(table, MIDDLE) == before[table]
        assert is_kept == (table != BRONZE_LOANS)
        assert materialized(instance, table) == [FIRST, MIDDLE, LAST]
        kept = {FIRST} if table == BRONZE_LOANS else {FIRST, MIDDLE}
        assert months_reported_as_kept(result, table) == kept


@pytest.mark.parametrize("beside", ["", f"_{REJECTED}"], ids=["rows", "rejected lines"])
def test_a_damaged_month_whose_delivery_has_been_cleared_away_cannot_be_kept(
    deliver: Deliver, instance: dg.DagsterInstance, beside: str
) -> None:
    settings = deliver("monthly")
    path = change_text(settings, LOANS, lambda text: text[:-8])
    assert run_tables(settings, instance, MIDDLE, MIDDLE, BRONZE_LOANS).success
    record = Datamart(settings.home).required_record(BRONZE_LOANS, MIDDLE)
    delivery = path.rename(path.with_name(f".{path.name}"))
    (stored,) = (Datamart(settings.home).folder / f"bronze/loans{beside}").rglob("*.parquet")
    stored.write_bytes(stored.read_bytes()[:-1])
    result = run_tables(settings, instance, MIDDLE, MIDDLE, BRONZE_LOANS)

    assert failures(result)["bronze__loans"] == (
        "bronze/loans/2024-02-01 is damaged, and nothing of the month is in the raw folder any "
        "more. Deliver 2024-02 again, or restore tables/bronze/loans from a backup."
    )

    delivery.rename(path)
    assert run_tables(settings, instance, MIDDLE, MIDDLE, BRONZE_LOANS).success
    again = Datamart(settings.home).required_record(BRONZE_LOANS, MIDDLE)
    assert again.says_the_same_as(record)


def months_reported_as_kept(result: dg.ExecuteInProcessResult, table: Table) -> set[str | None]:
    materializations = [
        event.step_materialization_data.materialization
        for event in result.all_events
        if event.is_step_materialization and event.asset_key == asset_key(table)
    ]
    return {one.partition for one in materializations if "kept" in one.metadata}


def test_a_compressed_extract_is_refused_by_name(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    path = file_of(settings, CLICKSTREAM)
    path.write_bytes(gzip.compress(path.read_bytes()))
    result = run_tables(settings, instance, FIRST, LAST, BRONZE_CLICKSTREAM)

    assert failures(result)["bronze__clickstream"] == (
        "clickstream: nothing was delivered for 2024-01: feature_clickstream.csv is compressed "
        "with gzip. Deliver it as .csv or .txt (either may be compressed: .gz or .zst) or "
        ".parquet, named so. Deliver feature_clickstream.csv with all months, or "
        f"feature_clickstream_2024-01.csv to {settings.raw_folder}."
    )


def test_rows_of_another_month_in_the_file_of_one_are_rejected_by_line(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver("monthly")
    path = change_text(settings, CLICKSTREAM, lambda text: text.replace(MIDDLE, FIRST, 2))
    result = run_source(settings, instance, CLICKSTREAM, FIRST, MIDDLE)

    assert result.success
    assert failed(result)["bronze/clickstream whole_lines"] == (
        "1 of 2 months fail. 2024-02: 2 lines could not be read: "
        f"line 2 of {path.name}: snapshot_date 2024-01-01 in a file for 2024-02; "
        f"line 3 of {path.name}: snapshot_date 2024-01-01 in a file for 2024-02. "
        "Ask for a corrected delivery."
    )
    assert counts(settings, CLICKSTREAM)["unreadable"] == 2
    assert counts(settings, CLICKSTREAM, FIRST)["unreadable"] == 0


def test_a_range_writes_the_months_before_the_one_that_was_not_delivered(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver("monthly")
    file_of(settings, LOANS).unlink()
    result = run_tables(settings, instance, FIRST, LAST, BRONZE_LOANS, SILVER_LOANS)

    assert "loans: nothing was delivered for 2024-02" in failures(result)["bronze__loans"]
    assert materialized(instance, BRONZE_LOANS) == [FIRST]
    assert Datamart(settings.home).months(BRONZE_LOANS) == [FIRST]
    assert materialized(instance, SILVER_LOANS) == []
    assert_nothing_half_written(settings)


def test_a_range_writes_the_months_before_the_refused_one_and_none_after(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver()
    change_rows(settings, LOANS, set_values("installment_num", "first"))
    tables = (BRONZE_LOANS, SILVER_LOANS, LABELS)
    result = run_tables(settings, instance, FIRST, LAST, *tables)

    said = failures(result)["silver__loans"]
    assert said.startswith("silver/loans/2024-02-01 was refused: 100.0% of the delivered rows")
    assert "installment_num is not a whole number" in said
    assert materialized(instance, BRONZE_LOANS) == [FIRST, MIDDLE, LAST]
    assert materialized(instance, SILVER_LOANS) == [FIRST]
    assert Datamart(settings.home).months(SILVER_LOANS) == [FIRST]
    assert "gold__labels" not in started_steps(result)
    assert_nothing_half_written(settings)


def test_a_failed_month_says_how_far_the_range_came(
    deliver: Deliver, instance: dg.DagsterInstance
) -> None:
    settings = deliver("monthly")
    file_of(settings, LOANS, LAST).unlink()
    result = run_tables(settings, instance, FIRST, LAST, BRONZE_LOANS)

    (event,) = [event for event in result.all_events if event.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    assert failure.metadata["table"].value == "bronze/loans"
    assert failure.metadata["months written before"].value == "2024-01-01, 2024-02-01"
