"""What is kept of a trained candidate: its model, its MLflow run and its record."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from credit_risk_dagster.contract.features import EVIDENCE, SCORED_CATEGORIES, SCORED_NUMBERS
from credit_risk_dagster.models.dark_sources import masked
from credit_risk_dagster.models.evaluation import evaluate
from credit_risk_dagster.models.explanation import explain, reason_inputs
from credit_risk_dagster.models.gates import (
    Gate,
    as_records,
    calibration_gate,
    dark_gate,
    overfit_gate,
    reasons_gate,
)
from credit_risk_dagster.models.reason_quality import (
    RiskBins,
    contradicting,
    contradicting_share,
    reason_coverage,
    risk_bins,
)
from credit_risk_dagster.models.reference import model_inputs
from credit_risk_dagster.models.split import TrainingWindow
from credit_risk_dagster.models.training_rows import Labels, in_order, labels_of, rows_of
from credit_risk_dagster.monitoring.reference import freeze_reference
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.resources.tracking import ModelTracking

if TYPE_CHECKING:
    from credit_risk_dagster.models.training import TrainedCandidate

TRAINED = "trained"
JUDGED = ("train", "test", "oot")
"""The samples whose AUC and size have columns of their own."""


def candidate_card(
    month: str,
    key: str,
    trained: "TrainedCandidate",
    frame: pd.DataFrame,
    window: TrainingWindow,
    threshold: float,
) -> dict[str, Any]:
    """Return what is recorded of a model beside it; probabilities at `threshold` count as bad."""
    from credit_risk_dagster.models.identity import model_id

    samples = {
        "train": (trained.train_labels, trained.train_probabilities),
        "test": (trained.test_labels, trained.test_probabilities),
        "oot": (trained.oot_labels, trained.oot_probabilities),
        "oot_masked": (trained.oot_labels, trained.masked_probabilities),
        **{
            f"oot_without_{source}": (trained.oot_labels, probabilities)
            for source, probabilities in trained.without.items()
        },
    }
    if trained.at_horizon is not None:
        samples["oot_at_horizon"] = (trained.oot_labels, trained.at_horizon)
    bins = risk_bins(*_reasoned(trained, frame, window.fit))
    return {
        "missing_shares": dict(trained.missing_shares),
        "gates": as_records(_gates(trained, frame, window, bins, threshold)),
        "risk_bins": {name: one.to_dict() for name, one in bins.items()},
        "model_id": model_id(month, trained.candidate, key, trained.learned_hash),
        "candidate": trained.candidate,
        "trained_in": month,
        "training_key": key,
        "window": asdict(window),
        "parameters": dict(trained.parameters),
        "features": [*SCORED_NUMBERS, *SCORED_CATEGORIES, *EVIDENCE],
        "tuning_gain": trained.tuning.gain,
        "tuning_gain_error": trained.tuning.gain_error,
        "trials": [asdict(trial) for trial in trained.tuning.trials],
        "metrics": {
            sample: {
                name: asdict(metric)
                for name, metric in evaluate(labels, probabilities, threshold).items()
            }
            for sample, (labels, probabilities) in samples.items()
        },
    }


def _gates(
    trained: "TrainedCandidate",
    frame: pd.DataFrame,
    window: TrainingWindow,
    bins: Mapping[str, RiskBins],
    threshold: float,
) -> list[Gate]:
    """Judge a candidate on rows that no fit saw, masked to what the month's applicants have."""
    out_of_time = masked(rows_of(in_order(frame), window.out_of_time), trained.missing_shares)
    reasons = explain(trained.model, out_of_time).reasons
    values = reason_inputs(trained.model, out_of_time)
    contradict = contradicting(reasons, values, bins, beyond_noise=True)
    labels = trained.oot_labels
    of_masked = calibration_gate("calibration", labels, trained.masked_probabilities)
    return [
        calibration_gate("calibration", labels, trained.oot_probabilities),
        dark_gate(trained.missing_shares, of_masked),
        reasons_gate(
            [
                contradicting_share(reasons, contradict),
                reason_coverage(reasons, trained.masked_probabilities, threshold),
            ]
        ),
        overfit_gate(
            (trained.train_labels, trained.train_probabilities),
            (trained.test_labels, trained.test_probabilities),
        ),
    ]


def _reasoned(
    trained: "TrainedCandidate", frame: pd.DataFrame, months: Sequence[str]
) -> tuple[pd.DataFrame, Labels]:
    rows = rows_of(in_order(frame), months)
    return reason_inputs(trained.model, rows), labels_of(rows)


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
        model_inputs(trained.model, training_rows),
        training_rows["loan_id"],
        pd.Series(trained.oot_probabilities),
        pd.Series(trained.oot_loan_ids),
    )
    sha256 = models.save(identity, trained.model, card, reference)
    run_id = tracking.finished_run(key, identity)
    auc = {sample: figures["auc"] for sample, figures in card["metrics"].items()}
    return {
        "action": TRAINED,
        "model_id": identity,
        "training_key": key,
        "parameters": json.dumps(card["parameters"], sort_keys=True),
        **{f"{sample}_auc": auc[sample]["value"] for sample in JUDGED},
        **{f"{sample}_size": auc[sample]["sample_size"] for sample in JUDGED},
        "oot_auc_lower": auc["oot"]["lower"],
        "oot_auc_upper": auc["oot"]["upper"],
        "oot_auc_masked": auc["oot_masked"]["value"],
        "oot_auc_at_horizon": auc.get("oot_at_horizon", {}).get("value"),
        "oot_auc_without": json.dumps(
            {source: auc[f"oot_without_{source}"]["value"] for source in trained.without}
        ),
        "tuning_auc": trained.tuning.mean_auc,
        "tuning_gain": trained.tuning.gain,
        "tuning_gain_error": trained.tuning.gain_error,
        "gates": json.dumps(card["gates"]),
        "missing_shares": json.dumps(card["missing_shares"]),
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
            "masked_probability": pa.array(trained.masked_probabilities, pa.float64()),
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
