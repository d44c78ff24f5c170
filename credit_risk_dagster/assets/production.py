"""Production: which model version is in production in a month, and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.assets.monthly import (
    KEPT,
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
from credit_risk_dagster.contract.features import MODEL_INPUTS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.models.candidates.interface import candidate_named
from credit_risk_dagster.models.dark_sources import masked
from credit_risk_dagster.models.gates import Gate
from credit_risk_dagster.models.promotion import (
    CandidateEvidence,
    Incumbent,
    PromotionDecision,
    Rules,
    decide_promotion,
)
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.months import add_months, first_day
from credit_risk_dagster.partitions import months_earlier
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.resources.tracking import ModelTracking
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import COHORT
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.training import CANDIDATE_TABLES, OUT_OF_TIME_SCORES

READ = ("loan_id", "default", "probability", "masked_probability")
"""What of the out-of-time scores two models are compared by."""

PROMOTED, CARRIED_OVER, NONE_YET = "promoted", "carried_over", "none_yet"
MODEL_COLUMNS = (
    "model_id",
    "candidate",
    "trained_in",
    "oot_auc",
    "model_sha256",
    "mlflow_version",
)

Record = dict[str, Any]


def production_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the record of the production model."""

    @monthly_asset(
        PRODUCTION_MODEL,
        months,
        deps=[
            *(depends_on(table) for table in CANDIDATE_TABLES.values()),
            depends_on(COHORT),
            depends_on(PRODUCTION_MODEL, months_earlier(1)),
        ],
        kinds={"mlflow"},
        owner="credit-risk",
    )
    def production_model(
        context: dg.AssetExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
        models: dg.ResourceParam[ModelStore],
        tracking: ModelTracking,
    ) -> None:
        keys = list(context.partition_keys)
        written = _write_production(keys, datamart, settings, models, tracking)
        report_months(context, PRODUCTION_MODEL, written)

    return [production_model]


def _write_production(
    keys: list[str],
    datamart: Datamart,
    settings: Settings,
    models: ModelStore,
    tracking: ModelTracking,
) -> Written:
    for month in keys:
        writer = datamart.open(PRODUCTION_MODEL, [month])
        inputs: dict[str, Input] = {}
        incumbent: Record = dict.fromkeys(MODEL_COLUMNS)
        if month > settings.first_month:
            previous = add_months(month, -1)
            incumbent = production_record(datamart, previous)
            inputs |= datamart.inputs(PRODUCTION_MODEL, [previous])
        candidates = {
            name: datamart.read(table, [month]).to_pylist()[0]
            for name, table in CANDIDATE_TABLES.items()
        }
        for table in CANDIDATE_TABLES.values():
            inputs |= datamart.inputs(table, [month])
        cohorts = _judged_on(datamart, month, candidates)
        inputs |= datamart.inputs(COHORT, cohorts)
        known = decided_before(datamart, PRODUCTION_MODEL, month, inputs)
        if known is not None:
            written = keep_decision(datamart, PRODUCTION_MODEL, writer, known, inputs)
            version = _recorded_version(datamart, month)
            if version and month == datamart.months(PRODUCTION_MODEL)[-1]:
                tracking.put_into_production(version)
            yield month, table_metadata(datamart, PRODUCTION_MODEL, written, kept=KEPT)
            continue
        if all(candidate["model_id"] is None for candidate in candidates.values()):
            record = _carry_over(incumbent, next(iter(candidates.values()))["reason"])
        else:
            record = _compare(month, incumbent, candidates, cohorts, datamart, settings, models)
        if record["action"] == PROMOTED:
            run_id = candidates[record["candidate"]]["mlflow_run_id"]
            record["mlflow_version"] = tracking.register(record["model_id"], run_id, month)
        recorded_before = _recorded_version(datamart, month)
        row = {"snapshot_date": first_day(month), **record}
        rows = pa.Table.from_pylist([row], schema=PRODUCTION_MODEL.schema)
        written = write_month(PRODUCTION_MODEL, writer, MonthRows(month, rows, inputs))
        version = record["mlflow_version"]
        if month == datamart.months(PRODUCTION_MODEL)[-1] and (version or recorded_before):
            tracking.put_into_production(version)
        yield month, table_metadata(datamart, PRODUCTION_MODEL, written, **record)


def _carry_over(incumbent: Record, reason: str) -> Record:
    kept = {name: incumbent[name] for name in MODEL_COLUMNS}
    action = NONE_YET if kept["model_id"] is None else CARRIED_OVER
    return {**kept, "action": action, "reason": reason}


