"""A check looks at the months of its run once, names the bad ones, and stops what it must."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import dagster as dg
import pytest

from credit_risk_dagster.automation.runs import month_tags
from credit_risk_dagster.checks.catalogue import monthly_checks
from credit_risk_dagster.checks.monthly_check import MonthlyCheck, build_checks, months_of_run
from credit_risk_dagster.contract.reference import ATTRIBUTES, LOANS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import LABELS
from credit_risk_dagster_tests.checks.tampering import rewrite, tamper
from credit_risk_dagster_tests.deliveries import (
    FIRST,
    LAST,
    MIDDLE,
    change_text,
    delivered,
    file_of,
)
from credit_risk_dagster_tests.reference_tables import (
    BRONZE_ATTRIBUTES,
    BRONZE_LOANS,
    SILVER_ATTRIBUTES,
    SILVER_LOANS,
)
from credit_risk_dagster_tests.scored import TRAINED
from credit_risk_dagster_tests.table_runs import (
    QUIET,
    evaluations,
    failed,
    failed_steps,
    run_tables,
    started_steps,
)

LOAN_TABLES = (BRONZE_LOANS, SILVER_LOANS, LABELS)

STRUCTURE = {"declared_schema", "as_recorded", "unique_key"}
BLOCKING = STRUCTURE | {"adds_up", "nothing_from_the_future", "score_sanity"}
WARNINGS = {"delivered", "no_duplicates", "enough_history", "model_in_production"}
NOISY = {"monitoring/drift drift_bands"}
"""What sixty applicants a month may set off."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return delivered("monthly", tmp_path, tmp_path_factory)


def look(
    settings: Settings,
    instance: dg.DagsterInstance,
    checks: Sequence[MonthlyCheck],
    tags: Mapping[str, str],
) -> Mapping[str, dg.AssetCheckEvaluation]:
    """Evaluate checks alone, as from the checks' page of the web interface."""
    definitions = dg.Definitions(
        asset_checks=build_checks(checks),
        jobs=[dg.define_asset_job("look", selection=dg.AssetSelection.all_asset_checks())],
        resources={"datamart": Datamart(settings.home), "settings": settings},
        executor=dg.in_process_executor,
    )
    job = definitions.resolve_job_def("look")
    result = job.execute_in_process(
        instance=instance, tags=dict(tags), run_config=QUIET, raise_on_error=False
    )
    return evaluations(result)


@pytest.mark.slow
def test_every_check_holds_for_a_good_month_with_its_severity(
    scored: Settings, instance: dg.DagsterInstance
) -> None:
    found = look(scored, instance, monthly_checks(), month_tags(TRAINED, TRAINED))

    assert len(found) == len(monthly_checks())
    assert {name for name, one in found.items() if not one.passed} <= NOISY
    for name, one in found.items():
        check = name.split()[-1]
        warns = check in WARNINGS
        assert one.blocking == (check in BLOCKING), name
        assert (one.severity == dg.AssetCheckSeverity.WARN) == warns, name
        assert one.metadata["months"].value == [TRAINED]
        assert one.metadata["failed months"].value == ([] if one.passed else [TRAINED])


