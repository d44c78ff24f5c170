"""Portfolio: the loan book by vintage, by bucket of missed instalments, and in volume."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow.compute as pc

from credit_risk_dagster.assets.monthly import (
    MonthRows,
    depends_on,
    monthly_asset,
    report_months,
    write_months,
)
from credit_risk_dagster.assets.row_counts import row_counts
from credit_risk_dagster.contract.features import LABEL
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.monitoring.facts import Fact, facts_table
from credit_risk_dagster.monitoring.portfolio import (
    BOOK,
    VINTAGE_MONTHS_ON_BOOK,
    book_facts,
    delivery_facts,
    roll_facts,
    vintage_facts,
)
from credit_risk_dagster.months import add_months, first_day, month_range
from credit_risk_dagster.resources.engine import EngineResource
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.gold import FEATURES_TABLE, LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import PORTFOLIO
from credit_risk_dagster.tables.portfolio import book_counts, roll_counts, vintage_counts
from credit_risk_dagster.tables.silver import SILVER, SILVER_LOANS

READ = (*SILVER.values(), LABELS, FEATURES_TABLE, PREDICTIONS)

Counts = Mapping[str, pd.DataFrame]


def portfolio_asset(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the month's loan book in figures."""

    @monthly_asset(
        PORTFOLIO,
        months,
        deps=[depends_on(table) for table in READ],
        kinds={"ibis"},
        owner="credit-risk",
    )
    def portfolio(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        engine: EngineResource,
    ) -> None:
        keys = list(context.partition_keys)
        computed = _months(keys, datamart, settings, engine.open())
        report_months(context, PORTFOLIO, write_months(datamart, PORTFOLIO, keys, computed))

    return portfolio


def _months(
    keys: list[str], datamart: Datamart, settings: Settings, engine: Engine
) -> Iterator[MonthRows]:
    counts = _counts(datamart, engine, _snapshots(settings, keys[0], keys[-1]))
    for month in keys:
        snapshots = _snapshots(settings, month, month)
        inputs = datamart.inputs(SILVER_LOANS, snapshots)
        for table in READ:
            inputs |= datamart.inputs(table, [month])
        facts = _facts(month, datamart, settings, counts)
        rows = facts_table(month, None, facts, PORTFOLIO.schema)
        yield MonthRows(month, rows, inputs, figures=_figures(facts))


def _snapshots(settings: Settings, first: str, last: str) -> list[str]:
    """Return every snapshot that the vintages of a span of months were seen in."""
    oldest = add_months(first, -VINTAGE_MONTHS_ON_BOOK)
    return month_range(max(oldest, settings.first_month), last)


def _counts(datamart: Datamart, engine: Engine, snapshots: list[str]) -> Counts:
    loans = engine.read(datamart.files(SILVER_LOANS, snapshots), SILVER_LOANS.schema)
    tables = {"vintages": vintage_counts, "rolls": roll_counts, "book": book_counts}
    return {name: count(loans).to_pyarrow().to_pandas() for name, count in tables.items()}


def _facts(month: str, datamart: Datamart, settings: Settings, counts: Counts) -> list[Fact]:
    today = first_day(month)
    rolls, book = (counts[name] for name in ("rolls", "book"))
    here = book[book["snapshot_date"] == today]
    row = {str(name): int(here[name].sum()) for name in here.columns.drop("snapshot_date")}
    labels = datamart.read(LABELS, [month], [LABEL]).column(LABEL)
    facts = [
        *vintage_facts(month, settings.first_month, counts["vintages"]),
        *roll_facts(rolls[rolls["snapshot_date"] == today]),
        *book_facts(
            row,
            applications=datamart.required_record(FEATURES_TABLE, month).facts["applications"],
            scored_applicants=_scored(datamart, month),
            defaults=pc.sum(labels).as_py() or 0,
            labels=len(labels),
        ),
    ]
    for source in CONTRACT.sources:
        delivered = datamart.record(BRONZE[source.name], month)
        refined = datamart.record(SILVER[source.name], month)
        facts += delivery_facts(source.name, row_counts(delivered, refined) or {})
    return facts


def _scored(datamart: Datamart, month: str) -> int:
    record = datamart.required_record(PREDICTIONS, month)
    return int(record.facts["applicants"]) if record.rows else 0


def _figures(facts: list[Fact]) -> dict[str, Any]:
    return {fact.metric.replace("_", " "): fact.value for fact in facts if fact.basis == BOOK}
