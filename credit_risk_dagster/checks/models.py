"""Checks of training, production, scores and monitoring."""

import pyarrow.compute as pc

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.assets.issued_scores import REVISION, newest_scores
from credit_risk_dagster.assets.reason_facts import REASONS
from credit_risk_dagster.checks.monthly_check import Finding, MonthlyCheck
from credit_risk_dagster.checks.structure import structure_checks
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.models.reason_quality import LARGEST_CONTRADICTING, SMALLEST_COVERAGE
from credit_risk_dagster.monitoring.calibration_light import calibration_faults
from credit_risk_dagster.monitoring.drift import significant_shifts
from credit_risk_dagster.monitoring.facts import BEYOND_NOISE
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import (
    DRIFT,
    EARLY_OUTCOMES,
    FACT_TABLES,
    PERFORMANCE,
    REPORT,
)
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.training import CANDIDATE_TABLES, TRAINING_DECISION

SHOWN_SHIFTS = 5


def model_checks() -> list[MonthlyCheck]:
    """Return the checks from the training decision to performance."""
    tables = (TRAINING_DECISION, *CANDIDATE_TABLES.values(), PRODUCTION_MODEL)
    return [
        *(
            check
            for table in (*tables, *FACT_TABLES.values(), REPORT)
            for check in structure_checks(table)
        ),
        *structure_checks(PREDICTIONS),
        MonthlyCheck(
            TRAINING_DECISION,
            "enough_history",
            enough_history,
            "There are enough consecutive cohorts to train on.",
            warns=True,
        ),
        *(_model_quality(table) for table in CANDIDATE_TABLES.values()),
        MonthlyCheck(
            PRODUCTION_MODEL,
            "model_in_production",
            model_in_production,
            "A model is in production, so that applicants can be scored.",
            warns=True,
        ),
        MonthlyCheck(
            PREDICTIONS,
            "score_sanity",
            score_sanity,
            "Every applicant has one issued score, a probability, by the month's production model.",
            blocking=True,
        ),
        MonthlyCheck(
            DRIFT,
            "drift_bands",
            drift_bands,
            "No score or feature has shifted significantly and by more than sampling noise.",
        ),
        MonthlyCheck(
            DRIFT,
            "reasons_hold",
            reasons_hold,
            "Reasons say what is so, and everybody above the cut-off has two.",
        ),
        MonthlyCheck(
            PERFORMANCE,
            "performance_holds",
            performance_holds,
            "The AUC on matured loans is not below the minimum by more than noise.",
        ),
        MonthlyCheck(
            PERFORMANCE,
            "calibration_holds",
            calibration_holds,
            "Probabilities and outcomes agree within noise, overall and in every score band.",
        ),
        MonthlyCheck(
            EARLY_OUTCOMES,
            "early_outcomes_hold",
            early_outcomes_hold,
            "No AUC estimated from missed instalments is below the minimum by more than noise.",
        ),
    ]


