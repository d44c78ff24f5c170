"""Monitoring: drift of the month's applicants, and performance of the loans that matured."""

from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from credit_risk_dagster.assets.monthly import (
    Metadata,
    Written,
    depends_on,
    monthly_asset,
    report_months,
    table_metadata,
)
from credit_risk_dagster.assets.plots import discrimination_plot, stability_plot
from credit_risk_dagster.datamart import Datamart
from credit_risk_dagster.history import production_record
from credit_risk_dagster.manifest import Manifest
from credit_risk_dagster.model_store import ModelStore
from credit_risk_dagster.models.explanation import explain
from credit_risk_dagster.models.reference import model_inputs
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.monitoring.drift import drift_facts
from credit_risk_dagster.monitoring.evidently_report import write_drift_report
from credit_risk_dagster.monitoring.facts import NO_MODEL, Fact, facts_table
from credit_risk_dagster.monitoring.performance import Basis, pending, performance_facts
from credit_risk_dagster.months import add_months
from credit_risk_dagster.partitions import months_earlier
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE, LABEL_MONTH_ON_BOOK, LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import DRIFT, PERFORMANCE
from credit_risk_dagster.tables.production import PRODUCTION_MODEL

PLOTTED_FEATURES = 12

Scores = pd.DataFrame | str
"""Rows of model_id, default and probability; or why there are none."""


