from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import roc_auc_score

from credit_risk_dagster.models.gates import Gate
from credit_risk_dagster.models.promotion import (
    CandidateEvidence,
    Incumbent,
    PromotionDecision,
    Rules,
    decide_promotion,
)

RNG = np.random.default_rng(6)
LABELS = (RNG.random(1000) < 0.3).astype(int)
RULES = Rules(minimum_auc=0.70, minimum_gain=0.002, significance=0.05)
PLACES = {"scorecard": 0, "logistic_regression": 1, "xgboost": 2}
SHUT = Gate("reasons", False, "31.9% of reasons contradict the data")


def probabilities(strength: float, seed: int = 1) -> npt.NDArray[np.float64]:
    scores = strength * LABELS + np.random.default_rng(seed).normal(size=1000)
    return np.asarray(1 / (1 + np.exp(-scores)))


STRONG, WEAK = probabilities(2.5), probabilities(1.2)


def candidate(name: str, scores: npt.NDArray[np.float64], **given: Any) -> CandidateEvidence:
    auc = float(roc_auc_score(LABELS, scores))
    model_id = f"2024-09-{name}-0123456789ab"
    return replace(
        CandidateEvidence(name, model_id, PLACES[name], auc, scores, scores, ()), **given
    )


def incumbent(scores: npt.NDArray[np.float64]) -> Incumbent:
    return Incumbent("old", scores, scores)


def decide(
    candidates: Sequence[CandidateEvidence], against: Incumbent | None = None
) -> PromotionDecision:
    return decide_promotion(LABELS, candidates, against, RULES)


def test_without_a_model_the_simplest_that_none_beats_by_more_than_noise_goes() -> None:
    tie = [candidate("xgboost", probabilities(1.25, 7)), candidate("scorecard", WEAK)]
    assert decide(tie).challenger.name == "scorecard"
    better = [candidate("scorecard", WEAK), candidate("xgboost", STRONG)]
    for order in (better, better[::-1]):
        decision = decide(order)
        assert (decision.action, decision.challenger.name) == ("promoted", "xgboost")
        assert "as the first model" in decision.reason


def test_every_candidate_meets_the_incumbent_and_the_better_one_is_not_lost() -> None:
    """Else a better challenger would be filtered out before it met the model in production."""
    decision = decide([candidate("scorecard", WEAK), candidate("xgboost", STRONG)], incumbent(WEAK))
    assert (decision.action, decision.challenger.name) == ("promoted", "xgboost")
    assert [one.name for one in decision.contests] == ["scorecard", "xgboost"]
    assert decision.contest is not None
    assert f"{decision.contest.comparison.difference:+.4f}" in decision.reason


def test_p_values_are_corrected_for_all_that_meet_the_incumbent() -> None:
    three = [candidate(name, probabilities(1.32, seed=9)) for name in PLACES]
    one = decide(three[:1], incumbent(WEAK)).contests[0]
    of_three = decide(three, incumbent(WEAK)).contests[0]
    assert of_three.comparison == one.comparison
    assert of_three.adjusted_p_value == pytest.approx(min(1.0, 3 * one.adjusted_p_value))


def test_a_gain_that_does_not_matter_promotes_nobody_however_sure_it_is() -> None:
    nudged = WEAK.copy()
    worst = np.flatnonzero(LABELS)[np.argsort(WEAK[LABELS == 1])[:2]]
    nudged[worst] = 0.999
    decision = decide([candidate("scorecard", nudged)], incumbent(WEAK))
    contest = decision.contests[0]
    assert contest.comparison.difference > 0
    strict = replace(RULES, minimum_gain=contest.comparison.difference + 1e-6, significance=0.99)
    assert decide_promotion(LABELS, [candidate("scorecard", nudged)], incumbent(WEAK), strict)
    kept = decide_promotion(LABELS, [candidate("scorecard", nudged)], incumbent(WEAK), strict)
    assert kept.action == "kept"


@pytest.mark.parametrize("auc", [None, float("nan"), 0.6999])
def test_a_candidate_below_the_minimum_is_never_promoted(auc: float | None) -> None:
    low = candidate("xgboost", STRONG, oot_auc=auc)
    assert decide([low]).action == "none_yet"
    assert decide([low]).reason.startswith("No model in production yet: the out-of-time AUC")
    assert decide([low], incumbent(WEAK)).action == "kept"


def test_a_closed_gate_keeps_a_candidate_out_and_is_told() -> None:
    shut = candidate("xgboost", STRONG, gates=(SHUT,))
    for against in (None, incumbent(WEAK)):
        decision = decide([shut], against)
        assert decision.action in ("none_yet", "kept")
        assert "reasons: 31.9% of reasons contradict the data" in decision.reason
    other = decide([shut, candidate("scorecard", probabilities(2.4, 3))], incumbent(WEAK))
    assert (other.action, other.challenger.name) == ("promoted", "scorecard")
    assert [one.name for one in other.contests] == ["scorecard"]


def test_loans_masked_to_what_the_applicants_have_decide() -> None:
    blind = candidate("xgboost", STRONG, masked_probabilities=WEAK)
    assert decide([blind], incumbent(WEAK)).action == "kept"
    seeing = candidate("xgboost", STRONG, masked_probabilities=STRONG)
    assert decide([seeing], incumbent(WEAK)).action == "promoted"


def test_who_ranks_loans_with_all_sources_worse_is_not_promoted() -> None:
    one_sided = candidate("xgboost", WEAK, masked_probabilities=STRONG)
    against = Incumbent("old", oot_probabilities=STRONG, masked_probabilities=WEAK)
    decision = decide([one_sided], against)
    assert decision.action == "kept"
    assert "worse that have all sources" in decision.reason


@pytest.mark.parametrize("scores", [STRONG, STRONG**2, probabilities(3.0)])
def test_an_equal_or_better_incumbent_is_kept(scores: npt.NDArray[np.float64]) -> None:
    decision = decide([candidate("xgboost", STRONG)], incumbent(scores))
    assert decision.action == "kept"
    assert decision.reason.startswith("old stays in production: on the same 1000")


def test_without_two_loans_of_each_outcome_the_incumbent_is_kept() -> None:
    three = np.array([0.1, 0.2, 0.3])
    one = CandidateEvidence("xgboost", "new", 2, 0.9, three, three, ())
    decision = decide_promotion([0, 0, 1], [one], Incumbent("old", three, three), RULES)
    assert (decision.action, decision.contests) == ("kept", ())
    assert "of 3 out-of-time loans 1 defaulted" in decision.reason


def test_no_candidates_and_twins_are_refused() -> None:
    twin = candidate("xgboost", STRONG)
    for candidates in ([], [twin, twin]):
        with pytest.raises(ValueError, match="one candidate of each name"):
            decide(candidates)
