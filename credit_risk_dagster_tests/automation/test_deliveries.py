"""Stories of deliveries: which months are run again, and what bronze holds then."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from credit_risk_dagster.assets.raw import raw_key
from credit_risk_dagster.automation import due as due_module
from credit_risk_dagster.automation.due import DueMonth, next_due_month, readable_months
from credit_risk_dagster.automation.taking import ATTEMPTS, TAKE_JOB
from credit_risk_dagster.contract.reference import ATTRIBUTES, CLICKSTREAM, LOANS
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Source
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.delivery.delivered import take_arrivals
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.people import (
    accept_file,
    waive_month,
    withdraw_file,
    withdraw_month,
)
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster.observability.alerting.active import active_alerts
from credit_risk_dagster.resources.tables import open_index
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.automation.ticks import sensor_tick
from credit_risk_dagster_tests.deliveries import FIRST, LAST, MIDDLE, delivered, file_of
from credit_risk_dagster_tests.scored import WAITING, copy_of, scored_installation
from credit_risk_dagster_tests.table_runs import failed, failures, run_tables

STEM = LOANS.files[0]
TABLES = tuple(BRONZE.values())


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def settings(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Three months, a file each; as if there were no tables but bronze, which a run makes fast."""
    monkeypatch.setattr(due_module, "ALL_TABLES", TABLES)
    return delivered("monthly", tmp_path, tmp_path_factory)


def now() -> datetime:
    return datetime.now(UTC)


def next_due(settings: Settings) -> DueMonth | None:
    ledger = DeliveryLedger(settings.metrics_store_url)
    decisions = take_arrivals(settings, ledger, now()).decisions
    deliveries = readable_months(settings, decisions, now().date())
    return next_due_month(settings, open_index(settings), deliveries, LAST)


def run_due(settings: Settings, instance: dg.DagsterInstance) -> list[str]:
    """Run what is due until nothing is, or something is missing; return the months."""
    months: list[str] = []
    while (due := next_due(settings)) is not None and not due.missing:
        assert due.month not in months, due.reason
        assert run_tables(settings, instance, due.month, due.month, *TABLES).success
        months.append(due.month)
    return months


def bronze(settings: Settings, source: Source, month: str) -> MonthRecord:
    return Datamart(settings.home).required_record(BRONZE[source.name], month)


def read_from(settings: Settings, source: Source, month: str) -> set[str]:
    """The files that the rows of a month came from."""
    rows = Datamart(settings.home).read(BRONZE[source.name], [month])
    return set(rows.column("source_file").to_pylist())


def copied(
    settings: Settings,
    source: Source,
    name: str,
    change: Callable[[str], str] = lambda text: text,
    month: str = MIDDLE,
    keep: slice = slice(None),
) -> Path:
    """Deliver a month once more under another name, changed, or some of its lines."""
    header, *lines = file_of(settings, source, month).read_text(encoding="utf-8").splitlines()
    path = settings.raw_folder / name
    text = "\n".join([header, *(change(line) for line in lines[keep]), ""])
    path.write_text(text, encoding="utf-8")
    return path


