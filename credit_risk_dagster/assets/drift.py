"""Drift: how far the month's applicants and scores have moved from the model's reference."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.assets.issued_scores import REVISION, newest_scores
from credit_risk_dagster.assets.monthly import (
    Metadata,
    MonthRows,
    depends_on,
    monthly_asset,
    publish_report,
    report_months,
    write_months,
)
from credit_risk_dagster.assets.plots import stability_plot
from credit_risk_dagster.assets.reason_facts import reason_facts
from credit_risk_dagster.contract.features import MODEL_INPUTS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.monitoring.applicants import look_at
from credit_risk_dagster.monitoring.drift import drift_facts, samples_of
from credit_risk_dagster.monitoring.evidently_report import report_stride, write_drift_report
from credit_risk_dagster.monitoring.facts import NO_APPLICANTS, NO_MODEL, Fact, facts_table
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import DRIFT
from credit_risk_dagster.tables.production import PRODUCTION_MODEL

PLOTTED_FEATURES = 12


def drift_asset(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the month's drift."""

    @monthly_asset(
        DRIFT,
        months,
        deps=[depends_on(table) for table in (PREDICTIONS, FEATURES_TABLE, PRODUCTION_MODEL)],
        kinds={"evidently"},
        owner="credit-risk",
    )
    def drift(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        models: dg.ResourceParam[ModelStore],
    ) -> None:
        keys = list(context.partition_keys)
        computed = _months(keys, datamart, settings, models)
        report_months(context, DRIFT, write_months(datamart, DRIFT, keys, computed))

    return drift


def _months(
    keys: list[str], datamart: Datamart, settings: Settings, models: ModelStore
) -> Iterator[MonthRows]:
    for month in keys:
        production = production_record(datamart, month)
        inputs: dict[str, Input] = {}
        for table in (PREDICTIONS, FEATURES_TABLE, PRODUCTION_MODEL):
            inputs |= datamart.inputs(table, [month])
        applicants = datamart.required_record(FEATURES_TABLE, month).rows
        scores = _scores(datamart, month)
        if production["model_id"] is None or not applicants or scores.empty:
            status = NO_MODEL if production["model_id"] is None or applicants else NO_APPLICANTS
            unknown = Fact("score", "psi", "probability", status=status)
            rows = facts_table(month, production["model_id"], [unknown], DRIFT.schema)
            yield MonthRows(month, rows, inputs, figures={"status": status})
            continue
        pipeline = models.load(production["model_id"], production["model_sha256"])
        reference = models.reference(production["model_id"])
        samples, monitoring = samples_of(reference), settings.monitoring
        stride = report_stride(applicants) if monitoring.report_features else 0
        batches = datamart.batches(FEATURES_TABLE, [month], [*MODEL_INPUTS])
        frames = (batch.to_pandas() for batch in batches)
        seen = look_at(frames, pipeline, reference, samples, stride)
        facts = drift_facts(reference, samples, seen.counts, scores, monitoring)
        card, cutoff = models.card(production["model_id"]), monitoring.decision_threshold
        facts += reason_facts(datamart, month, pipeline, card, cutoff)
        rows = facts_table(month, production["model_id"], facts, DRIFT.schema)
        report = write_drift_report(
            settings.reports_folder / "drift" / f"{month}.html",
            reference,
            seen.shown,
            scores.iloc[:: report_stride(len(scores))].reset_index(drop=True),
            seen.importance,
            monitoring.report_features,
            monitoring.psi_significant,
        )
        yield MonthRows(month, rows, inputs, figures=_figures(month, settings, facts, report))


def _scores(datamart: Datamart, month: str) -> pd.Series:
    """Return the month's scores as they stand: those of the newest revision."""
    rows = datamart.read(PREDICTIONS, [month], [REVISION, "probability"])
    scores: pd.Series = newest_scores(rows)["probability"].to_pandas()
    return scores


def _figures(month: str, settings: Settings, facts: list[Fact], has_report: bool) -> Metadata:
    indices = {fact.subject: fact for fact in facts if fact.metric == "csi"}
    largest = sorted(indices, key=lambda name: -(indices[name].value or 0.0))[:PLOTTED_FEATURES]
    psi = next(fact for fact in facts if fact.metric == "psi")
    values = [indices[name].value or 0.0 for name in largest]
    monitoring = settings.monitoring
    figures: dict[str, Any] = {
        "psi": psi.value,
        "psi band": psi.band,
        "largest csi": indices[largest[0]].value,
        "largest csi feature": largest[0],
        "shifts": stability_plot(
            largest, values, monitoring.psi_moderate, monitoring.psi_significant
        ),
    }
    if has_report:
        figures["evidently report"] = publish_report(settings, f"drift/{month}.html")
    return figures
