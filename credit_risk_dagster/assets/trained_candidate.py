"""What is kept of a trained candidate: its model, its MLflow run and its record."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from credit_risk_dagster.contract.features import FEATURES
from credit_risk_dagster.models.evaluation import evaluate
from credit_risk_dagster.models.reference import model_inputs
from credit_risk_dagster.models.split import TrainingWindow
from credit_risk_dagster.models.training_rows import in_order, rows_of
from credit_risk_dagster.monitoring.reference import freeze_reference
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.resources.tracking import ModelTracking

if TYPE_CHECKING:
    from credit_risk_dagster.models.training import TrainedCandidate

TRAINED = "trained"


def candidate_card(
    month: str,
    key: str,
    trained: "TrainedCandidate",
    window: TrainingWindow,
    threshold: float,
) -> dict[str, Any]:
    """Return what is recorded of a model beside it."""
    from credit_risk_dagster.models.identity import model_id

    samples = {
        "train": (trained.train_labels, trained.train_probabilities),
        "test": (trained.test_labels, trained.test_probabilities),
        "oot": (trained.oot_labels, trained.oot_probabilities),
    }
    return {
        "model_id": model_id(month, trained.candidate, key, trained.learned_hash),
        "candidate": trained.candidate,
        "trained_in": month,
        "training_key": key,
        "window": asdict(window),
        "parameters": dict(trained.parameters),
        "features": list(FEATURES),
        "trials": [asdict(trial) for trial in trained.tuning.trials],
        "metrics": {
            sample: {
                name: asdict(metric)
                for name, metric in evaluate(labels, probabilities, threshold).items()
            }
            for sample, (labels, probabilities) in samples.items()
        },
    }


def keep_candidate(
    context: dg.AssetExecutionContext,
    card: dict[str, Any],
    trained: "TrainedCandidate",
    frame: pd.DataFrame,
    window: TrainingWindow,
    models: ModelStore,
    tracking: ModelTracking,
) -> dict[str, Any]:
    """Keep the model and its MLflow run; return the candidate's record."""
    identity, key = card["model_id"], card["training_key"]
    training_rows = rows_of(in_order(frame), window.fit)
    reference = freeze_reference(
        model_inputs(trained.pipeline, training_rows),
        training_rows["loan_id"],
        pd.Series(trained.oot_probabilities),
        pd.Series(trained.oot_loan_ids),
    )
    sha256 = models.save(identity, trained.pipeline, card, reference)
    run_id = tracking.finished_run(key, identity)
    auc = {sample: figures["auc"] for sample, figures in card["metrics"].items()}
    return {
        "action": TRAINED,
        "model_id": identity,
        "training_key": key,
        "parameters": json.dumps(card["parameters"], sort_keys=True),
        **{f"{sample}_auc": figure["value"] for sample, figure in auc.items()},
        **{f"{sample}_size": figure["sample_size"] for sample, figure in auc.items()},
        "oot_auc_lower": auc["oot"]["lower"],
        "oot_auc_upper": auc["oot"]["upper"],
        "tuning_auc": trained.tuning.mean_auc,
        "model_sha256": sha256,
        "mlflow_run_id": run_id or _log_run(context, card, trained, models, tracking),
    }


def out_of_time_scores(
    trained: "TrainedCandidate", frame: pd.DataFrame, window: TrainingWindow
) -> pa.Table:
    """Return the scores of the rows that judge a candidate, which it has never seen."""
    cohorts = rows_of(in_order(frame), window.out_of_time)["cohort"]
    return pa.table(
        {
            "loan_id": pa.array(trained.oot_loan_ids, pa.string()),
            "cohort": pa.array(cohorts, pa.string()),
            "default": pa.array(trained.oot_labels, pa.int64()),
            "probability": pa.array(trained.oot_probabilities, pa.float64()),
        }
    )


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
