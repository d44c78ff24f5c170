"""Weak candidates, missing or impossible scores, shifts and weak performance are reported."""

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import DRIFT, PERFORMANCE
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.training import CANDIDATE_TABLES, TRAINING_DECISION
from credit_risk_dagster_tests.checks.tampering import Change, find, rewrite, with_values
from credit_risk_dagster_tests.scored import TRAINED

CANDIDATES = pytest.mark.parametrize(
    "table", CANDIDATE_TABLES.values(), ids=lambda table: table.name
)


def facts(table: Table, *rows: dict[str, Any]) -> Change:
    """Return the change that replaces all facts of a month."""
    shared = {"snapshot_date": date(2024, 1, 1), "model_id": "m", "sample_size": 500}
    written = pa.Table.from_pylist([shared | row for row in rows], schema=table.schema)
    return lambda _: written


def test_too_little_history_is_a_warning_with_the_reason_of_the_policy(one_month: Settings) -> None:
    assert find(one_month, TRAINING_DECISION, "enough_history", TRAINED).holds
    lacking = with_values(action="too_little_history", reason="It needs 6 cohorts.")
    rewrite(one_month, TRAINING_DECISION, TRAINED, lacking)
    found = find(one_month, TRAINING_DECISION, "enough_history", TRAINED)
    assert (found.holds, found.sentence) == (False, "It needs 6 cohorts.")


@CANDIDATES
@pytest.mark.parametrize(("auc", "shown"), [(0.4999, "0.4999"), (None, "undefined")])
def test_a_candidate_below_the_minimum_auc_fails(
    one_month: Settings, table: Table, auc: float | None, shown: str
) -> None:
    assert find(one_month, table, "model_quality", TRAINED).holds
    rewrite(one_month, table, TRAINED, with_values(oot_auc=auc, oot_size=61))
    found = find(one_month, table, "model_quality", TRAINED)
    assert not found.holds
    assert found.sentence == f"Out-of-time AUC {shown} on 61 loans, minimum 0.5."


@CANDIDATES
def test_a_candidate_at_the_minimum_auc_passes(one_month: Settings, table: Table) -> None:
    rewrite(one_month, table, TRAINED, with_values(oot_auc=0.5))
    assert find(one_month, table, "model_quality", TRAINED).holds


@CANDIDATES
def test_a_candidate_that_was_not_due_passes_and_says_so(one_month: Settings, table: Table) -> None:
    rewrite(one_month, table, TRAINED, with_values(model_id=None, oot_auc=None, reason="Not due."))
    found = find(one_month, table, "model_quality", TRAINED)
    assert (found.holds, found.sentence) == (True, "Not trained: Not due.")


def test_a_month_without_a_model_in_production_is_a_warning(one_month: Settings) -> None:
    assert find(one_month, PRODUCTION_MODEL, "model_in_production", TRAINED).holds
    none = with_values(model_id=None, reason="The AUC is 0.6.")
    rewrite(one_month, PRODUCTION_MODEL, TRAINED, none)
    found = find(one_month, PRODUCTION_MODEL, "model_in_production", TRAINED)
    assert (found.holds, found.sentence) == (False, "No model: The AUC is 0.6.")


def issued(settings: Settings) -> int:
    return Datamart(settings.home).required_record(PREDICTIONS, TRAINED).rows


def test_scores_of_every_applicant_by_the_production_model_are_sane(one_month: Settings) -> None:
    count = issued(one_month)
    found = find(one_month, PREDICTIONS, "score_sanity", TRAINED)
    assert found.holds
    assert found.sentence == (
        f"{count} scores for {count} applicants. applicants without a score: 0; scores outside 0 "
        "to 1: 0; scores by another model: 0."
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda rows: rows.slice(3), "applicants without a score: 3;"),
        (lambda rows: rows.slice(0, 0), "0 scores for"),
        (with_values(probability=1.5), "scores outside 0 to 1: {count};"),
        (with_values(probability=float("nan")), "scores outside 0 to 1: {count};"),
        (with_values(probability=None), "scores outside 0 to 1: {count};"),
        (with_values(model_id="2020-01-other"), "scores by another model: {count}."),
        (with_values(probability=0.3), "All scores are equal."),
    ],
    ids=["missing", "none", "too high", "not a number", "absent", "other model", "constant"],
)
def test_missing_impossible_foreign_and_constant_scores_stop_the_month(
    one_month: Settings, change: Change, fault: str
) -> None:
    count = issued(one_month)
    rewrite(one_month, PREDICTIONS, TRAINED, change)
    found = find(one_month, PREDICTIONS, "score_sanity", TRAINED)
    assert not found.holds
    assert fault.format(count=count) in found.sentence


