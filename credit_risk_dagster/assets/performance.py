"""Performance: scores against the outcomes that matured in the month, and the model behind them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from credit_risk_dagster.assets.history import out_of_time_auc, production_record
from credit_risk_dagster.assets.monthly import (
    MonthRows,
    depends_on,
    monthly_asset,
    publish_report,
    report_months,
    write_months,
)
from credit_risk_dagster.assets.plots import discrimination_plot
from credit_risk_dagster.contract.features import LABEL, MODEL_INPUTS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.monitoring.evidently_report import write_classification_report
from credit_risk_dagster.monitoring.facts import OVERALL, Fact, facts_table
from credit_risk_dagster.monitoring.performance import (
    Basis,
    pending,
    performance_facts,
    production_facts,
)
from credit_risk_dagster.months import add_months
from credit_risk_dagster.partitions import months_earlier
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import COHORT, LABEL_MONTH_ON_BOOK, LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import PERFORMANCE
from credit_risk_dagster.tables.production import PRODUCTION_MODEL

Scores = pd.DataFrame | str
"""Rows of model_id, default and probability; or why there are none."""


def performance_asset(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the month's realised performance."""

    @monthly_asset(
        PERFORMANCE,
        months,
        deps=[
            depends_on(COHORT),
            depends_on(LABELS),
            depends_on(PRODUCTION_MODEL),
            depends_on(PREDICTIONS, months_earlier(LABEL_MONTH_ON_BOOK)),
        ],
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
        computed = _months(keys, datamart, settings, models)
        report_months(context, PERFORMANCE, write_months(datamart, PERFORMANCE, keys, computed))

    return performance


def _months(
    keys: list[str], datamart: Datamart, settings: Settings, models: ModelStore
) -> Iterator[MonthRows]:
    for month in keys:
        inputs: dict[str, Input] = {}
        for table in (COHORT, LABELS, PRODUCTION_MODEL):
            inputs |= datamart.inputs(table, [month])
        applied = add_months(month, -LABEL_MONTH_ON_BOOK)
        if applied >= settings.first_month:
            inputs |= datamart.inputs(PREDICTIONS, [applied])
        scored: dict[Basis, Scores] = {
            "current": _current_scores(month, datamart, models),
            "issued": _issued_scores(month, applied, datamart, settings),
        }
        production = production_record(datamart, month)
        oot_auc, oot_inputs = out_of_time_auc(datamart, production)
        inputs |= oot_inputs
        facts: list[Fact] = production_facts(month, production, oot_auc)
        figures: dict[str, Any] = {}
        for basis, rows in scored.items():
            facts += _basis_facts(basis, rows, settings)
            figures |= _basis_figures(basis, rows, facts)
        table = facts_table(month, None, facts, PERFORMANCE.schema)
        figures |= _report(month, scored["current"], settings)
        yield MonthRows(month, table, inputs, figures=figures)


def _current_scores(month: str, datamart: Datamart, models: ModelStore) -> Scores:
    production = production_record(datamart, month)
    if production["model_id"] is None:
        return "no model is in production"
    if datamart.required_record(COHORT, month).rows == 0:
        return "no loan matured in the month"
    pipeline = models.load(production["model_id"], production["model_sha256"])
    columns = [LABEL, *MODEL_INPUTS]
    frames = (batch.to_pandas() for batch in datamart.batches(COHORT, [month], columns))
    parts = [frame[[LABEL]].assign(probability=score(pipeline, frame)) for frame in frames]
    rows: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return rows.assign(model_id=production["model_id"])


def _issued_scores(month: str, applied: str, datamart: Datamart, settings: Settings) -> Scores:
    if applied < settings.first_month:
        return "the loans that matured were originated before the first month"
    columns = ["loan_id", "revision", "model_id", "probability"]
    issued = datamart.read(PREDICTIONS, [applied], columns).to_pandas()
    if issued.empty:
        return f"no scores were issued in {applied[:7]}"
    # A loan that a corrected delivery added was first scored in a later revision.
    issued = issued.sort_values("revision", kind="stable").drop_duplicates("loan_id")
    labels = datamart.read(LABELS, [month], ["loan_id", LABEL]).to_pandas()
    rows = issued.merge(labels, on="loan_id")[["model_id", "default", "probability"]]
    return rows if len(rows) else f"none of the loans scored in {applied[:7]} matured"


def _report(month: str, rows: Scores, settings: Settings) -> dict[str, Any]:
    if isinstance(rows, str) or settings.monitoring.report_features == 0:
        return {}
    written = write_classification_report(
        settings.reports_folder / "performance" / f"{month}.html",
        rows["default"],
        rows["probability"],
        settings.monitoring.decision_threshold,
    )
    if not written:
        return {}
    return {"evidently report": publish_report(settings, f"performance/{month}.html")}


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
        if fact.basis == basis and fact.subject == OVERALL
    }
    plot = discrimination_plot(
        rows["default"].to_numpy(np.int64), rows["probability"].to_numpy(np.float64)
    )
    return overall | {f"{basis} sample size": len(rows), f"{basis} plot": plot}
