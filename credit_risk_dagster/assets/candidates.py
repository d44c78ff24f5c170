"""The two candidates of a month: tuned, tested, refitted and judged where training is due."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from credit_risk_dagster.assets.monthly import (
    Metadata,
    Written,
    depends_on,
    monthly_asset,
    report_months,
    table_metadata,
)
from credit_risk_dagster.assets.plots import discrimination_plot, tuning_plot
from credit_risk_dagster.datamart import Datamart
from credit_risk_dagster.features import FEATURES
from credit_risk_dagster.manifest import Manifest
from credit_risk_dagster.model_store import ModelStore, cohort_frame
from credit_risk_dagster.models.candidates import CANDIDATES, CandidateName
from credit_risk_dagster.models.evaluation import evaluate
from credit_risk_dagster.models.reference import model_inputs
from credit_risk_dagster.models.split import TrainingWindow, training_window
from credit_risk_dagster.models.training_rows import in_order, rows_of
from credit_risk_dagster.monitoring.reference import freeze_reference
from credit_risk_dagster.months import first_day
from credit_risk_dagster.resources.tracking import ModelTracking
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import COHORT
from credit_risk_dagster.tables.table import Table
from credit_risk_dagster.tables.training import (
    CANDIDATE_TABLES,
    OUT_OF_TIME_SCORES,
    TRAINING_DECISION,
)

if TYPE_CHECKING:
    from credit_risk_dagster.models.training import TrainedCandidate

TRAINED = "trained"
NOT_DUE = "not_due"


def candidate_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return one asset per candidate."""
    return [_candidate(name, months) for name in CANDIDATES]