def test_of_several_revisions_the_newest_is_judged(one_month: Settings) -> None:
    def revise(probability: float) -> Change:
        def change(rows: pa.Table) -> pa.Table:
            revised = with_values(revision=1)(rows)
            values = [probability, *revised.column("probability").to_pylist()[1:]]
            return pa.concat_tables([rows, with_values(probability=values)(revised)])

        return change

    count = issued(one_month)
    rewrite(one_month, PREDICTIONS, TRAINED, revise(0.25))
    assert find(one_month, PREDICTIONS, "score_sanity", TRAINED).holds
    rewrite(one_month, PREDICTIONS, TRAINED, lambda rows: revise(-1.0)(rows.slice(0, count)))
    found = find(one_month, PREDICTIONS, "score_sanity", TRAINED)
    assert not found.holds
    assert "scores outside 0 to 1: 1;" in found.sentence


def test_without_a_model_there_may_be_no_scores(one_month: Settings) -> None:
    rewrite(one_month, PRODUCTION_MODEL, TRAINED, with_values(model_id=None))
    assert not find(one_month, PREDICTIONS, "score_sanity", TRAINED).holds
    rewrite(one_month, PREDICTIONS, TRAINED, lambda rows: rows.slice(0, 0))
    found = find(one_month, PREDICTIONS, "score_sanity", TRAINED)
    assert (found.holds, found.sentence) == (True, "No model, so no scores.")


SCORE = {"basis": "score", "metric": "psi", "subject": "probability"}
FEATURE = {"basis": "feature", "metric": "csi"}
SHIFTED = {"band": "significant", "status": "beyond_noise"}


def test_shifts_are_named_the_largest_first(one_month: Settings) -> None:
    features = [
        {**FEATURE, **SHIFTED, "subject": f"fe_{number}_mean", "value": 0.26 + number / 100}
        for number in range(1, 7)
    ]
    shifts = facts(DRIFT, {**SCORE, **SHIFTED, "value": 0.9}, *features)
    rewrite(one_month, DRIFT, TRAINED, shifts)
    found = find(one_month, DRIFT, "drift_bands", TRAINED)
    assert not found.holds
    assert found.sentence == (
        "7 significant shifts: PSI of probability 0.90, CSI of fe_6_mean 0.32, CSI of fe_5_mean "
        "0.31, CSI of fe_4_mean 0.30, CSI of fe_3_mean 0.29 and 2 more."
    )
    assert found.figures == {"significant shifts": 7}


@pytest.mark.parametrize(
    "fact",
    [
        {"value": 0.05, "band": "stable", "status": "within_noise"},
        {"value": 0.24, "band": "moderate", "status": "beyond_noise"},
        {"value": 0.40, "band": "significant", "status": "within_noise"},
    ],
    ids=["stable", "moderate", "no more than noise"],
)
def test_a_shift_that_is_not_both_significant_and_beyond_noise_passes(
    one_month: Settings, fact: dict[str, Any]
) -> None:
    rewrite(one_month, DRIFT, TRAINED, facts(DRIFT, SCORE | fact))
    found = find(one_month, DRIFT, "drift_bands", TRAINED)
    assert (found.holds, found.sentence) == (True, "No significant shift.")


def test_drift_without_a_model_is_not_measured(one_month: Settings) -> None:
    rewrite(one_month, DRIFT, TRAINED, facts(DRIFT, {**SCORE, "status": "no_model"}))
    found = find(one_month, DRIFT, "drift_bands", TRAINED)
    assert found.holds
    assert found.sentence == "No model is in production: drift is not measured."


def auc(basis: str, value: float | None, upper: float | None) -> dict[str, Any]:
    subject = {"basis": basis, "metric": "auc", "subject": "overall", "status": "measured"}
    return {**subject, "value": value, "upper": upper}


@pytest.mark.parametrize(
    ("current", "issued_auc", "holds"),
    [
        ((0.60, 0.64), (0.40, 0.49), False),
        ((0.45, 0.4999), (0.80, 0.84), False),
        ((0.45, None), (0.80, 0.84), False),
        ((0.48, 0.51), (0.80, 0.84), True),
        ((0.90, 0.93), (0.91, 0.94), True),
    ],
)
def test_an_auc_below_the_minimum_by_more_than_noise_fails_on_either_basis(
    one_month: Settings,
    current: tuple[float, float | None],
    issued_auc: tuple[float, float | None],
    holds: bool,
) -> None:
    rows = (auc("current", *current), auc("issued", *issued_auc))
    rewrite(one_month, PERFORMANCE, TRAINED, facts(PERFORMANCE, *rows))
    found = find(one_month, PERFORMANCE, "performance_holds", TRAINED)
    assert found.holds == holds
    assert found.sentence == (
        f"current AUC {current[0]:.3f} on 500 loans. issued AUC {issued_auc[0]:.3f} on 500 loans. "
        "Minimum 0.5."
    )


def test_performance_that_is_not_known_yet_is_pending_and_not_passed_off_as_good(
    one_month: Settings,
) -> None:
    pending = auc("issued", None, None) | {"status": "pending", "sample_size": 0}
    rewrite(one_month, PERFORMANCE, TRAINED, facts(PERFORMANCE, pending))
    found = find(one_month, PERFORMANCE, "performance_holds", TRAINED)
    assert (found.holds, found.sentence) == (True, "Pending: no scored loan has matured.")
    assert not found.figures