def test_a_late_delivery_starts_its_month_and_no_other(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    late = file_of(settings, CLICKSTREAM, LAST)
    kept = late.rename(late.with_suffix(".late"))
    assert run_due(settings, instance) == [FIRST, MIDDLE]
    waiting = next_due(settings)
    assert waiting is not None
    assert (waiting.month, waiting.missing) == (LAST, ("clickstream",))
    kept.rename(late)
    assert run_due(settings, instance) == [LAST]
    assert run_due(settings, instance) == []


def test_a_correction_beside_the_original_replaces_it(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run_due(settings, instance)
    before = bronze(settings, LOANS, MIDDLE)
    copied(settings, LOANS, f"{STEM}_2024-02_corrected.csv", lambda line: line.replace("0", "1", 1))
    assert run_due(settings, instance) == [MIDDLE]
    after = bronze(settings, LOANS, MIDDLE)
    assert after.rows == before.rows == after.facts["delivered"]
    assert after.content_hash != before.content_hash
    assert read_from(settings, LOANS, MIDDLE) == {f"{STEM}_2024-02_corrected.csv"}


def test_a_delivery_that_is_repeated_changes_nothing(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run_due(settings, instance)
    before = bronze(settings, LOANS, MIDDLE)
    copied(settings, LOANS, f"{STEM}_2024-02_again.csv")
    assert run_due(settings, instance) == []
    assert bronze(settings, LOANS, MIDDLE) == before


def test_a_cumulative_file_that_overlaps_runs_the_months_that_it_changes(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run_due(settings, instance)
    parts = [file_of(settings, LOANS, month).read_text("utf-8") for month in (FIRST, MIDDLE, LAST)]
    header = parts[0].splitlines()[0]
    lines = [line for part in parts for line in part.splitlines()[1:]]
    last = next(number for number, line in enumerate(lines) if LAST in line)
    del lines[last]
    whole = settings.raw_folder / f"{STEM}.csv"
    whole.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    rows = bronze(settings, LOANS, LAST).rows
    assert run_due(settings, instance) == [LAST]
    assert bronze(settings, LOANS, LAST).rows == rows - 1
    assert read_from(settings, LOANS, LAST) == {whole.name}
    assert read_from(settings, LOANS, FIRST) == {file_of(settings, LOANS, FIRST).name}


def test_an_older_file_that_arrives_later_changes_nothing(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run_due(settings, instance)
    path = copied(settings, LOANS, f"{STEM}_2024-02_draft.csv", keep=slice(5))
    os.utime(path, (1_500_000_000, 1_500_000_000))
    assert run_due(settings, instance) == []


def test_a_delivery_in_parts_counts_when_the_last_of_them_is_there(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run_due(settings, instance)
    rows = bronze(settings, LOANS, MIDDLE).rows
    parts = [slice(5, 9), slice(9, None)]
    for number, keep in enumerate(parts, start=2):
        copied(settings, LOANS, f"{STEM}_2024-02_part{number}of3.csv", keep=keep)
    assert run_due(settings, instance) == []
    copied(
        settings,
        LOANS,
        f"{STEM}_2024-02_part1of3.csv",
        lambda line: line.replace("0", "1", 1),
        keep=slice(5),
    )
    assert run_due(settings, instance) == [MIDDLE]
    assert bronze(settings, LOANS, MIDDLE).rows == rows
    assert len(read_from(settings, LOANS, MIDDLE)) == 3


def test_a_file_that_is_not_what_its_control_file_says_is_set_aside_and_told_once(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run_due(settings, instance)
    path = copied(settings, LOANS, f"{STEM}_2024-02_short.csv", keep=slice(5))
    path.with_name(path.name + ".control").write_text("rows=60\n")
    assert run_due(settings, instance) == []
    alerts = [
        alert
        for _ in range(2)
        for alert in active_alerts(
            instance, Datamart(settings.home), open_index(settings), settings, now().date()
        )
        if alert.rule == "refused_delivery"
    ]
    assert {(alert.condition, alert.month) for alert in alerts} == {
        (f"refused_delivery {path.name}", MIDDLE)
    }
    assert "it has 5 rows where its control file says 60" in alerts[0].sentence


def test_a_withdrawn_correction_gives_the_month_back_to_the_original(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run_due(settings, instance)
    before = bronze(settings, LOANS, MIDDLE)
    path = copied(settings, LOANS, f"{STEM}_2024-02_wrong.csv", keep=slice(40))
    assert run_due(settings, instance) == [MIDDLE]
    ledger = DeliveryLedger(settings.metrics_store_url)
    withdraw_file(settings, ledger, path.name, "of another bank", "ann", now())
    assert run_due(settings, instance) == [MIDDLE]
    after = bronze(settings, LOANS, MIDDLE)
    assert after.says_the_same_as(before)
    assert read_from(settings, LOANS, MIDDLE) == {file_of(settings, LOANS).name}


def test_a_withdrawn_month_stays_as_it_was_made_until_it_is_delivered_again(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run_due(settings, instance)
    before = bronze(settings, LOANS, MIDDLE)
    ledger = DeliveryLedger(settings.metrics_store_url)
    withdraw_month(settings, ledger, "loans", MIDDLE, "rates were wrong", "ann", now())
    assert run_due(settings, instance) == []
    by_hand = run_tables(settings, instance, MIDDLE, MIDDLE, BRONZE["loans"])
    (event,) = by_hand.asset_materializations_for_node("bronze__loans")
    assert "is withdrawn: by ann" in str(event.metadata["kept"].value)
    assert bronze(settings, LOANS, MIDDLE) == before
    (alert,) = active_alerts(
        instance,
        Datamart(settings.home),
        open_index(settings),
        settings,
        datetime(2024, 3, 1).date(),
    )
    assert (alert.condition, alert.month) == ("waiting_delivery loans", MIDDLE)
    copied(settings, LOANS, f"{STEM}_2024-02_new.csv", keep=slice(50))
    assert run_due(settings, instance) == [MIDDLE]
    assert bronze(settings, LOANS, MIDDLE).rows == 50


def test_a_waived_month_is_run_without_the_source_and_again_when_it_comes(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    late = file_of(settings, ATTRIBUTES, LAST)
    kept = late.rename(late.with_suffix(".late"))
    ledger = DeliveryLedger(settings.metrics_store_url)
    waive_month(settings, ledger, "attributes", LAST, "system is down", "ann", now())
    assert run_due(settings, instance) == [FIRST, MIDDLE, LAST]
    record = bronze(settings, ATTRIBUTES, LAST)
    assert (record.rows, record.facts["delivered"]) == (0, 0)
    assert str(record.provenance["waived"]).endswith(": system is down")
    result = run_tables(settings, instance, LAST, LAST, BRONZE["attributes"])
    assert failed(result)["bronze/attributes delivered"].endswith(": system is down.")
    assert run_due(settings, instance) == []
    kept.rename(late)
    assert run_due(settings, instance) == [LAST]
    delivered_rows = len(late.read_text("utf-8").splitlines()) - 1
    assert bronze(settings, ATTRIBUTES, LAST).rows == delivered_rows
    assert bronze(settings, ATTRIBUTES, LAST).provenance["waived"] is None


def test_what_people_may_not_decide_is_said(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    ledger = DeliveryLedger(settings.metrics_store_url)
    take_arrivals(settings, ledger, now(), at_once=True)
    with pytest.raises(DeliveryError, match="without its rows there is no month"):
        waive_month(settings, ledger, "loans", LAST, "why", "ann", now())
    with pytest.raises(DeliveryError, match="attributes was delivered for 2024-03, by "):
        waive_month(settings, ledger, "attributes", LAST, "why", "ann", now())
    with pytest.raises(DeliveryError, match="There is no source loan"):
        withdraw_month(settings, ledger, "loan", LAST, "why", "ann", now())
    with pytest.raises(DeliveryError, match="Nothing of loans was delivered for 2025-01"):
        withdraw_month(settings, ledger, "loans", "2025-01-01", "why", "ann", now())
    with pytest.raises(DeliveryError, match="neither waits nor is withdrawn: it is accepted"):
        accept_file(settings, ledger, file_of(settings, LOANS).name, "why", "ann", now())
    with pytest.raises(DeliveryError, match="There is no file nowhere"):
        withdraw_file(settings, ledger, "nowhere.csv", "why", "ann", now())
    with pytest.raises(DeliveryError, match="Say why"):
        withdraw_file(settings, ledger, file_of(settings, LOANS).name, " ", "ann", now())
    assert all(not one.actions for one in ledger.entries().values())


def test_a_bad_header_stops_its_month_alone(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    path = file_of(settings, LOANS, LAST)
    path.write_text(path.read_text("utf-8").replace("loan_id", "id", 1), encoding="utf-8")
    assert run_due(settings, instance) == [FIRST, MIDDLE]
    result = run_tables(settings, instance, LAST, LAST, BRONZE["loans"])
    assert f"{path.name} lacks loan_id" in failures(result)["bronze__loans"]


def test_every_taken_file_is_observed_in_dagit_without_its_rows(
    settings: Settings, tmp_path: Path
) -> None:
    with dg.instance_for_test() as instance:
        run_tables(settings, instance, FIRST, LAST, BRONZE["attributes"])
        run_tables(settings, instance, FIRST, LAST, BRONZE["attributes"])
        records = instance.fetch_observations(raw_key(ATTRIBUTES), limit=100).records
    observed = [record.asset_observation for record in records]
    assert len(observed) == 3
    files = {one.metadata["file"].value for one in observed if one is not None}
    assert files == {file_of(settings, ATTRIBUTES, month).name for month in (FIRST, MIDDLE, LAST)}
    text = str(observed)
    assert "'decision': TextMetadataValue(text='accepted')" in text
    header, line, *_ = file_of(settings, ATTRIBUTES).read_text("utf-8").splitlines()
    named = dict(zip(header.split(","), line.split(","), strict=False))
    assert SNAPSHOT_DATE in named
    assert named["SSN"] not in text


def test_a_file_too_large_for_a_look_is_taken_by_a_run_before_its_month_starts(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    path = file_of(settings, LOANS, FIRST)
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0], *lines[1:] * 300, ""]), encoding="utf-8")
    assert path.stat().st_size > 1_000_000
    small = settings.model_copy(
        update={"deliveries": settings.deliveries.model_copy(update={"megabytes_a_look": 1})}
    )
    asked = sensor_tick("delivery_arrived", small, instance).request
    assert asked.run_key.startswith(f"{TAKE_JOB}-")
    job = build_definitions(small).resolve_job_def(TAKE_JOB)
    assert job.execute_in_process(instance=instance, tags=dict(asked.tags)).success
    following = sensor_tick("delivery_arrived", small, instance).request
    assert following.month == FIRST


def test_months_go_on_when_no_run_could_take_a_file(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    path = file_of(settings, LOANS, LAST)
    path.write_bytes(path.read_bytes() + b" " * 1_000_000)
    small = settings.model_copy(
        update={"deliveries": settings.deliveries.model_copy(update={"megabytes_a_look": 1})}
    )
    for _ in range(ATTEMPTS):
        asked = sensor_tick("delivery_arrived", small, instance).request
        assert asked.run_key.startswith(f"{TAKE_JOB}-")
        failed_run = dg.DagsterRunStatus.FAILURE
        create_run_for_test(instance, job_name=TAKE_JOB, tags=dict(asked.tags), status=failed_run)
    assert sensor_tick("delivery_arrived", small, instance).request.month == FIRST


@pytest.mark.slow
def test_applicants_are_scored_without_a_waived_source_and_a_check_names_it(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance
) -> None:
    settings = copy_of(scored_installation(tmp_path_factory), tmp_path)
    path = settings.raw_folder / f"{ATTRIBUTES.files[0]}.csv"
    lines = path.read_text("utf-8").splitlines()
    kept = [line for line in lines if WAITING not in line]
    assert len(kept) < len(lines)
    path.write_text("\n".join([*kept, ""]), encoding="utf-8")
    without = run_tables(settings, instance, WAITING, WAITING, BRONZE["attributes"])
    assert "nothing was delivered for 2024-03" in failures(without)["bronze__attributes"]
    ledger = DeliveryLedger(settings.metrics_store_url)
    waive_month(settings, ledger, "attributes", WAITING, "not ready", "ann", now())
    result = run_tables(settings, instance, WAITING, WAITING)
    assert result.success, failures(result)
    assert Datamart(settings.home).required_record(PREDICTIONS, WAITING).rows > 0
    assert "Run without attributes: waived by ann" in failed(result)["bronze/attributes delivered"]
