"""The candidates of a month: tuned, tested, refitted and judged where training is due."""

import json
from typing import Any

import dagster as dg
import pyarrow as pa

from credit_risk_dagster.assets.monthly import (
    KEPT,
    Metadata,
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
from credit_risk_dagster.assets.plots import discrimination_plot, tuning_plot
from credit_risk_dagster.assets.trained_candidate import (
    candidate_card,
    keep_candidate,
    out_of_time_scores,
)
from credit_risk_dagster.assets.training_frame import (
    applicants_missing,
    sampled_share,
    training_frame,
    training_settings,
)
from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.lineage import inputs_of
from credit_risk_dagster.datamart.record import Inputs, MonthRecord
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.models.split import training_window
from credit_risk_dagster.months import first_day
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.resources.tracking import ModelTracking
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import STORED
from credit_risk_dagster.tables.definitions import definition_of
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE
from credit_risk_dagster.tables.training import (
    CANDIDATE_TABLES,
    OUT_OF_TIME_SCORES,
    TRAINING_DECISION,
)

NOT_DUE = "not_due"

AS_JSON = ("parameters", "gates", "oot_auc_without", "missing_shares")
"""What a candidate's record holds as JSON."""

REFINED = ("gold", "silver")
"""The layers whose definitions give columns their meaning."""


def candidate_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return one asset per candidate."""
    return [_candidate(name, months) for name in CANDIDATES]


def _candidate(name: str, months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    table = CANDIDATE_TABLES[name]

    @monthly_asset(
        table,
        months,
        deps=[
            depends_on(TRAINING_DECISION),
            depends_on(COHORT),
            depends_on(FEATURES_TABLE),
        ],
        kinds={"xgboost" if name == "xgboost" else "scikitlearn", "optuna", "mlflow"},
        owner="credit-risk",
    )
    def candidate(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        models: dg.ResourceParam[ModelStore],
        tracking: ModelTracking,
    ) -> None:
        report_months(
            context, table, _write_candidates(context, name, datamart, settings, models, tracking)
        )

    return candidate


def _write_candidates(
    context: dg.AssetExecutionContext,
    name: str,
    datamart: Datamart,
    settings: Settings,
    models: ModelStore,
    tracking: ModelTracking,
) -> Written:
    from credit_risk_dagster.models.identity import training_key, training_rows_hash
    from credit_risk_dagster.models.training import train_candidate

    table = CANDIDATE_TABLES[name]
    for month in context.partition_keys:
        writer = datamart.open(table, [month])
        inputs = datamart.inputs(TRAINING_DECISION, [month])
        decision = datamart.read(TRAINING_DECISION, [month]).to_pylist()[0]
        cohorts = decision["cohorts"].split(",") if decision["cohorts"] else []
        inputs |= datamart.inputs(COHORT, cohorts)
        if cohorts:
            inputs |= datamart.inputs(FEATURES_TABLE, [month])
        known = decided_before(datamart, table, month, inputs)
        if known is not None:
            record = keep_decision(datamart, table, writer, known, inputs)
            yield month, table_metadata(datamart, table, record, kept=KEPT)
            continue
        if not cohorts:
            row = {"action": NOT_DUE, "reason": decision["reason"]}
            computed = MonthRows(month, _rows(month, table.schema, row), inputs)
            record = write_month(table, writer, computed)
            yield month, table_metadata(datamart, table, record, **row)
            continue
        require_one_definition(datamart, cohorts)
        tuning, window = settings.tuning, training_window(cohorts, settings.policy)
        share = sampled_share(datamart, window, tuning.maximum_rows)
        frame = training_frame(datamart, window, share)
        key = training_key(
            training_rows_hash(frame),
            training_settings(tuning, share),
            tuning.seed,
            name,
            window,
            definition_of(table),
        )
        kept = _kept(datamart, models, table, month, inputs, key)
        if kept is None:
            context.log.info(
                "%s: tuning %s on %.0f %% of %d cohorts",
                month,
                name,
                100 * share,
                len(window.train),
            )
            trained = train_candidate(
                frame,
                window,
                name,
                tuning.trials,
                tuning.seed,
                tuning.threads,
                applicants_missing(datamart, month),
            )
            threshold = settings.monitoring.decision_threshold
            card = candidate_card(month, key, trained, frame, window, threshold)
            row = keep_candidate(context, card, trained, frame, window, models, tracking)
            computed = MonthRows(
                month=month,
                rows=_rows(month, table.schema, row | {"reason": decision["reason"]}),
                inputs=inputs,
                beside={OUT_OF_TIME_SCORES: out_of_time_scores(trained, frame, window)},
                facts={"training_key": key},
            )
            kept = write_month(table, writer, computed)
        yield month, _candidate_metadata(datamart, models, table, kept)


def require_one_definition(datamart: Datamart, cohorts: list[str]) -> None:
    """Check that labels and features of a training were made by the same definitions.

    Raises:
        PartitionError: if they were not: a model must not learn from columns of mixed meaning.
    """
    made: dict[frozenset[str], list[str]] = {}
    for month in cohorts:
        record = datamart.required_record(COHORT, month)
        made.setdefault(frozenset(_definitions_behind(datamart, record)), []).append(month)
    if len(made) > 1:
        spans = "; ".join(_span(months) for months in made.values())
        raise PartitionError(
            f"The cohorts of this training were made by {len(made)} definitions: {spans}. Run the "
            f"months from {min(cohorts)[:7]} on again, so that all are made by today's."
        )


def _definitions_behind(datamart: Datamart, record: MonthRecord) -> set[str]:
    """Return the definitions of gold and silver that a month rests on.

    Not the reader's: a delivery that is no longer there cannot be read again by today's.
    """
    waiting, seen = [record], set[tuple[str, str, int]]()
    behind = set()
    while waiting:
        one = waiting.pop()
        key = (one.table, one.month, one.version)
        if key not in seen and one.table.partition("/")[0] in REFINED:
            seen.add(key)
            behind.add(f"{one.table} {one.definition}")
            waiting += inputs_of(datamart, STORED, one)
    return behind


def _span(months: list[str]) -> str:
    first, last = months[0][:7], months[-1][:7]
    return first if first == last else f"{first} to {last}"


def _kept(
    datamart: Datamart,
    models: ModelStore,
    table: Table,
    month: str,
    inputs: Inputs,
    key: str,
) -> MonthRecord | None:
    """Return the record of the same training, unless it or its model is lost or damaged."""
    kept = datamart.record(table, month)
    made_of = {name: one.content_hash for name, one in inputs.items()}
    if kept is None or kept.inputs != made_of or kept.facts.get("training_key") != key:
        return None
    if datamart.damaged_files(table, kept):
        return None
    row = datamart.read(table, [month]).to_pylist()[0]
    return kept if models.holds(row["model_id"], row["model_sha256"]) else None


def _candidate_metadata(
    datamart: Datamart, models: ModelStore, table: Table, record: MonthRecord
) -> Metadata:
    row = datamart.read(table, [record.month]).to_pylist()[0]
    scores = datamart.read_beside(
        table, record.month, OUT_OF_TIME_SCORES, ["default", "probability"]
    ).to_pandas()
    trials = models.card(row["model_id"])["trials"]
    figures = {name: value for name, value in row.items() if name != "snapshot_date"}
    return table_metadata(
        datamart,
        table,
        record,
        **figures
        | {name: dg.MetadataValue.json(json.loads(row[name])) for name in AS_JSON if row.get(name)},
        discrimination=discrimination_plot(
            scores["default"].to_numpy(), scores["probability"].to_numpy()
        ),
        tuning=tuning_plot([one["mean_auc"] for one in trials if not one.get("pruned")]),
    )


def _rows(month: str, schema: pa.Schema, row: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([{"snapshot_date": first_day(month), **row}], schema=schema)
