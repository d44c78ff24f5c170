"""Gold: features as known at application, labels as they mature, and the cohort of both."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import dagster as dg
import ibis.expr.types as ir
import pyarrow as pa
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
from credit_risk_dagster.contract.features import LABEL, PANEL_MONTHS
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.lender import months_of
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.months import add_months, first_day, month_range
from credit_risk_dagster.partitions import months_earlier
from credit_risk_dagster.resources.engine import EngineResource
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables import gold as tables
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE, LABEL_MONTH_ON_BOOK, LABELS
from credit_risk_dagster.tables.labels import labels as labels_of
from credit_risk_dagster.tables.labels import months_read
from credit_risk_dagster.tables.panel import DORMANT, SO_FAR
from credit_risk_dagster.tables.silver import SILVER, SILVER_LOANS

APPLICANTS = {source.name: SILVER[source.name] for source in CONTRACT.applicants}
FEATURES_OF = (SILVER_LOANS, *APPLICANTS.values(), *SO_FAR.values())


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
        return Refined(inputs, facts={"applications": applications(datamart, month)})

    def figures(month: str) -> Metadata:
        rows = datamart.read(FEATURES_TABLE, [month], PANEL_MONTHS)
        without = {
            f"applicants without {panel.name}": _zeros(rows.column(months_of(panel.name)))
            for panel in CONTRACT.panels
        }
        unlent = applications(datamart, month) - rows.num_rows
        return {"applications without a loan": unlent, **without}

    def rows(months: Sequence[str]) -> ir.Table:
        def read(table: Table) -> ir.Table:
            return engine.read(datamart.files(table, months), table.schema)

        return tables.features(
            loans=read(SILVER_LOANS),
            applicants={name: read(table) for name, table in APPLICANTS.items()},
            panels={name: (read(state), _dormant(state, months)) for name, state in SO_FAR.items()},
        )

    def _dormant(state: Table, months: Sequence[str]) -> ir.Table | None:
        files = _dormant_applicants(datamart, state, months)
        return engine.read(files, state.schema) if files else None

    return refine(datamart, engine, FEATURES_TABLE, rows, keys, refined, figures)


def applications(datamart: Datamart, month: str) -> int:
    """Return how many applied in a month, with a loan or without, as far as a source knows."""
    counted = APPLICANTS.values() or (FEATURES_TABLE,)
    return max(datamart.required_record(table, month).rows for table in counted)


def _zeros(counts: pa.ChunkedArray) -> int:
    return pc.sum(pc.equal(counts, 0)).as_py() or 0


def _dormant_applicants(datamart: Datamart, so_far: Table, months: Sequence[str]) -> list[Path]:
    """Return the files that hold the state of applicants who gave no reading lately."""
    holding: set[str] = set()
    state = partial(datamart.required_record, so_far)
    for month in months:
        index = read_index(datamart, so_far, state(month))
        if index.num_rows:
            loans = datamart.read(SILVER_LOANS, [month], ["customer_id", "month_on_book"])
            applied = loans.filter(pc.equal(loans["month_on_book"], 0))["customer_id"]
            holding |= set(months_holding(state, state(month), index, applied))
    files = [datamart.files_beside(so_far, month, DORMANT) for month in sorted(holding)]
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
        settings: dg.ResourceParam[Settings],
        engine: EngineResource,
    ) -> None:
        keys = list(context.partition_keys)
        report_months(context, LABELS, _write_labels(keys, datamart, settings, engine.open()))

    return labels


def _write_labels(
    keys: list[str], datamart: Datamart, settings: Settings, engine: Engine
) -> Written:
    def refined(month: str) -> Refined:
        return Refined(datamart.inputs(SILVER_LOANS, _snapshots(month, settings)))

    def figures(month: str) -> Metadata:
        labels = datamart.read(LABELS, [month], [LABEL]).column(LABEL)
        return {"default rate": pc.mean(labels).as_py()}

    def rows(months: Sequence[str]) -> ir.Table:
        read = sorted({one for month in months for one in _snapshots(month, settings)})
        loans = engine.read(datamart.files(SILVER_LOANS, read), SILVER_LOANS.schema)
        labels = labels_of(loans, CONTRACT.outcome)
        return labels.filter(labels.snapshot_date.isin([first_day(month) for month in months]))

    return refine(datamart, engine, LABELS, rows, keys, refined, figures)


def _snapshots(month: str, settings: Settings) -> list[str]:
    """Return the months of the loan book that the labels of a month are made of."""
    oldest = add_months(month, -months_read(CONTRACT.outcome))
    return month_range(max(oldest, settings.first_month), month)


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
