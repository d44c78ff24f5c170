"""Inference: the score of every applicant of a month, in the month of application."""

from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.assets.monthly import (
    Written,
    depends_on,
    monthly_asset,
    report_months,
    table_metadata,
)
from credit_risk_dagster.assets.plots import score_plot
from credit_risk_dagster.datamart.content_hash import content_hash
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.datamart.manifest import Manifest
from credit_risk_dagster.datamart.staged_rows import is_as_recorded
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.models.explanation import explain
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.models.scoring_bands import bands
from credit_risk_dagster.models.storage import MODEL_FILE, load_model
from credit_risk_dagster.resources.engine import EngineResource
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.inference import PREDICTIONS, REASON_COUNT, RESTORE_ISSUED_SCORES
from credit_risk_dagster.tables.production import PRODUCTION_MODEL

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SCORED_SCHEMA = pa.schema([field for field in PREDICTIONS.schema if field.name != "revision"])


def inference_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the month's predictions."""

    @monthly_asset(
        PREDICTIONS,
        months,
        deps=[depends_on(FEATURES_TABLE), depends_on(PRODUCTION_MODEL)],
        description="The probability of default of every applicant of the month, with band, model "
        "and up to four reasons. Issued scores stay; a corrected delivery adds a revision.",
        kinds={"parquet"},
        owner="credit-risk",
    )
    def predictions(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        models: dg.ResourceParam[ModelStore],
        engine: EngineResource,
    ) -> None:
        keys = list(context.partition_keys)
        written = _write_predictions(keys, datamart, settings, models, engine.open())
        report_months(context, PREDICTIONS, written)

    return [predictions]


def _write_predictions(
    keys: list[str], datamart: Datamart, settings: Settings, models: ModelStore, engine: Engine
) -> Written:
    for month in keys:
        production = production_record(datamart, month)
        inputs = datamart.hashes(FEATURES_TABLE, [month])
        inputs |= datamart.hashes(PRODUCTION_MODEL, [month])
        applicants = datamart.required_manifest(FEATURES_TABLE, month).rows
        scored = SCORED_SCHEMA.empty_table()
        facts: dict[str, Any] = {"applicants": applicants, "status": "scored"}
        if production["model_id"] is None:
            facts |= {"status": "no_model", "reason": production["reason"]}
        else:
            features = datamart.files(FEATURES_TABLE, [month])
            scored = engine.map_rows(
                engine.read(features, FEATURES_TABLE.schema),
                partial(
                    score_rows,
                    model=str(models.path(production["model_id"]) / MODEL_FILE),
                    sha256=production["model_sha256"],
                    model_id=production["model_id"],
                    bounds=settings.risk_bands,
                ),
                SCORED_SCHEMA,
                ["loan_id"],
            )
        rows = with_revision(datamart, month, scored)
        manifest = datamart.write(PREDICTIONS, month, rows, inputs=inputs, facts=facts)
        yield month, _metadata(datamart, models, production, scored, manifest)


def score_rows(
    frame: pd.DataFrame, model: str, sha256: str, model_id: str, bounds: tuple[float, ...]
) -> pd.DataFrame:
    """Return the scores of feature rows; runs wherever the engine holds them."""
    pipeline = _loaded(model, sha256)
    probabilities = score(pipeline, frame)
    explanation = explain(pipeline, frame)
    scored = frame[["loan_id", "customer_id", "snapshot_date"]].assign(
        model_id=model_id,
        probability=probabilities,
        band=bands(probabilities, bounds),
    )
    for number in range(REASON_COUNT):
        scored[f"reason_{number + 1}"] = explanation.reasons[:, number]
        scored[f"reason_{number + 1}_log_odds"] = explanation.reason_contributions[:, number]
    return scored


@lru_cache(maxsize=2)
def _loaded(model: str, sha256: str) -> "Pipeline":
    return load_model(Path(model), sha256)


def with_revision(datamart: Datamart, month: str, scored: pa.Table) -> pa.Table:
    """Return the month's issued scores with new ones as a revision beside them, if they differ.

    Raises:
        PartitionError: if the issued scores are not those that were recorded.
    """
    scored = scored.sort_by("loan_id")
    issued = _issued(datamart, month)
    if issued.num_rows == 0:
        return _as_revision(scored, 0)
    newest = pc.max(issued.column("revision")).as_py()
    latest = issued.filter(pc.equal(issued.column("revision"), newest)).drop_columns("revision")
    if content_hash(latest.cast(SCORED_SCHEMA)) == content_hash(scored.cast(SCORED_SCHEMA)):
        return issued
    return pa.concat_tables([issued, _as_revision(scored, newest + 1)])


def _issued(datamart: Datamart, month: str) -> pa.Table:
    """Return the scores of a month as recorded: changed ones would be recorded anew as issued."""
    manifest = datamart.manifest(PREDICTIONS, month)
    if manifest is None:
        return PREDICTIONS.schema.empty_table()
    if not is_as_recorded(PREDICTIONS, datamart.file(PREDICTIONS, month), manifest.content_hash):
        raise PartitionError(
            f"The scores in {manifest.partition} are not those that the manifest records: they "
            f"were changed after they were written. {RESTORE_ISSUED_SCORES}"
        )
    return datamart.read(PREDICTIONS, [month])


def _as_revision(scored: pa.Table, number: int) -> pa.Table:
    revision = pa.array(np.full(scored.num_rows, number), pa.int64())
    return scored.append_column("revision", revision).select(PREDICTIONS.schema.names)


def _metadata(
    datamart: Datamart,
    models: ModelStore,
    production: dict[str, Any],
    scored: pa.Table,
    manifest: Manifest,
) -> dict[str, Any]:
    figures: dict[str, Any] = {"model": production["model_id"]}
    if scored.num_rows:
        probabilities = scored.column("probability").to_numpy()
        figures |= {
            "mean probability": float(probabilities.mean()),
            "bands": dg.MetadataValue.json(
                dict(sorted(scored.to_pandas()["band"].value_counts().items()))
            ),
            "scores": score_plot(
                probabilities, models.reference(production["model_id"]).scores.to_numpy()
            ),
        }
    return table_metadata(datamart, PREDICTIONS, manifest, **figures)
