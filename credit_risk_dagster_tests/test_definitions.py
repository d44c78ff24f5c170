"""The map of the code location: every asset, check, job, schedule and sensor, and nothing else."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.partitions import months_earlier
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.definitions import definition_of

SOURCES = ("loans", "attributes", "financials", "clickstream")

DEPENDENCIES: dict[str, set[str]] = {
    **{f"bronze/{source}": {f"raw/{source}"} for source in SOURCES},
    **{f"silver/{source}": {f"bronze/{source}"} for source in SOURCES},
    "silver/clickstream_so_far": {"silver/clickstream", "silver/clickstream_so_far"},
    "gold/features": {
        "silver/loans",
        "silver/attributes",
        "silver/financials",
        "silver/clickstream_so_far",
    },
    "gold/labels": {"silver/loans"},
    "gold/cohort": {"gold/labels", "gold/features"},
    "training/training_decision": {"gold/cohort", "training/training_decision"},
    "training/logistic_regression": {"training/training_decision", "gold/cohort", "gold/features"},
    "training/scorecard": {"training/training_decision", "gold/cohort", "gold/features"},
    "training/xgboost": {"training/training_decision", "gold/cohort", "gold/features"},
    "production/production_model": {
        "training/logistic_regression",
        "training/scorecard",
        "training/xgboost",
        "gold/cohort",
        "production/production_model",
    },
    "inference/predictions": {"gold/features", "production/production_model"},
    "monitoring/drift": {
        "inference/predictions",
        "gold/features",
        "production/production_model",
    },
    "monitoring/performance": {
        "gold/cohort",
        "gold/labels",
        "production/production_model",
        "inference/predictions",
    },
    "monitoring/portfolio": {
        "silver/loans",
        "silver/attributes",
        "silver/financials",
        "silver/clickstream",
        "gold/labels",
        "gold/features",
        "inference/predictions",
    },
    "monitoring/early_outcomes": {
        "silver/loans",
        "gold/labels",
        "inference/predictions",
        "monitoring/performance",
        "monitoring/early_outcomes",
    },
    "monitoring/report": {
        "monitoring/drift",
        "monitoring/early_outcomes",
        "monitoring/performance",
        "monitoring/portfolio",
        "production/production_model",
        "training/training_decision",
    },
}

MONTHS_EARLIER = {
    ("monitoring/early_outcomes", "monitoring/early_outcomes"): 1,
    ("silver/clickstream_so_far", "silver/clickstream_so_far"): 1,
    ("gold/cohort", "gold/features"): 6,
    ("training/training_decision", "training/training_decision"): 1,
    ("production/production_model", "production/production_model"): 1,
    ("monitoring/performance", "inference/predictions"): 6,
}

STRUCTURE = {"declared_schema", "as_recorded"}
KEYED = STRUCTURE | {"unique_key"}
CHECKS: dict[str, set[str]] = {
    **{f"bronze/{source}": STRUCTURE | {"delivered", "whole_lines"} for source in SOURCES},
    **{
        f"silver/{source}": KEYED | {"adds_up", "quarantine_share", "no_duplicates"}
        for source in SOURCES
    },
    "silver/clickstream_so_far": KEYED | {"nothing_from_the_future"},
    "gold/features": KEYED | {"nothing_from_the_future", "no_dark_source"},
    "gold/labels": KEYED | {"label_rate"},
    "gold/cohort": KEYED
    | {"nothing_from_the_future", "every_label_has_features", "every_loan_has_a_label"},
    "training/training_decision": KEYED | {"enough_history"},
    "training/logistic_regression": KEYED | {"model_quality"},
    "training/scorecard": KEYED | {"model_quality"},
    "training/xgboost": KEYED | {"model_quality"},
    "production/production_model": KEYED | {"model_in_production"},
    "inference/predictions": KEYED | {"score_sanity"},
    "monitoring/drift": KEYED | {"drift_bands", "reasons_hold"},
    "monitoring/performance": KEYED | {"calibration_holds", "performance_holds"},
    "monitoring/portfolio": KEYED,
    "monitoring/early_outcomes": KEYED | {"early_outcomes_hold"},
    "monitoring/report": KEYED,
}

BLOCKING = KEYED | {"adds_up", "nothing_from_the_future", "score_sanity"}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(installation(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions) -> AssetGraph:
    return definitions.resolve_asset_graph()


def installation(home: Path, *, automation: bool = False) -> Settings:
    return Settings(home=home, first_month="2023-01", last_month="2024-12", automation=automation)


def test_dagster_can_load_everything(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_every_asset_depends_on_what_it_reads(graph: AssetGraph) -> None:
    found = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.materializable_asset_keys
    }
    assert found == DEPENDENCIES


def test_the_raw_files_of_every_source_are_assets_from_outside(graph: AssetGraph) -> None:
    outside = graph.get_all_asset_keys() - graph.materializable_asset_keys
    assert {key.to_user_string() for key in outside} == {f"raw/{source}" for source in SOURCES}
    for key in outside:
        node = graph.get(key)
        assert node.group_name == "raw"
        assert str(node.description).endswith(".")
        assert list(node.owners) == ["team:data-engineering"]


def test_assets_are_grouped_by_layer_described_and_owned(graph: AssetGraph) -> None:
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.group_name == key.path[0]
        assert str(node.description).endswith(".")
        assert set(node.owners) <= {"team:data-engineering", "team:credit-risk"}
        assert len(node.owners) == 1
        assert node.backfill_policy == dg.BackfillPolicy.single_run()
        assert node.partitions_def is not None
        assert node.partitions_def.get_partition_keys()[-1] == "2024-12-01"


def test_dagit_shows_the_version_of_the_definition_of_every_table(graph: AssetGraph) -> None:
    shown = {
        key.to_user_string(): graph.get(key).code_version for key in graph.materializable_asset_keys
    }
    assert shown == {table.path: definition_of(table) for table in ALL_TABLES}


@pytest.mark.parametrize("reader", DEPENDENCIES)
def test_an_asset_reads_the_same_month_or_a_named_earlier_one_and_never_a_later(
    graph: AssetGraph, reader: str
) -> None:
    for read in DEPENDENCIES[reader] & set(DEPENDENCIES):
        mapping = graph.get_partition_mapping(
            dg.AssetKey.from_user_string(reader), dg.AssetKey.from_user_string(read)
        )
        if (reader, read) in MONTHS_EARLIER:
            assert mapping == months_earlier(MONTHS_EARLIER[reader, read])
        else:
            assert isinstance(mapping, dg.TimeWindowPartitionMapping)
            assert (mapping.start_offset, mapping.end_offset) == (0, 0)


def test_every_table_has_its_checks_and_the_hard_ones_block(graph: AssetGraph) -> None:
    found: dict[str, set[str]] = {}
    for key in graph.asset_check_keys:
        found.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
        spec = graph.get_check_spec(key)
        assert spec.blocking == (key.name in BLOCKING)
        assert str(spec.description).endswith(".")
    assert found == CHECKS


def test_the_monthly_job_runs_everything_and_the_training_job_the_training_alone(
    definitions: dg.Definitions,
) -> None:
    monthly = definitions.resolve_job_def("monthly").asset_layer
    training = definitions.resolve_job_def("training").asset_layer

    assert {key.to_user_string() for key in monthly.executable_asset_keys} == set(DEPENDENCIES)
    assert len(monthly.asset_graph.asset_check_keys) == sum(map(len, CHECKS.values()))
    assert {key.to_user_string() for key in training.executable_asset_keys} == {
        "training/training_decision",
        "training/logistic_regression",
        "training/scorecard",
        "training/xgboost",
        "production/production_model",
    }


def test_sensors_and_schedules_start_the_jobs(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    sensors = {sensor.name: sensor for sensor in repository.sensor_defs}
    schedules = {
        schedule.name: (schedule.job_name, schedule.cron_schedule, schedule.execution_timezone)
        for schedule in repository.schedule_defs
    }

    assert set(sensors) == {
        "delivery_arrived",
        "training_due",
        "alerts",
    }
    started = {target.job_name for target in sensors["delivery_arrived"].targets}
    assert started == {"monthly", "take_deliveries"}
    assert sensors["training_due"].job_name == "training"
    assert schedules == {
        "month_deadline": ("monthly", "0 6 5 * *", "UTC"),
        "weekly_maintenance": ("maintenance", "0 3 * * 0", "UTC"),
    }


@pytest.mark.parametrize("automation", [False, True])
def test_automation_is_switched_on_by_a_setting_and_alerts_always_are(
    tmp_path: Path, automation: bool
) -> None:
    definitions = build_definitions(installation(tmp_path, automation=automation))
    repository = definitions.get_repository_def()
    on = {
        sensor.name
        for sensor in repository.sensor_defs
        if sensor.default_status == dg.DefaultSensorStatus.RUNNING
    }
    automatic = {"delivery_arrived", "training_due"} if automation else set()
    assert on == {"alerts"} | automatic
    assert len(repository.schedule_defs) == 2
    for schedule in repository.schedule_defs:
        assert (schedule.default_status == dg.DefaultScheduleStatus.RUNNING) == automation