def test_a_failed_blocking_check_stops_what_is_downstream_until_the_rows_add_up_again(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert run_tables(settings, instance, MIDDLE, MIDDLE, *LOAN_TABLES).success
    rows = Datamart(settings.home).required_record(BRONZE_LOANS, MIDDLE).rows
    rewrite(settings, BRONZE_LOANS, MIDDLE, facts={"delivered": rows + 1})
    delivery = file_of(settings, LOANS)
    cleared_away = delivery.rename(delivery.with_name(f".{delivery.name}"))
    stopped = run_tables(settings, instance, MIDDLE, MIDDLE, *LOAN_TABLES)

    assert not stopped.success
    assert failed_steps(stopped) == ["silver__loans__checks"]
    assert failed(stopped) == {
        "silver/loans adds_up": f"2024-02: {rows} accepted + 0 quarantined + 0 duplicates + 0 "
        f"unreadable of {rows + 1} delivered."
    }
    assert {"silver__loans", "bronze__loans"} <= started_steps(stopped)
    assert "gold__labels" not in started_steps(stopped)

    cleared_away.rename(delivery)
    assert run_tables(settings, instance, MIDDLE, MIDDLE, *LOAN_TABLES).success


def test_changed_rows_are_found_by_their_check_and_a_run_of_the_month_brings_them_back(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert run_tables(settings, instance, MIDDLE, MIDDLE, *LOAN_TABLES).success
    rows = Datamart(settings.home).read(SILVER_LOANS, [MIDDLE])
    checks = [check for check in monthly_checks() if check.table == SILVER_LOANS]
    tamper(settings, SILVER_LOANS, MIDDLE, lambda rows: rows.slice(1))
    found = look(settings, instance, checks, month_tags(MIDDLE, MIDDLE))

    assert [name for name, one in found.items() if not one.passed] == ["silver/loans as_recorded"]
    assert str(found["silver/loans as_recorded"].description).endswith(
        "Run 2024-02 again: `credit-risk run --months 2024-02`."
    )

    again = run_tables(settings, instance, MIDDLE, MIDDLE, *LOAN_TABLES)
    assert again.success
    assert failed(again) == {}
    assert Datamart(settings.home).read(SILVER_LOANS, [MIDDLE]).equals(rows)


def test_a_failed_check_that_does_not_block_fails_no_run(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    change_text(settings, ATTRIBUTES, lambda text: text[:-8])
    tables = (BRONZE_ATTRIBUTES, SILVER_ATTRIBUTES)
    result = run_tables(settings, instance, MIDDLE, MIDDLE, *tables)

    assert result.success
    assert "silver__attributes" in started_steps(result)
    whole_lines = evaluations(result)["bronze/attributes whole_lines"]
    assert not whole_lines.passed
    assert whole_lines.severity == dg.AssetCheckSeverity.ERROR
    assert not whole_lines.blocking


def test_in_a_range_a_check_is_evaluated_once_and_names_the_months_that_fail(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    for month in (FIRST, LAST):
        change_text(settings, ATTRIBUTES, lambda text: text[:-8], month)
    result = run_tables(settings, instance, FIRST, LAST, BRONZE_ATTRIBUTES)

    found = evaluations(result)
    whole_lines = found["bronze/attributes whole_lines"]
    assert not whole_lines.passed
    assert whole_lines.metadata["months"].value == [FIRST, MIDDLE, LAST]
    assert whole_lines.metadata["failed months"].value == [FIRST, LAST]
    assert whole_lines.metadata[f"{FIRST} rejected"].value == 1
    assert whole_lines.metadata[f"{MIDDLE} rejected"].value == 0
    said = str(whole_lines.description)
    assert said.startswith("2 of 3 months fail. 2024-01: 1 line could not be read")
    assert " 2024-03: 1 line could not be read" in said
    assert "2024-02" not in said.replace("features_attributes_2024_02", "")
    assert found["bronze/attributes declared_schema"].description == (
        "All 3 months hold. Columns not as declared: none."
    )


def test_a_check_that_is_evaluated_for_no_month_looks_at_the_newest(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert run_tables(settings, instance, FIRST, MIDDLE, BRONZE_ATTRIBUTES).success
    checks = [check for check in monthly_checks() if check.table == BRONZE_ATTRIBUTES]
    found = look(settings, instance, checks, {})
    assert [one.metadata["months"].value for one in found.values()] == [[MIDDLE]] * len(checks)


def test_a_table_without_any_month_has_nothing_to_look_at(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    checks = [check for check in monthly_checks() if check.table == BRONZE_ATTRIBUTES]
    found = look(settings, instance, checks, {})
    assert {one.description for one in found.values()} == {"No month to look at."}


def test_a_run_is_for_one_month_for_a_range_or_for_none() -> None:
    assert months_of_run(month_tags(MIDDLE, MIDDLE)) == [MIDDLE]
    assert months_of_run(month_tags(FIRST, LAST)) == [FIRST, MIDDLE, LAST]
    assert months_of_run({}) == []