def _candidate(name: CandidateName, months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    table = CANDIDATE_TABLES[name]

    @monthly_asset(
        table,
        months,
        deps=[depends_on(TRAINING_DECISION), depends_on(COHORT)],
        description=f"The {name.replace('_', ' ')} of the month: tuned, tested, refitted, judged "
        "out of time; where no training is due, a record that says so.",
        kinds={"scikitlearn" if name == "logistic_regression" else "xgboost", "optuna", "mlflow"},
        owner="credit-risk",
    )
    def candidate(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        models: dg.ResourceParam[ModelStore],
        tracking: ModelTracking,
    ) -> None:
        report_months(
            context, table, _write_candidates(context, name, datamart, settings, models, tracking)
        )

    return candidate


def _write_candidates(
    context: dg.AssetExecutionContext,
    name: CandidateName,
    datamart: Datamart,
    settings: Settings,
    models: ModelStore,
    tracking: ModelTracking,
) -> Written:
    from credit_risk_dagster.models.identity import training_key, training_rows_hash
    from credit_risk_dagster.models.training import train_candidate

    table = CANDIDATE_TABLES[name]
    for month in context.partition_keys:
        inputs = datamart.hashes(TRAINING_DECISION, [month])
        decision = datamart.read(TRAINING_DECISION, [month]).to_pylist()[0]
        if not decision["cohorts"]:
            row = {"action": NOT_DUE, "reason": decision["reason"]}
            manifest = datamart.write(table, month, _rows(month, table.schema, row), inputs=inputs)
            yield month, table_metadata(datamart, table, manifest, **row)
            continue
        cohorts = decision["cohorts"].split(",")
        inputs |= datamart.hashes(COHORT, cohorts)
        frame = cohort_frame(datamart.read(COHORT, cohorts).to_pandas())
        window = training_window(cohorts, settings.policy)
        key = training_key(
            training_rows_hash(frame),
            {"trials": settings.tuning.trials},
            settings.tuning.seed,
            name,
            window,
        )
        kept = datamart.manifest(table, month)
        if kept is None or kept.inputs != inputs or kept.facts.get("training_key") != key:
            context.log.info("%s: tuning %s on %d cohorts", month, name, len(window.train))
            tuning = settings.tuning
            trained = train_candidate(
                frame, window, name, tuning.trials, tuning.seed, tuning.threads
            )
            row = _keep(context, month, key, trained, frame, window, decision, models, tracking)
            kept = datamart.write(
                table,
                month,
                _rows(month, table.schema, row),
                inputs=inputs,
                beside={OUT_OF_TIME_SCORES: _out_of_time_scores(trained, frame, window)},
                facts={"training_key": key},
            )
        yield month, _candidate_metadata(datamart, models, table, kept)


def _candidate_metadata(
    datamart: Datamart, models: ModelStore, table: Table, manifest: Manifest
) -> Metadata:
    row = datamart.read(table, [manifest.month]).to_pylist()[0]
    scores = datamart.read_beside(table, manifest.month, OUT_OF_TIME_SCORES).to_pandas()
    trials = models.card(row["model_id"])["trials"]
    figures = {name: value for name, value in row.items() if name != "snapshot_date"}
    return table_metadata(
        datamart,
        table,
        manifest,
        **figures | {"parameters": dg.MetadataValue.json(json.loads(row["parameters"]))},
        discrimination=discrimination_plot(
            scores["default"].to_numpy(), scores["probability"].to_numpy()
        ),
        tuning=tuning_plot([trial["mean_auc"] for trial in trials]),
    )


def _keep(
    context: dg.AssetExecutionContext,
    month: str,
    key: str,
    trained: "TrainedCandidate",
    frame: pd.DataFrame,
    window: TrainingWindow,
    decision: dict[str, Any],
    models: ModelStore,
    tracking: ModelTracking,
) -> dict[str, Any]:
    """Keep the model and its MLflow run; return the candidate's record."""
    from credit_risk_dagster.models.identity import model_id

    identity = model_id(month, trained.candidate, key, trained.learned_hash)
    metrics = {
        sample: evaluate(labels, probabilities)
        for sample, labels, probabilities in (
            ("train", trained.train_labels, trained.train_probabilities),
            ("test", trained.test_labels, trained.test_probabilities),
            ("oot", trained.oot_labels, trained.oot_probabilities),
        )
    }
    card = {
        "model_id": identity,
        "candidate": trained.candidate,
        "trained_in": month,
        "training_key": key,
        "window": asdict(window),
        "parameters": dict(trained.parameters),
        "features": list(FEATURES),
        "trials": [asdict(trial) for trial in trained.tuning.trials],
        "metrics": {
            sample: {name: asdict(metric) for name, metric in values.items()}
            for sample, values in metrics.items()
        },
    }
    training_rows = rows_of(in_order(frame), window.fit)
    reference = freeze_reference(
        model_inputs(trained.pipeline, training_rows),
        training_rows["loan_id"],
        pd.Series(trained.oot_probabilities),
    )
    sha256 = models.save(identity, trained.pipeline, card, reference)
    run_id = tracking.finished_run(key) or _log_run(context, card, trained, models, tracking)
    auc = {sample: values["auc"] for sample, values in metrics.items()}
    return {
        "action": TRAINED,
        "reason": decision["reason"],
        "model_id": identity,
        "training_key": key,
        "parameters": json.dumps(dict(trained.parameters), sort_keys=True),
        "train_auc": auc["train"].value,
        "test_auc": auc["test"].value,
        "oot_auc": auc["oot"].value,
        "oot_auc_lower": auc["oot"].lower,
        "oot_auc_upper": auc["oot"].upper,
        "tuning_auc": trained.tuning.mean_auc,
        "train_size": auc["train"].sample_size,
        "test_size": auc["test"].sample_size,
        "oot_size": auc["oot"].sample_size,
        "model_sha256": sha256,
        "mlflow_run_id": run_id,
    }


def _log_run(
    context: dg.AssetExecutionContext,
    card: dict[str, Any],
    trained: "TrainedCandidate",
    models: ModelStore,
    tracking: ModelTracking,
) -> str:
    from credit_risk_dagster.resources.candidate_run import log_candidate

    name = f"{card['trained_in'][:7]} {trained.candidate}"
    tags = {
        "model_id": card["model_id"],
        "training_key": card["training_key"],
        "month": card["trained_in"],
        "candidate": trained.candidate,
        "dagster_run_id": context.run.run_id,
    }
    with tracking.candidate_run(context, name, tags) as run_id:
        log_candidate(tracking.client(), run_id, card, trained, models.path(card["model_id"]))
    return run_id


def _rows(month: str, schema: pa.Schema, row: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([{"snapshot_date": first_day(month), **row}], schema=schema)


def _out_of_time_scores(
    trained: "TrainedCandidate", frame: pd.DataFrame, window: TrainingWindow
) -> pa.Table:
    cohorts = rows_of(in_order(frame), window.out_of_time)["cohort"]
    return pa.table(
        {
            "loan_id": pa.array(trained.oot_loan_ids, pa.string()),
            "cohort": pa.array(cohorts, pa.string()),
            "default": pa.array(trained.oot_labels, pa.int64()),
            "probability": pa.array(trained.oot_probabilities, pa.float64()),
        }
    )