def enough_history(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Read the verdict of the policy."""
    verdict = datamart.read(TRAINING_DECISION, [month]).to_pylist()[0]
    return Finding(verdict["action"] != "too_little_history", verdict["reason"])


def _model_quality(table: Table) -> MonthlyCheck:
    def model_quality(datamart: Datamart, settings: Settings, month: str) -> Finding:
        record = datamart.read(table, [month]).to_pylist()[0]
        if record["model_id"] is None:
            return Finding(True, f"Not trained: {record['reason']}")
        minimum, auc = settings.policy.minimum_auc, record["oot_auc"]
        enough = auc is not None and auc >= minimum
        shown = "undefined" if auc is None else f"{auc:.4f}"
        sentence = f"Out-of-time AUC {shown} on {record['oot_size']} loans, minimum {minimum:g}."
        return Finding(enough, sentence, {"oot_auc": auc})

    return MonthlyCheck(
        table, "model_quality", model_quality, "A trained candidate reaches the minimum AUC."
    )


def model_in_production(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Read the record of the production model."""
    record = production_record(datamart, month)
    named = record["model_id"] or "No model"
    return Finding(record["model_id"] is not None, f"{named}: {record['reason']}")


def score_sanity(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Compare the issued scores with the applicants and the production model."""
    model = production_record(datamart, month)["model_id"]
    applicants = datamart.required_record(FEATURES_TABLE, month).rows
    rows = datamart.read(PREDICTIONS, [month], [REVISION, "model_id", "probability"])
    newest = newest_scores(rows)
    if model is None:
        return Finding(newest.num_rows == 0, "No model, so no scores.", {"applicants": applicants})
    probability = newest.column("probability")
    between = pc.and_(pc.greater_equal(probability, 0.0), pc.less_equal(probability, 1.0))
    faults = {
        "applicants without a score": applicants - newest.num_rows,
        "scores outside 0 to 1": newest.num_rows - (pc.sum(between).as_py() or 0),
        "scores by another model": pc.sum(pc.not_equal(newest.column("model_id"), model)).as_py()
        or 0,
    }
    constant = newest.num_rows > 1 and pc.count_distinct(probability).as_py() == 1
    named = "; ".join(f"{name}: {count}" for name, count in faults.items())
    sentence = f"{newest.num_rows} scores for {applicants} applicants. {named}."
    if constant:
        sentence += " All scores are equal."
    return Finding(not any(faults.values()) and not constant, sentence, faults)


def drift_bands(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Name the significant shifts, the largest first."""
    facts = datamart.read(DRIFT, [month]).to_pandas()
    if facts["value"].isna().all():
        return Finding(True, "No model is in production: drift is not measured.")
    shifts = significant_shifts(facts)
    figures = {"significant shifts": len(shifts)}
    if not shifts:
        return Finding(True, "No significant shift.", figures)
    named = ", ".join(
        f"{shift['metric'].upper()} of {shift['subject']} {shift['value']:.2f}"
        for shift in shifts[:SHOWN_SHIFTS]
    )
    more = f" and {len(shifts) - SHOWN_SHIFTS} more" if len(shifts) > SHOWN_SHIFTS else ""
    sentence = f"{len(shifts)} significant shifts: {named}{more}."
    return Finding(False, sentence, figures)


def reasons_hold(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Read how many reasons contradict the data, and how many applicants have two."""
    facts = datamart.read(DRIFT, [month]).to_pandas()
    judged = facts[facts["basis"] == REASONS].set_index("metric")
    if judged["value"].isna().all():
        return Finding(True, "No reason was given by a model that knows where loans default less.")
    figures = {name: float(value) for name, value in judged["value"].dropna().items()}
    said = ", ".join(f"{name.replace('_', ' ')} {value:.1%}" for name, value in figures.items())
    return Finding(
        bool((judged["status"] != BEYOND_NOISE).all()),
        f"Of the reasons given: {said}. At most {LARGEST_CONTRADICTING:.0%} may contradict the "
        f"data beyond noise, and at least {SMALLEST_COVERAGE:.0%} above the cut-off need two.",
        figures,
    )


def performance_holds(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Compare the upper end of each basis's interval with the minimum AUC."""
    facts = datamart.read(PERFORMANCE, [month]).to_pandas()
    aucs = facts[(facts["metric"] == "auc") & facts["value"].notna()]
    if aucs.empty:
        return Finding(True, "Pending: no scored loan has matured.")
    minimum = settings.policy.minimum_auc
    weak = aucs[aucs["upper"].fillna(aucs["value"]) < minimum]
    sentence = " ".join(
        f"{row.basis} AUC {row.value:.3f} on {row.sample_size} loans." for row in aucs.itertuples()
    )
    figures = {f"{row.basis} auc": row.value for row in aucs.itertuples()}
    return Finding(weak.empty, f"{sentence} Minimum {minimum:g}.", figures)


def calibration_holds(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Name what is off by more than noise."""
    facts = datamart.read(PERFORMANCE, [month]).to_pandas()
    if facts[facts["metric"] == "observed_expected_ratio"]["value"].isna().all():
        return Finding(True, "Pending: no scored loan has matured.")
    faults = calibration_faults(facts)
    said = "; ".join(faults) or "Probabilities and outcomes agree within noise"
    return Finding(not faults, f"{said}.", {"faults": len(faults)})


def early_outcomes_hold(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Compare the upper end of each cohort's estimated AUC with the minimum."""
    facts = datamart.read(EARLY_OUTCOMES, [month]).to_pandas()
    aucs = facts[(facts["metric"] == "estimated_auc") & facts["value"].notna()]
    if aucs.empty:
        return Finding(True, "No scored cohort is old enough for an estimate.")
    weak = aucs[aucs["upper"] < settings.policy.minimum_auc]
    said = " ".join(f"{row.subject}: {row.value:.3f}, {row.band}." for row in aucs.itertuples())
    sentence = f"Estimated AUC of cohorts: {said} Minimum {settings.policy.minimum_auc:g}."
    return Finding(weak.empty, sentence)
