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
    KEPT,
    MonthRows,
    Written,
    decided_before,
    depends_on,
    keep_decision,
    monthly_asset,
    report_months,
    table_metadata,
    write_month,
)
from credit_risk_dagster.assets.plots import score_plot
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.models.explanation import explain
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.models.scoring_bands import bands
from credit_risk_dagster.models.storage import MODEL_FILE, load_model
from credit_risk_dagster.resources.engine import EngineResource
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.inference import PREDICTIONS, REASON_COUNT
from credit_risk_dagster.tables.production import PRODUCTION_MODEL

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SCORED_SCHEMA = pa.schema([field for field in PREDICTIONS.schema if field.name != "revision"])

SAME_SCORE = 1e-9
"""Scores that differ by less are the same."""


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
        issued = _issued(datamart, month)
        known = decided_before(datamart, PREDICTIONS, month, inputs)
        if known is not None:
            record = keep_decision(datamart, PREDICTIONS, writer, known, inputs)
            yield month, table_metadata(datamart, PREDICTIONS, record, kept=KEPT)
            continue
        facts: dict[str, Any] = {
            "applicants": datamart.required_record(FEATURES_TABLE, month).rows,
            "status": "scored",
        }
        scored = SCORED_SCHEMA.empty_table()
        if production["model_id"] is None:
            facts |= {"status": "no_model", "reason": production["reason"]}
        else:
            scored = _scored(month, production, datamart, settings, models, engine)
        rows = with_revision(issued, scored)
        record = write_month(PREDICTIONS, writer, MonthRows(month, rows, inputs, facts=facts))
        yield month, _metadata(datamart, models, production, scored, record)


def _scored(
    month: str,
    production: dict[str, Any],
    datamart: Datamart,
    settings: Settings,
    models: ModelStore,
    engine: Engine,
) -> pa.Table:
    return engine.map_rows(
        engine.read(datamart.files(FEATURES_TABLE, [month]), FEATURES_TABLE.schema),
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


def with_revision(issued: pa.Table, scored: pa.Table) -> pa.Table:
    """Return the month's issued scores with new ones as a revision beside them, if they differ.

    Args:
        issued: what is recorded of the month, every revision; empty if nothing was issued.
        scored: the scores of today.
    """
    scored = scored.sort_by("loan_id")
    if issued.num_rows == 0:
        return _as_revision(scored, 0)
    newest = pc.max(issued.column("revision")).as_py()
    latest = issued.filter(pc.equal(issued.column("revision"), newest)).drop_columns("revision")
    if _same_scores(latest.sort_by("loan_id"), scored):
        return issued
    return pa.concat_tables([issued, _as_revision(scored, newest + 1)])


def _same_scores(issued: pa.Table, scored: pa.Table) -> bool:
    """Return whether two tables of scores differ in no text and in no number by more than 1e-9.

    A new engine or library that moves a score by less issues no other score.
    """
    if issued.num_rows != scored.num_rows:
        return False
    return all(
        _same_column(issued.column(field.name), scored.column(field.name))
        for field in SCORED_SCHEMA
    )


def _same_column(issued: pa.ChunkedArray, scored: pa.ChunkedArray) -> bool:
    if not pa.types.is_floating(issued.type):
        return bool(issued.equals(scored))
    then, now = issued.to_numpy(), scored.to_numpy()
    return bool(np.allclose(then, now, rtol=0, atol=SAME_SCORE, equal_nan=True))


def _issued(datamart: Datamart, month: str) -> pa.Table:
    """Return the scores of a month as recorded: changed ones would be recorded anew as issued."""
    if datamart.record(PREDICTIONS, month) is None:
        return PREDICTIONS.schema.empty_table()
    return datamart.read(PREDICTIONS, [month])


def _as_revision(scored: pa.Table, number: int) -> pa.Table:
    revision = pa.array(np.full(scored.num_rows, number), pa.int64())
    return scored.append_column("revision", revision).select(PREDICTIONS.schema.names)


def _metadata(
    datamart: Datamart,
    models: ModelStore,
    production: dict[str, Any],
    scored: pa.Table,
    record: MonthRecord,
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
    return table_metadata(datamart, PREDICTIONS, record, **figures)
