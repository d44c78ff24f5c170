"""Early outcomes: what is estimated of scores whose labels are pending, and what came of it."""

from collections.abc import Iterator

import dagster as dg
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from credit_risk_dagster.assets.monthly import (
    MonthRows,
    Written,
    depends_on,
    monthly_asset,
    report_months,
    table_metadata,
    write_month,
)
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.outcome import LeftEarly
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.monitoring.early_facts import (
    Cohort,
    cohort_facts,
    outcome_facts,
)
from credit_risk_dagster.monitoring.facts import Fact, facts_table
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.partitions import months_earlier
from credit_risk_dagster.resources.engine import EngineResource
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.delinquency import LEFT, STATES, delinquency, state_counts
from credit_risk_dagster.tables.gold import LABEL_MONTH_ON_BOOK, LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import EARLY_OUTCOMES, PERFORMANCE
from credit_risk_dagster.tables.silver import SILVER_LOANS

LEARNED_MONTHS = 12
"""How many months of matured loans the chances of the states are learned from, at most."""


def early_outcomes_asset(months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return what the month tells of the scores whose labels are pending."""

    @monthly_asset(
        EARLY_OUTCOMES,
        months,
        deps=[
            *(depends_on(table) for table in (SILVER_LOANS, LABELS, PREDICTIONS, PERFORMANCE)),
            depends_on(EARLY_OUTCOMES, months_earlier(1)),
        ],
        kinds={"ibis"},
        owner="credit-risk",
    )
    def early_outcomes(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        engine: EngineResource,
    ) -> None:
        keys = list(context.partition_keys)
        written = _write(keys, datamart, settings, engine.open())
        report_months(context, EARLY_OUTCOMES, written)

    return early_outcomes


def _write(keys: list[str], datamart: Datamart, settings: Settings, engine: Engine) -> Written:
    """Write month after month, since the outcome of a month is set against earlier estimates."""
    for month in keys:
        writer = datamart.open(EARLY_OUTCOMES, [month])
        scored = _back(settings, month, LABEL_MONTH_ON_BOOK - 1)
        labelled = _back(settings, month, LEARNED_MONTHS - 1)
        books = _back(settings, month, LEARNED_MONTHS - 1 + LABEL_MONTH_ON_BOOK)
        earlier = [
            key
            for key in _back(settings, month, LABEL_MONTH_ON_BOOK)[:-1]
            if datamart.record(EARLY_OUTCOMES, key) is not None
        ]
        inputs: dict[str, Input] = datamart.inputs(PERFORMANCE, [month])
        for table, read in (
            (SILVER_LOANS, books),
            (LABELS, labelled),
            (PREDICTIONS, scored),
            (EARLY_OUTCOMES, earlier),
        ):
            inputs |= datamart.inputs(table, read)
        matured = _matured(datamart, engine, books, labelled)
        facts: list[Fact] = []
        for cohort in _cohorts(month, datamart, engine, scored):
            facts += cohort_facts(month, cohort, matured)
        facts += _outcomes(month, datamart, earlier)
        rows = facts_table(month, None, facts, EARLY_OUTCOMES.schema)
        record = write_month(EARLY_OUTCOMES, writer, MonthRows(month, rows, inputs))
        figures = {f"{fact.metric} of {fact.subject}": fact.value for fact in facts}
        yield month, table_metadata(datamart, EARLY_OUTCOMES, record, **figures)


def _back(settings: Settings, month: str, count: int) -> list[str]:
    return month_range(max(add_months(month, -count), settings.first_month), month)


def _read(datamart: Datamart, engine: Engine, table: Table, months: list[str]) -> ir.Table:
    return engine.read(datamart.files(table, months), table.schema)


def _matured(
    datamart: Datamart, engine: Engine, books: list[str], labelled: list[str]
) -> pd.DataFrame:
    """Return the counts of loans of known outcome: month_on_book, default, state, loans.

    A loan that was not in the book at a month on book has left.
    """
    states = delinquency(_read(datamart, engine, SILVER_LOANS, books))
    labels = _read(datamart, engine, LABELS, labelled)
    counts = state_counts(states, labels).to_pyarrow().to_pandas()
    whole = labels.group_by("default").aggregate(loans=labels.count()).to_pyarrow().to_pandas()
    seen = counts.groupby(["month_on_book", "default"], as_index=False)["loans"].sum()
    left = seen.merge(whole, on="default", suffixes=("_seen", ""))
    left["loans"] -= left.pop("loans_seen")
    parts = [counts.drop(columns="matured"), left.assign(state=LEFT)]
    rows: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return rows


def _cohorts(month: str, datamart: Datamart, engine: Engine, scored: list[str]) -> Iterator[Cohort]:
    """Return each pending cohort's scores as first issued, with what its loans are now."""
    states = delinquency(_read(datamart, engine, SILVER_LOANS, scored))
    now = states.filter(states.snapshot_date == month).select("loan_id", "state")
    known = now.to_pyarrow().to_pandas()
    columns = ["loan_id", "revision", "model_id", "probability"]
    for applied in scored:
        issued = datamart.read(PREDICTIONS, [applied], columns).to_pandas()
        issued = issued.sort_values("revision", kind="stable").drop_duplicates("loan_id")
        loans = issued.merge(known, on="loan_id", how="left")
        if CONTRACT.outcome.left_early is LeftEarly.UNKNOWN:
            loans = loans[loans["state"].notna()]  # it will have no label
        if len(loans):
            codes = pd.Categorical(loans["state"].fillna(LEFT), categories=STATES).codes
            yield Cohort(
                applied,
                str(loans["model_id"].iloc[0]),
                loans["probability"].to_numpy(np.float64),
                codes.astype(np.int64),
            )


def _outcomes(month: str, datamart: Datamart, earlier: list[str]) -> list[Fact]:
    """Set what was realised in the month against every earlier estimate of it."""
    applied = add_months(month, -LABEL_MONTH_ON_BOOK)
    realised = datamart.read(PERFORMANCE, [month]).to_pandas()
    estimates = datamart.read(EARLY_OUTCOMES, earlier).to_pandas()
    return outcome_facts(applied, realised, estimates[estimates["subject"] == applied[:7]])
