"""Silver: bronze typed and cleaned, each row accepted, quarantined or a duplicate."""

from collections.abc import Sequence

import dagster as dg
import ibis.expr.types as ir
import pyarrow.compute as pc

from credit_risk_dagster.assets.monthly import (
    Metadata,
    Written,
    depends_on,
    markdown_table,
    monthly_asset,
    report_months,
)
from credit_risk_dagster.assets.refinement import Refined, refine
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import Rule, StagedFiles
from credit_risk_dagster.resources.engine import EngineResource
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables import silver as tables
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.judgement import CORRECTIONS, DUPLICATES, QUARANTINED
from credit_risk_dagster.tables.quarantine import quarantined_share, reason_counts


def silver_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return one asset per source."""
    return [_silver_asset(name, months) for name in tables.REFINE]


def _silver_asset(name: str, months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    table = tables.SILVER[name]

    @monthly_asset(
        table,
        months,
        deps=[depends_on(BRONZE[name])],
        kinds={"ibis", "parquet"},
        owner="data-engineering",
    )
    def silver(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        engine: EngineResource,
    ) -> None:
        keys = list(context.partition_keys)
        report_months(context, table, write_refined(name, keys, datamart, settings, engine.open()))

    return silver


def write_refined(
    name: str, keys: Sequence[str], datamart: Datamart, settings: Settings, engine: Engine
) -> Written:
    """Write the months of a source, refined; those before one that is refused as well.

    Raises:
        PartitionError: if too much of a month is quarantined.
    """
    bronze, table = BRONZE[name], tables.SILVER[name]

    def refined(month: str) -> Refined:
        delivery = datamart.required_record(bronze, month)
        return Refined(
            inputs=datamart.inputs(bronze, [month]),
            facts={"delivered": delivery.facts["delivered"]},
            rules=[_adds_up(delivery), _quarantine_limit(delivery, settings)],
        )

    def rows(months: Sequence[str]) -> ir.Table:
        return tables.REFINE[name](engine.read(datamart.files(bronze, months), bronze.schema))

    return refine(
        datamart,
        engine,
        table,
        rows,
        keys,
        refined,
        lambda month: _figures(datamart, table, month),
    )


def _adds_up(bronze: MonthRecord) -> Rule:
    """Accepted, quarantined and duplicate rows must add up to the rows delivered."""

    def rule(record: MonthRecord, _staged: StagedFiles) -> str | None:
        parts = {"accepted": record.rows}
        parts |= {name: record.beside[name].rows for name in (QUARANTINED, DUPLICATES)}
        if sum(parts.values()) == bronze.rows:
            return None
        return f"{parts} do not add up to the {bronze.rows} rows of {bronze.partition}."

    return rule


def _quarantine_limit(bronze: MonthRecord, settings: Settings) -> Rule:
    """A month in which too much is quarantined is a bad delivery, not a small month."""
    limit = settings.monitoring.quarantine_limit_share

    def rule(record: MonthRecord, staged: StagedFiles) -> str | None:
        share = quarantined_share(bronze, record)
        if share <= limit:
            return None
        reasons = reason_counts(staged[QUARANTINED])
        named = "; ".join(f"{reason}: {count} rows" for reason, count in reasons[:5])
        return (
            f"{share:.1%} of the delivered rows are quarantined or unreadable, more than the limit "
            f"of {limit:.1%}. {named or 'See the rejected lines of bronze'}. "
            "Ask for a corrected delivery, or raise "
            "CREDIT_RISK_MONITORING__QUARANTINE_LIMIT_SHARE."
        )

    return rule


def _figures(datamart: Datamart, table: Table, month: str) -> Metadata:
    corrections = datamart.read(table, [month], [CORRECTIONS]).column(CORRECTIONS)
    reasons = reason_counts(datamart.files_beside(table, month, QUARANTINED))
    return {
        "rows with corrected values": pc.sum(pc.not_equal(corrections, "")).as_py() or 0,
        "reasons for quarantine": markdown_table(
            [{"reason": reason, "rows": count} for reason, count in reasons[:10]]
        ),
    }
