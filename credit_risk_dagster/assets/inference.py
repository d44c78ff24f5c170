"""Inference: the score of every applicant of a month, in the month of application."""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.assets.issued_scores import WriteScores, stage_scores
from credit_risk_dagster.assets.monthly import (
    KEPT,
    Written,
    decided_before,
    depends_on,
    keep_decision,
    monthly_asset,
    report_months,
    table_metadata,
)
from credit_risk_dagster.assets.plots import score_plot
from credit_risk_dagster.contract.features import MODEL_INPUTS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.engine import Engine, NewFile
from credit_risk_dagster.datamart.stored_rows import read_files
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.models.explanation import explain
from credit_risk_dagster.models.scoring import Model, score
from credit_risk_dagster.models.scoring_bands import bands
from credit_risk_dagster.models.storage import MODEL_FILE, opened_model, verified_content
from credit_risk_dagster.resources.engine import EngineResource
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.definitions import definition_of
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.inference import PREDICTIONS, REASON_COUNT
from credit_risk_dagster.tables.production import PRODUCTION_MODEL

SCORED = pa.schema(
    [
        FEATURES_TABLE.schema.field(name)
        for name in ("loan_id", "customer_id", "snapshot_date", *MODEL_INPUTS)
    ]
)
"""What of an applicant is read to be scored."""


def inference_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the month's predictions."""

    @monthly_asset(
        PREDICTIONS,
        months,
        deps=[depends_on(FEATURES_TABLE), depends_on(PRODUCTION_MODEL)],
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
        writer = datamart.open(PREDICTIONS, [month])
        production = production_record(datamart, month)
        inputs = datamart.inputs(FEATURES_TABLE, [month])
        inputs |= datamart.inputs(PRODUCTION_MODEL, [month])
        # Verified before anything is decided: changed scores would be recorded anew as issued.
        is_issued = datamart.record(PREDICTIONS, month) is not None
        issued = datamart.files(PREDICTIONS, [month]) if is_issued else []
        known = decided_before(datamart, PREDICTIONS, month, inputs)
        if known is not None:
            record = keep_decision(datamart, PREDICTIONS, writer, known, inputs)
            yield month, table_metadata(datamart, PREDICTIONS, record, kept=KEPT)
            continue
        facts: dict[str, Any] = {
            "applicants": datamart.required_record(FEATURES_TABLE, month).rows,
            "status": "scored",
        }
        write = None
        if production["model_id"] is None:
            facts |= {"status": "no_model", "reason": production["reason"]}
        else:
            write = _scoring(month, production, datamart, settings, models, engine, writer.staging)
        scored = stage_scores(writer, month, issued, write)
        figures = _figures(models, production, scored)
        writer.stage(Draft(month, inputs, definition_of(PREDICTIONS), facts))
        record = writer.commit()[month]
        yield month, table_metadata(datamart, PREDICTIONS, record, **figures)


def _scoring(
    month: str,
    production: Mapping[str, Any],
    datamart: Datamart,
    settings: Settings,
    models: ModelStore,
    engine: Engine,
    staging: Path,
) -> WriteScores:
    features = engine.read(datamart.files(FEATURES_TABLE, [month]), SCORED)
    path = models.path(production["model_id"]) / MODEL_FILE
    content = verified_content(path, production["model_sha256"])

    def write(revision: int, new_file: NewFile) -> None:
        scores = partial(
            score_rows,
            revision=revision,
            model=content,
            model_id=production["model_id"],
            bounds=settings.risk_bands,
        )
        engine.write_mapped(
            features, scores, PREDICTIONS.schema, ["loan_id"], month, new_file, staging / "engine"
        )

    return write


def score_rows(
    frame: pd.DataFrame,
    revision: int,
    model: bytes,
    model_id: str,
    bounds: tuple[float, ...],
) -> pd.DataFrame:
    """Return the scores of feature rows; runs wherever the engine holds them.

    The model comes along, verified: a worker need not reach where models are kept.
    """
    opened = _opened(model, model_id)
    probabilities = score(opened, frame)
    explanation = explain(opened, frame)
    scored = frame[["loan_id", "customer_id", "snapshot_date"]].assign(
        revision=revision,
        model_id=model_id,
        probability=probabilities,
        band=bands(probabilities, bounds),
    )
    for number in range(REASON_COUNT):
        scored[f"reason_{number + 1}"] = explanation.reasons[:, number]
        scored[f"reason_{number + 1}_log_odds"] = explanation.reason_contributions[:, number]
    return scored


@lru_cache(maxsize=2)
def _opened(model: bytes, model_id: str) -> Model:
    return opened_model(model, Path(model_id, MODEL_FILE))


def _figures(
    models: ModelStore, production: Mapping[str, Any], scored: Sequence[Path]
) -> dict[str, Any]:
    """Return what Dagit shows of today's scores: their mean, bands and distribution."""
    schema = PREDICTIONS.schema
    rows = read_files(scored, pa.schema([schema.field(name) for name in ("probability", "band")]))
    figures: dict[str, Any] = {"model": production["model_id"]}
    if rows.num_rows:
        probabilities = rows.column("probability").to_numpy()
        bands = pc.value_counts(rows.column("band")).to_pylist()
        figures |= {
            "mean probability": float(probabilities.mean()),
            "bands": dg.MetadataValue.json(
                dict(sorted((one["values"], one["counts"]) for one in bands))
            ),
            "scores": score_plot(
                probabilities, models.reference(production["model_id"]).scores.to_numpy()
            ),
        }
    return figures
