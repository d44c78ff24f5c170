"""Model tracking in MLflow: runs of candidates and the registered model.

`dagster-mlflow` gives the parent run of a Dagster run. Its resource opens a run whenever it is
initialised, also where nothing trains, and leaves it active for whatever comes next in the
process; so its class is used here only at the moment when the first candidate trains, and its run
is deactivated at once. Everything else goes through MLflow's client, which has no global state.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import PrivateAttr

from credit_risk_dagster.resources.candidate_run import MODEL
from credit_risk_dagster.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

EXPERIMENT = "credit_risk"
MONITORING_EXPERIMENT = "credit_risk_monitoring"
METRICS_A_BATCH = 1000
REGISTERED_MODEL = "credit_risk_model"
PRODUCTION_ALIAS = "production"
PARENT_RUN_TAG = "mlflow.parentRunId"


class ModelTracking(dg.ConfigurableResource["ModelTracking"]):
    """Keeps candidates as MLflow runs and promoted ones as versions of one registered model."""

    tracking_uri: str
    artifact_location: str
    _client: "MlflowClient | None" = PrivateAttr(default=None)
    _parents: dict[str, str] = PrivateAttr(default_factory=dict)

    def client(self) -> "MlflowClient":
        """Return MLflow's client; the store is made at first use."""
        if self._client is None:
            os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
            if self.tracking_uri.startswith("sqlite:///"):
                Path(self.tracking_uri.removeprefix("sqlite:///")).parent.mkdir(
                    parents=True, exist_ok=True
                )
            import mlflow

            mlflow.set_tracking_uri(self.tracking_uri)
            self._client = mlflow.MlflowClient(self.tracking_uri, self.tracking_uri)
        return self._client

    def experiment_id(self, name: str = EXPERIMENT) -> str:
        """Return an experiment, made with its own artifact location if it does not exist."""
        client = self.client()
        experiment = client.get_experiment_by_name(name)
        if experiment is not None:
            return str(experiment.experiment_id)
        return str(client.create_experiment(name, artifact_location=self.artifact_location))

    def log_month(self, month: str, facts: "pd.DataFrame", reports: Path) -> None:
        """Keep the one monitoring run of a month: its facts as metrics, its reports as artifacts.

        The same facts change nothing; others replace the run.

        Args:
            month: the month.
            facts: its monitoring facts.
            reports: the folder of reports, `KIND/MONTH.html`.
        """
        known = facts[facts["value"].notna()].sort_values(["basis", "metric", "subject"])
        named = known["basis"] + "/" + known["metric"] + "/" + known["subject"].map(_metric_name)
        state = hashlib.sha256(repr([*zip(named, known["value"], strict=True)]).encode())
        client, experiment = self.client(), self.experiment_id(MONITORING_EXPERIMENT)
        runs = client.search_runs([experiment], f"tags.month = '{month}'")
        if any(run.data.tags.get("facts") == state.hexdigest() for run in runs):
            return
        from mlflow.entities import Metric

        run = client.create_run(
            experiment, run_name=f"monitoring {month[:7]}", tags={"month": month}
        )
        run_id = run.info.run_id
        metrics = [
            Metric(name, value, 0, 0) for name, value in zip(named, known["value"], strict=True)
        ]
        for start in range(0, len(metrics), METRICS_A_BATCH):
            client.log_batch(run_id, metrics=metrics[start : start + METRICS_A_BATCH])
        for report in sorted(reports.glob(f"*/{month}.html")):
            client.log_artifact(run_id, str(report), report.parent.name)
        # Tagged last, so that a run that was cut short is not taken for the month's.
        client.set_tag(run_id, "facts", state.hexdigest())
        client.set_terminated(run_id, "FINISHED")
        for superseded in runs:
            client.delete_run(superseded.info.run_id)

    def finished_run(self, training_key: str, model_id: str) -> str | None:
        """Return the finished run of a training that gave this model, if there was one."""
        runs = self.client().search_runs(
            [self.experiment_id()],
            f"tags.training_key = '{training_key}' and tags.model_id = '{model_id}' "
            "and attributes.status = 'FINISHED'",
            max_results=1,
        )
        return runs[0].info.run_id if runs else None

    @contextmanager
    def candidate_run(
        self, context: dg.AssetExecutionContext, name: str, tags: Mapping[str, str]
    ) -> Iterator[str]:
        """Open a run for one candidate under the parent run; FAILED if the block raises."""
        client = self.client()
        run = client.create_run(
            self.experiment_id(),
            run_name=name,
            tags={**tags, PARENT_RUN_TAG: self._parent_run(context)},
        )
        run_id: str = run.info.run_id
        try:
            yield run_id
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id, "FINISHED")

    def registered_version(self, model_id: str) -> str | None:
        """Return the version under which a model is registered, if it is."""
        versions = self.client().search_model_versions(f"tags.model_id = '{model_id}'")
        return str(versions[0].version) if versions else None

    def register(self, model_id: str, run_id: str, month: str) -> str:
        """Register the model of a run once; return its version."""
        version = self.registered_version(model_id)
        if version is not None:
            return version
        client = self.client()
        if not client.search_registered_models(f"name = '{REGISTERED_MODEL}'"):
            client.create_registered_model(REGISTERED_MODEL)
        created = client.create_model_version(
            REGISTERED_MODEL,
            source=f"{client.get_run(run_id).info.artifact_uri}/{MODEL}",
            run_id=run_id,
            tags={"model_id": model_id, "promoted_in": month},
        )
        return str(created.version)

    def put_into_production(self, version: str | None) -> None:
        """Move the alias `production` to a version, in one write; to none: take it away.

        Nothing is written if it is there already.
        """
        client = self.client()
        current = client.get_registered_model(REGISTERED_MODEL).aliases.get(PRODUCTION_ALIAS)
        if version == (None if current is None else str(current)):
            return
        if version is None:
            client.delete_registered_model_alias(REGISTERED_MODEL, PRODUCTION_ALIAS)
        else:
            client.set_registered_model_alias(REGISTERED_MODEL, PRODUCTION_ALIAS, version)

    def _parent_run(self, context: dg.AssetExecutionContext) -> str:
        dagster_run_id = context.run.run_id
        if dagster_run_id not in self._parents:
            self.experiment_id()
            import mlflow
            from dagster_mlflow.resources import MlFlow

            config = {
                "mlflow_tracking_uri": self.tracking_uri,
                "experiment_name": EXPERIMENT,
                "extra_tags": {"dagster_job": context.run.job_name},
            }
            MlFlow(  # type: ignore[no-untyped-call]
                SimpleNamespace(
                    log=context.log,
                    dagster_run=context.run,
                    run_id=dagster_run_id,
                    resource_config=config,
                )
            )
            active = mlflow.active_run()
            if active is None:
                raise RuntimeError("dagster-mlflow opened no run")
            mlflow.end_run()
            self._parents[dagster_run_id] = active.info.run_id
        return self._parents[dagster_run_id]


def model_tracking(settings: Settings) -> ModelTracking:
    """Build the model tracking of an installation."""
    return ModelTracking(
        tracking_uri=settings.tracking_uri, artifact_location=settings.artifact_location
    )


def _metric_name(subject: str) -> str:
    """Return a subject with only the characters that MLflow allows in the name of a metric."""
    return re.sub(r"[^A-Za-z0-9_. /-]", "_", subject.replace("90+", "90 and more"))