def _judged_on(datamart: Datamart, month: str, candidates: dict[str, Record]) -> list[str]:
    """Return the cohorts that the month's candidates are judged on; none if none was trained."""
    if all(candidate["model_id"] is None for candidate in candidates.values()):
        return []
    table = next(iter(CANDIDATE_TABLES.values()))
    scores = datamart.read_beside(table, month, OUT_OF_TIME_SCORES, ["cohort"])
    return sorted(pc.unique(scores["cohort"]).to_pylist())


def _compare(
    month: str,
    incumbent: Record,
    candidates: dict[str, Record],
    cohorts: list[str],
    datamart: Datamart,
    settings: Settings,
    models: ModelStore,
) -> Record:
    """Choose the challenger and compare it with the incumbent on the same out-of-time rows."""
    scores = {
        name: datamart.read_beside(table, month, OUT_OF_TIME_SCORES, READ).to_pandas()
        for name, table in CANDIDATE_TABLES.items()
    }
    rows = next(iter(scores.values()))
    labels = rows["default"].to_numpy(np.int64)
    evidence = [_evidence(name, candidates[name], scores[name]) for name in CANDIDATE_TABLES]
    policy = settings.policy
    shares = json.loads(next(iter(candidates.values()))["missing_shares"])
    decision = decide_promotion(
        labels,
        evidence,
        _incumbent(incumbent, rows, cohorts, shares, datamart, models),
        Rules(policy.minimum_auc, policy.minimum_gain, policy.promotion_significance),
    )
    challenger = decision.challenger
    model = (
        {
            "model_id": challenger.model_id,
            "candidate": challenger.name,
            "trained_in": month,
            "oot_auc": challenger.oot_auc,
            "model_sha256": candidates[challenger.name]["model_sha256"],
        }
        if decision.action == PROMOTED
        else {name: incumbent[name] for name in MODEL_COLUMNS}
    )
    return {
        **model,
        "action": decision.action,
        "reason": decision.reason,
        "challenger_model_id": challenger.model_id,
        "selection_reason": decision.selection_reason,
        "contests": json.dumps(_contests(evidence, decision)),
        **_figures(decision, candidates[challenger.name]),
    }


def _evidence(name: str, candidate: Record, scores: pd.DataFrame) -> CandidateEvidence:
    return CandidateEvidence(
        name=name,
        model_id=candidate["model_id"],
        place=candidate_named(name).SIMPLEST_FIRST,
        oot_auc=candidate["oot_auc"],
        oot_probabilities=scores["probability"].to_numpy(np.float64),
        masked_probabilities=scores["masked_probability"].to_numpy(np.float64),
        gates=[Gate(**gate) for gate in json.loads(candidate["gates"])],
    )


def _contests(
    evidence: Sequence[CandidateEvidence], decision: PromotionDecision
) -> list[dict[str, Any]]:
    """Return what every candidate was compared by, as what JSON can hold."""
    met = {one.name: one for one in decision.contests}
    return [
        {
            "candidate": one.name,
            "model_id": one.model_id,
            "oot_auc": one.oot_auc,
            "closed_gates": [gate.name for gate in one.gates if not gate.holds],
            "against_incumbent": None
            if one.name not in met
            else asdict(met[one.name].comparison)
            | {"adjusted_p_value": met[one.name].adjusted_p_value},
        }
        for one in evidence
    ]


def _figures(decision: PromotionDecision, challenger: Record) -> Record:
    if decision.contest is None:
        return {"challenger_auc": challenger["oot_auc_masked"]}
    comparison = decision.contest.comparison
    return {
        "challenger_auc": comparison.challenger_auc,
        "incumbent_auc": comparison.incumbent_auc,
        "auc_difference": comparison.difference,
        "auc_difference_lower": comparison.lower,
        "auc_difference_upper": comparison.upper,
        "p_value": decision.contest.adjusted_p_value,
    }


def _incumbent(
    incumbent: Record,
    rows: pd.DataFrame,
    cohorts: list[str],
    shares: Mapping[str, float],
    datamart: Datamart,
    models: ModelStore,
) -> Incumbent | None:
    """Score the loans that the candidates are judged on by the model in production."""
    if incumbent["model_id"] is None:
        return None
    model = models.load(incumbent["model_id"], incumbent["model_sha256"])
    loans = datamart.read(COHORT, cohorts, ["loan_id", *MODEL_INPUTS]).to_pandas()
    loans = loans.set_index("loan_id", drop=False).loc[rows["loan_id"]].reset_index(drop=True)
    return Incumbent(
        incumbent["model_id"], score(model, loans), score(model, masked(loans, shares))
    )


def _recorded_version(datamart: Datamart, month: str) -> str | None:
    """Return the version that an earlier run of the month recorded, if there was one."""
    if datamart.record(PRODUCTION_MODEL, month) is None:
        return None
    version: str | None = production_record(datamart, month)["mlflow_version"]
    return version
