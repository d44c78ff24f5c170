"""What an MLflow run holds of a candidate: parameters, metrics, plots, card and model."""

import json
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credit_risk_dagster.models.storage import trusted_types
from credit_risk_dagster.resources.plots import discrimination_figure, tuning_figure, write_png

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from credit_risk_dagster.models.training import TrainedCandidate

MODEL = "model"
REQUIREMENTS = ("scikit-learn", "skops", "pandas", "numpy")


def log_candidate(
    client: "MlflowClient",
    run_id: str,
    card: dict[str, Any],
    trained: "TrainedCandidate",
    folder: Path,
) -> None:
    """Log a candidate into its run.

    Args:
        client: the client of the tracking store.
        run_id: the candidate's run, which is open.
        card: what is recorded of the model.
        trained: the candidate.
        folder: the folder in which the model is kept.
    """
    from mlflow.entities import Metric, Param

    params = [Param(name, str(value)) for name, value in trained.parameters.items()]
    params.append(Param("candidate", trained.candidate))
    metrics = [
        Metric(f"{sample}_{name}", metric["value"], 0, 0)
        for sample, values in card["metrics"].items()
        for name, metric in values.items()
        if metric["value"] is not None
    ]
    finished = [one for one in trained.tuning.trials if not one.pruned]
    trials = [Metric("tuning_auc", one.mean_auc, 0, one.number) for one in finished]
    client.log_batch(run_id, metrics=metrics + trials, params=params)
    client.log_text(run_id, json.dumps(card, indent=2), "card.json")
    with tempfile.TemporaryDirectory() as plots:
        figures = {
            "out_of_time.png": discrimination_figure(trained.oot_labels, trained.oot_probabilities),
            "tuning.png": tuning_figure([one.mean_auc for one in finished]),
        }
        for name, figure in figures.items():
            write_png(figure, Path(plots) / name)
        client.log_artifacts(run_id, plots, "plots")
    booster = folder / "model.ubj"
    if booster.exists():
        client.log_artifact(run_id, str(booster), "booster")
    _log_model(client, run_id, trained)


def _log_model(client: "MlflowClient", run_id: str, trained: "TrainedCandidate") -> None:
    """Write the model in the scikit-learn flavour with skops, never pickle."""
    import mlflow.sklearn

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / MODEL
        mlflow.sklearn.save_model(
            trained.model,
            str(target),
            serialization_format="skops",
            skops_trusted_types=list(trusted_types()),
            pip_requirements=_requirements(trained),
        )
        client.log_artifacts(run_id, str(target), MODEL)


def _requirements(trained: "TrainedCandidate") -> list[str]:
    names = list(REQUIREMENTS)
    if trained.candidate == "xgboost":
        names.append("xgboost-cpu")
    return [f"{name}=={version(name)}" for name in names]
