from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import roc_auc_score

from credit_risk_dagster.models.promotion import (
    CandidateEvidence,
    CandidateName,
    decide_promotion,
    select_challenger,
)

RNG = np.random.default_rng(6)
LABELS = (RNG.random(1000) < 0.3).astype(int)


def probabilities(strength: float, seed: int = 1) -> npt.NDArray[np.float64]:
    scores = strength * LABELS + np.random.default_rng(seed).normal(size=1000)
    return np.asarray(1 / (1 + np.exp(-scores)))


def candidate(name: CandidateName, scores: npt.NDArray[np.float64]) -> CandidateEvidence:
    auc = float(roc_auc_score(LABELS, scores))
    return CandidateEvidence(name, f"2024-09-{name}-0123456789ab", auc, scores)


STRONG, WEAK = probabilities(2.5), probabilities(1.2)


def decide(challenger: CandidateEvidence, **given: Any) -> Any:
    defaults: dict[str, Any] = {
        "labels": LABELS,
        "incumbent_model_id": None,
        "incumbent_probabilities": None,
        "minimum_auc": 0.70,
        "significance": 0.05,
    }
    return decide_promotion(challenger=challenger, **(defaults | given))


def test_xgboost_challenges_where_it_is_better_by_more_than_noise() -> None:
    linear, trees = candidate("logistic_regression", WEAK), candidate("xgboost", STRONG)
    for order in ([linear, trees], [trees, linear]):
        chosen, comparison, reason = select_challenger(LABELS, order, 0.05)
        assert chosen is trees
        assert comparison is not None
        assert comparison.p_value < 0.05
        assert reason.startswith("xgboost is the challenger: on the same 1000 out-of-time loans")
        assert f"{trees.oot_auc:.4f}" in reason
        assert f"{linear.oot_auc:.4f}" in reason


@pytest.mark.parametrize("rival", [WEAK, WEAK**2, probabilities(1.25, seed=7), probabilities(0.5)])
def test_on_a_tie_or_worse_the_logistic_regression_challenges(
    rival: npt.NDArray[np.float64],
) -> None:
    linear, trees = candidate("logistic_regression", WEAK), candidate("xgboost", rival)
    chosen, comparison, reason = select_challenger(LABELS, [trees, linear], 0.05)
    assert chosen is linear
    assert comparison is not None
    assert f"{comparison.p_value:.4f}, not below 0.05." in reason


def test_a_better_auc_that_may_be_noise_does_not_make_xgboost_the_challenger() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    linear_scores, trees_scores = (
        np.array([1, 2, 5, 4, 6, 7]) / 10,
        np.array([1, 2, 3, 4, 5, 6]) / 10,
    )
    linear = CandidateEvidence("logistic_regression", "a", 8 / 9, linear_scores)
    trees = CandidateEvidence("xgboost", "b", 1.0, trees_scores)
    chosen, comparison, _ = select_challenger(labels, [linear, trees], 0.05)
    assert comparison is not None
    assert comparison.difference == pytest.approx(1 / 9)
    assert chosen is linear


def test_candidates_that_cannot_be_compared_leave_the_logistic_regression() -> None:
    labels, scores = np.zeros(3), np.array([0.1, 0.2, 0.3])
    linear = CandidateEvidence("logistic_regression", "a", None, scores)
    trees = CandidateEvidence("xgboost", "b", None, scores)
    chosen, comparison, reason = select_challenger(labels, [trees, linear], 0.05)
    assert (chosen, comparison) == (linear, None)
    assert "of 3 out-of-time loans 0 defaulted" in reason


def test_a_single_candidate_challenges_and_none_or_twins_are_refused() -> None:
    trees = candidate("xgboost", STRONG)
    assert select_challenger(LABELS, [trees], 0.05)[0] is trees
    for candidates in ([], [trees, trees]):
        with pytest.raises(ValueError, match="one candidate of each name"):
            select_challenger(LABELS, candidates, 0.05)


def test_the_first_model_needs_only_the_minimum_auc() -> None:
    challenger = candidate("xgboost", STRONG)
    decision = decide(challenger)
    assert (decision.action, decision.comparison) == ("promoted", None)
    assert decision.reason == (
        f"{challenger.model_id} goes to production as the first model: its out-of-time AUC of "
        f"{challenger.oot_auc:.4f} reaches the minimum of 0.7."
    )
    assert decide(challenger, minimum_auc=challenger.oot_auc).action == "promoted"


@pytest.mark.parametrize("auc", [None, float("nan"), 0.6999])
def test_a_challenger_below_the_minimum_is_never_promoted(auc: float | None) -> None:
    challenger = CandidateEvidence("xgboost", "2024-09-xgboost-0123456789ab", auc, STRONG)
    first = decide(challenger)
    assert first.action == "none_yet"
    assert first.reason.startswith("No model in production yet: the out-of-time AUC")
    later = decide(challenger, incumbent_model_id="old", incumbent_probabilities=WEAK)
    assert later.action == "kept"
    assert later.reason.startswith("old stays in production: the out-of-time AUC")


def test_a_challenger_that_beats_the_incumbent_on_the_same_loans_is_promoted() -> None:
    decision = decide(
        candidate("xgboost", STRONG), incumbent_model_id="old", incumbent_probabilities=WEAK
    )
    assert decision.action == "promoted"
    assert decision.comparison.difference > 0
    assert f"a difference of {decision.comparison.difference:+.4f}" in decision.reason


@pytest.mark.parametrize("incumbent", [STRONG, STRONG**2, probabilities(3.0)])
def test_an_equal_or_better_incumbent_is_kept(incumbent: npt.NDArray[np.float64]) -> None:
    decision = decide(
        candidate("xgboost", STRONG),
        incumbent_model_id="old",
        incumbent_probabilities=incumbent,
        significance=0.99,
    )
    assert decision.action == "kept"
    assert decision.reason.startswith("old stays in production: on the same 1000")


def test_an_incumbent_is_kept_where_a_comparison_is_impossible() -> None:
    challenger = CandidateEvidence("xgboost", "new", 0.9, np.array([0.1, 0.2, 0.3]))
    decision = decide(
        challenger,
        labels=[0, 0, 1],
        incumbent_model_id="old",
        incumbent_probabilities=[0.1, 0.2, 0.3],
    )
    assert (decision.action, decision.comparison) == ("kept", None)
    assert "of 3 out-of-time loans 1 defaulted" in decision.reason


def test_an_incumbent_without_probabilities_is_an_error() -> None:
    with pytest.raises(ValueError, match="old is in production but its probabilities"):
        decide(candidate("xgboost", STRONG), incumbent_model_id="old")
