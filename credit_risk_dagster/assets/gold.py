"""Gold: features as known at application, labels as they mature, and the cohort of both."""

import dagster as dg
import pyarrow.compute as pc

from credit_risk_dagster.assets.monthly import (
    Written,
    depends_on,
    monthly_asset,
    report_months,
    table_metadata,
)
from credit_risk_dagster.datamart import Datamart
from credit_risk_dagster.engine import Engine
from credit_risk_dagster.features import CLICKSTREAM_MONTHS
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.partitions import months_earlier
from credit_risk_dagster.resources.engine import EngineResource
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables import gold as tables
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE, LABEL_MONTH_ON_BOOK, LABELS
from credit_risk_dagster.tables.silver import (
    SILVER,
    SILVER_ATTRIBUTES,
    SILVER_CLICKSTREAM,
    SILVER_FINANCIALS,
    SILVER_LOANS,
)
from credit_risk_dagster.tables.table import MONTH


def gold_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return features, labels and cohort."""
    return [_features(months), _labels(months), _cohort(months)]


def _features(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @monthly_asset(
        FEATURES_TABLE,
        months,
        deps=[depends_on(table) for table in SILVER.values()],
        description="One row per loan originated in the month: everything known of the applicant "
        "at application. The clickstream is read from every month up to this one.",
        kinds={"ibis", "parquet"},
        owner="data-engineering",
    )
    def features(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        engine: EngineResource,
    ) -> None:
        keys = list(context.partition_keys)
        written = _write_features(keys, datamart, settings, engine.open())
        report_months(context, FEATURES_TABLE, written)

    return features


def _write_features(
    keys: list[str], datamart: Datamart, settings: Settings, engine: Engine
) -> Written:
    history = month_range(settings.first_month, keys[-1])
    reads = {
        table: engine.read(datamart.files(table, keys), table.schema)
        for table in (SILVER_LOANS, SILVER_ATTRIBUTES, SILVER_FINANCIALS)
    }
    clickstream = engine.read(
        datamart.files(SILVER_CLICKSTREAM, history), SILVER_CLICKSTREAM.schema
    )
    rows = tables.features(*reads.values(), clickstream)
    with datamart.staging() as folder:
        engine.write(rows, FEATURES_TABLE.key, MONTH, folder)
        for month in keys:
            inputs: dict[str, str] = {}
            for table in reads:
                inputs |= datamart.hashes(table, [month])
            inputs |= datamart.hashes(SILVER_CLICKSTREAM, month_range(settings.first_month, month))
            applications = datamart.required_manifest(SILVER_FINANCIALS, month).rows
            manifest = datamart.commit(
                FEATURES_TABLE,
                month,
                folder / month,
                inputs=inputs,
                facts={"applications": applications},
                provenance={"engine": engine.name},
            )
            months_behind = datamart.read(FEATURES_TABLE, [month]).column(CLICKSTREAM_MONTHS)
            dark = pc.sum(pc.equal(months_behind, 0)).as_py() or 0
            yield (
                month,
                table_metadata(
                    datamart,
                    FEATURES_TABLE,
                    manifest,
                    **{
                        "applications without a loan": applications - manifest.rows,
                        "applicants without clickstream": dark,
                    },
                ),
            )


def _labels(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @monthly_asset(
        LABELS,
        months,
        deps=[depends_on(SILVER_LOANS)],
        description="One row per loan that reaches month on book 6 in the month: in default where "
        "it is 30 or more days past due.",
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
    loans = engine.read(datamart.files(SILVER_LOANS, keys), SILVER_LOANS.schema)
    with datamart.staging() as folder:
        engine.write(tables.labels(loans), LABELS.key, MONTH, folder)
        for month in keys:
            manifest = datamart.commit(
                LABELS, month, folder / month, inputs=datamart.hashes(SILVER_LOANS, [month])
            )
            rate = pc.mean(datamart.read(LABELS, [month]).column("default")).as_py()
            yield month, table_metadata(datamart, LABELS, manifest, **{"default rate": rate})


def _cohort(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @monthly_asset(
        COHORT,
        months,
        deps=[
            depends_on(LABELS),
            depends_on(FEATURES_TABLE, months_earlier(LABEL_MONTH_ON_BOOK)),
        ],
        description="The labels that matured in the month with the features of six months "
        "earlier: the training rows that the month adds.",
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
    known = [month for month in applied.values() if month >= settings.first_month]
    labels = engine.read(datamart.files(LABELS, keys), LABELS.schema)
    features = engine.read(datamart.files(FEATURES_TABLE, known), FEATURES_TABLE.schema)
    with datamart.staging() as folder:
        engine.write(tables.cohort(labels, features), COHORT.key, MONTH, folder)
        for month in keys:
            inputs = datamart.hashes(LABELS, [month])
            if applied[month] in known:
                inputs |= datamart.hashes(FEATURES_TABLE, [applied[month]])
            matured = datamart.required_manifest(LABELS, month).rows
            manifest = datamart.commit(
                COHORT, month, folder / month, inputs=inputs, facts={"labels": matured}
            )
            yield (
                month,
                table_metadata(
                    datamart,
                    COHORT,
                    manifest,
                    **{"labels without features": matured - manifest.rows},
                ),
            )
