"""Gold: features as known at application, labels as they mature, and the cohort of both."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import dagster as dg
import ibis.expr.types as ir
import pyarrow.compute as pc

from credit_risk_dagster.assets.monthly import (
    Metadata,
    Written,
    depends_on,
    monthly_asset,
    report_months,
)
from credit_risk_dagster.assets.panel import months_holding, read_index
from credit_risk_dagster.assets.refinement import Refined, refine
from credit_risk_dagster.contract.features import CLICKSTREAM_MONTHS, LABEL
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.months import add_months
from credit_risk_dagster.partitions import months_earlier
from credit_risk_dagster.resources.engine import EngineResource
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables import gold as tables
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE, LABEL_MONTH_ON_BOOK, LABELS
from credit_risk_dagster.tables.panel import CLICKSTREAM_SO_FAR, DORMANT
from credit_risk_dagster.tables.silver import SILVER_ATTRIBUTES, SILVER_FINANCIALS, SILVER_LOANS

FEATURES_OF = (SILVER_LOANS, SILVER_ATTRIBUTES, SILVER_FINANCIALS, CLICKSTREAM_SO_FAR)


def gold_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return features, labels and cohort."""
    return [_features(months), _labels(months), _cohort(months)]


def _features(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @monthly_asset(
        FEATURES_TABLE,
        months,
        deps=[depends_on(table) for table in FEATURES_OF],
        kinds={"ibis", "parquet"},
        owner="data-engineering",
    )
    def features(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        engine: EngineResource,
    ) -> None:
        keys = list(context.partition_keys)
        report_months(context, FEATURES_TABLE, _write_features(keys, datamart, engine.open()))

    return features


def _write_features(keys: list[str], datamart: Datamart, engine: Engine) -> Written:
    def refined(month: str) -> Refined:
        inputs: dict[str, Input] = {}
        for table in FEATURES_OF:
            inputs |= datamart.inputs(table, [month])
        return Refined(inputs, facts={"applications": applications(month)})

    def applications(month: str) -> int:
        return datamart.required_record(SILVER_FINANCIALS, month).rows

    def figures(month: str) -> Metadata:
        rows = datamart.read(FEATURES_TABLE, [month], [CLICKSTREAM_MONTHS])
        dark = pc.sum(pc.equal(rows.column(CLICKSTREAM_MONTHS), 0)).as_py() or 0
        return {
            "applications without a loan": applications(month) - rows.num_rows,
            "applicants without clickstream": dark,
        }

    def rows(months: Sequence[str]) -> ir.Table:
        loans, attributes, financials, so_far = (
            engine.read(datamart.files(table, months), table.schema) for table in FEATURES_OF
        )
        files = _dormant_applicants(datamart, months)
        dormant = engine.read(files, CLICKSTREAM_SO_FAR.schema) if files else None
        return tables.features(loans, attributes, financials, so_far, dormant)

    return refine(datamart, engine, FEATURES_TABLE, rows, keys, refined, figures)


def _dormant_applicants(datamart: Datamart, months: Sequence[str]) -> list[Path]:
    """Return the files that hold the state of applicants who gave no reading lately."""
    holding: set[str] = set()
    state = partial(datamart.required_record, CLICKSTREAM_SO_FAR)
    for month in months:
        index = read_index(datamart, state(month))
        if index.num_rows:
            loans = datamart.read(SILVER_LOANS, [month], ["customer_id", "month_on_book"])
            applied = loans.filter(pc.equal(loans["month_on_book"], 0))["customer_id"]
            holding |= set(months_holding(state, state(month), index, applied))
    files = [datamart.files_beside(CLICKSTREAM_SO_FAR, month, DORMANT) for month in sorted(holding)]
    return [file for part in files for file in part]


def _labels(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @monthly_asset(
        LABELS,
        months,
        deps=[depends_on(SILVER_LOANS)],
        kinds={"ibis", "parquet"},
        owner="credit-risk",
    )
    def labels(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        engine: EngineResource,
    ) -> None:
        keys = list(context.partition_keys)
        report_months(context, LABELS, _write_labels(keys, datamart, engine.open()))

    return labels


def _write_labels(keys: list[str], datamart: Datamart, engine: Engine) -> Written:
    def refined(month: str) -> Refined:
        return Refined(datamart.inputs(SILVER_LOANS, [month]))

    def figures(month: str) -> Metadata:
        labels = datamart.read(LABELS, [month], [LABEL]).column(LABEL)
        return {"default rate": pc.mean(labels).as_py()}

    def rows(months: Sequence[str]) -> ir.Table:
        loans = engine.read(datamart.files(SILVER_LOANS, months), SILVER_LOANS.schema)
        return tables.labels(loans)

    return refine(datamart, engine, LABELS, rows, keys, refined, figures)


def _cohort(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @monthly_asset(
        COHORT,
        months,
        deps=[
            depends_on(LABELS),
            depends_on(FEATURES_TABLE, months_earlier(LABEL_MONTH_ON_BOOK)),
        ],
        kinds={"ibis", "parquet"},
        owner="credit-risk",
    )
    def cohort(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        engine: EngineResource,
    ) -> None:
        keys = list(context.partition_keys)
        report_months(context, COHORT, _write_cohort(keys, datamart, settings, engine.open()))

    return cohort


def _write_cohort(
    keys: list[str], datamart: Datamart, settings: Settings, engine: Engine
) -> Written:
    applied = {month: add_months(month, -LABEL_MONTH_ON_BOOK) for month in keys}
    known = {month for month in applied.values() if month >= settings.first_month}

    def refined(month: str) -> Refined:
        inputs = datamart.inputs(LABELS, [month])
        facts = {"labels": datamart.required_record(LABELS, month).rows, "originated": 0}
        if applied[month] in known:
            inputs |= datamart.inputs(FEATURES_TABLE, [applied[month]])
            facts["originated"] = datamart.required_record(FEATURES_TABLE, applied[month]).rows
        return Refined(inputs, facts=facts)

    def figures(month: str) -> Metadata:
        record = datamart.required_record(COHORT, month)
        figures = {"labels without features": record.facts["labels"] - record.rows}
        if applied[month] in known:
            figures["loans without a label"] = record.facts["originated"] - record.rows
        return figures

    def rows(months: Sequence[str]) -> ir.Table:
        labels = engine.read(datamart.files(LABELS, months), LABELS.schema)
        of_then = [applied[month] for month in months if applied[month] in known]
        features = engine.read(datamart.files(FEATURES_TABLE, of_then), FEATURES_TABLE.schema)
        return tables.cohort(labels, features)

    return refine(datamart, engine, COHORT, rows, keys, refined, figures)