def monitoring_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return drift and performance."""
    return [_drift(months), _performance(months)]


def _drift(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @monthly_asset(
        DRIFT,
        months,
        deps=[depends_on(table) for table in (PREDICTIONS, FEATURES_TABLE, PRODUCTION_MODEL)],
        description="PSI and KS of the month's scores, CSI, KS and missing share of every feature "
        "as the model sees it, against the model's frozen reference; Evidently's report.",
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
        report_months(context, DRIFT, _write_drift(keys, datamart, settings, models))

    return drift


def _write_drift(
    keys: list[str], datamart: Datamart, settings: Settings, models: ModelStore
) -> Written:
    for month in keys:
        production = production_record(datamart, month)
        inputs: dict[str, str] = {}
        for table in (PREDICTIONS, FEATURES_TABLE, PRODUCTION_MODEL):
            inputs |= datamart.hashes(table, [month])
        features = datamart.read(FEATURES_TABLE, [month]).to_pandas()
        if production["model_id"] is None or features.empty:
            unknown = Fact("score", "psi", "probability", status=NO_MODEL)
            rows = facts_table(month, None, [unknown], DRIFT.schema)
            manifest = datamart.write(DRIFT, month, rows, inputs=inputs)
            yield month, table_metadata(datamart, DRIFT, manifest, status=NO_MODEL)
            continue
        pipeline = models.load(production["model_id"], production["model_sha256"])
        reference = models.reference(production["model_id"])
        seen = model_inputs(pipeline, features)
        scores = pd.Series(score(pipeline, features))
        facts = drift_facts(reference, seen, scores, settings.monitoring)
        rows = facts_table(month, production["model_id"], facts, DRIFT.schema)
        manifest = datamart.write(DRIFT, month, rows, inputs=inputs)
        report = write_drift_report(
            settings.reports_folder / "drift" / f"{month}.html",
            reference,
            seen,
            scores,
            explain(pipeline, features).contributions.abs().mean(),
            settings.monitoring.report_features,
            settings.monitoring.psi_significant,
        )
        figures = _drift_figures(datamart, settings, manifest, facts, report)
        yield month, figures


def _drift_figures(
    datamart: Datamart,
    settings: Settings,
    manifest: Manifest,
    facts: list[Fact],
    has_report: bool,
) -> Metadata:
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
        figures["evidently report"] = report_link(settings, f"drift/{manifest.month}.html")
    return table_metadata(datamart, DRIFT, manifest, **figures)


def report_link(settings: Settings, name: str) -> dg.MetadataValue:
    """Return where a report is to be opened: a link if reports are served, else its place."""
    if settings.reports_url is not None:
        return dg.MetadataValue.url(f"{settings.reports_url.rstrip('/')}/{name}")
    return dg.MetadataValue.path(f"reports/{name}")


def _performance(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @monthly_asset(
        PERFORMANCE,
        months,
        deps=[
            depends_on(COHORT),
            depends_on(LABELS),
            depends_on(PRODUCTION_MODEL),
            depends_on(PREDICTIONS, months_earlier(LABEL_MONTH_ON_BOOK)),
        ],
        description="Discrimination and calibration on the loans that matured in the month, on two "
        "bases: `issued`, the scores given at application, and `current`, the model in production.",
        kinds={"scikitlearn"},
        owner="credit-risk",
    )
    def performance(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        models: dg.ResourceParam[ModelStore],
    ) -> None:
        keys = list(context.partition_keys)
        report_months(context, PERFORMANCE, _write_performance(keys, datamart, settings, models))

    return performance


def _write_performance(
    keys: list[str], datamart: Datamart, settings: Settings, models: ModelStore
) -> Written:
    for month in keys:
        inputs: dict[str, str] = {}
        for table in (COHORT, LABELS, PRODUCTION_MODEL):
            inputs |= datamart.hashes(table, [month])
        applied = add_months(month, -LABEL_MONTH_ON_BOOK)
        if applied >= settings.first_month:
            inputs |= datamart.hashes(PREDICTIONS, [applied])
        scored: dict[Basis, Scores] = {
            "current": _current_scores(month, datamart, models),
            "issued": _issued_scores(month, applied, datamart, settings),
        }
        facts: list[Fact] = []
        figures: dict[str, Any] = {}
        for basis, rows in scored.items():
            facts += _basis_facts(basis, rows, settings)
            figures |= _basis_figures(basis, rows, facts)
        table = facts_table(month, None, facts, PERFORMANCE.schema)
        manifest = datamart.write(PERFORMANCE, month, table, inputs=inputs)
        yield month, table_metadata(datamart, PERFORMANCE, manifest, **figures)


def _current_scores(month: str, datamart: Datamart, models: ModelStore) -> Scores:
    production = production_record(datamart, month)
    if production["model_id"] is None:
        return "no model is in production"
    cohort = datamart.read(COHORT, [month]).to_pandas()
    if cohort.empty:
        return "no loan matured in the month"
    pipeline = models.load(production["model_id"], production["model_sha256"])
    return pd.DataFrame(
        {
            "model_id": production["model_id"],
            "default": cohort["default"],
            "probability": score(pipeline, cohort),
        }
    )


def _issued_scores(month: str, applied: str, datamart: Datamart, settings: Settings) -> Scores:
    if applied < settings.first_month:
        return "the loans that matured were originated before the first month"
    issued = datamart.read(PREDICTIONS, [applied]).to_pandas()
    issued = issued[issued["revision"] == 0]
    if issued.empty:
        return f"no scores were issued in {applied[:7]}"
    labels = datamart.read(LABELS, [month]).to_pandas()[["loan_id", "default"]]
    rows = issued.merge(labels, on="loan_id")[["model_id", "default", "probability"]]
    return rows if len(rows) else f"none of the loans scored in {applied[:7]} matured"


def _basis_facts(basis: Basis, rows: Scores, settings: Settings) -> list[Fact]:
    if isinstance(rows, str):
        return [pending(basis, rows)]
    return performance_facts(
        basis,
        str(rows["model_id"].iloc[0]),
        rows["default"].to_numpy(np.int64),
        rows["probability"].to_numpy(np.float64),
        settings.monitoring.decision_threshold,
        settings.risk_bands,
    )


def _basis_figures(basis: str, rows: Scores, facts: list[Fact]) -> dict[str, Any]:
    if isinstance(rows, str):
        return {f"{basis} performance": f"pending: {rows}"}
    overall = {
        f"{basis} {fact.metric}": fact.value
        for fact in facts
        if fact.basis == basis and fact.subject == "overall"
    }
    plot = discrimination_plot(
        rows["default"].to_numpy(np.int64), rows["probability"].to_numpy(np.float64)
    )
    return overall | {f"{basis} sample size": len(rows), f"{basis} plot": plot}
