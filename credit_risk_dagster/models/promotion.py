"""Which candidate challenges, and whether it replaces the model in production."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from credit_risk_dagster.contract.candidates import CandidateName
from credit_risk_dagster.models.comparison import PairedComparison, compare_auc, is_comparable

PromotionAction = Literal["promoted", "kept", "none_yet"]


@dataclass(frozen=True, eq=False)
class CandidateEvidence:
    """A candidate and its probabilities (n,) for the out-of-time loans, in the order of labels.

    `oot_auc` is None where the out-of-time loans hold one class only.
    """

    name: CandidateName
    model_id: str
    oot_auc: float | None
    oot_probabilities: npt.NDArray[np.float64]


@dataclass(frozen=True)
class PromotionDecision:
    """What becomes of production, why, and the comparison behind it where there was one."""

    action: PromotionAction
    reason: str
    comparison: PairedComparison | None


def select_challenger(
    labels: npt.ArrayLike, candidates: Sequence[CandidateEvidence], significance: float
) -> tuple[CandidateEvidence, PairedComparison | None, str]:
    """Return the challenger, the comparison (XGBoost against logistic regression), the reason.

    XGBoost challenges only where it ranks the out-of-time loans better by more than noise; on a
    tie the logistic regression does, being the one that can be read.

    Raises:
        ValueError: without candidates, with two of one name, or as `compare_auc`.
    """
    by_name = {candidate.name: candidate for candidate in candidates}
    if not candidates or len(by_name) < len(candidates):
        names = [candidate.name for candidate in candidates]
        raise ValueError(f"one candidate of each name is needed to choose from, not {names}")
    if len(candidates) == 1:
        only = candidates[0]
        return only, None, f"{only.name} is the only candidate."
    linear, trees = by_name["logistic_regression"], by_name["xgboost"]
    if not is_comparable(labels):
        return linear, None, f"logistic_regression is the challenger: {_not_comparable(labels)}"
    comparison = compare_auc(labels, trees.oot_probabilities, linear.oot_probabilities)
    advantage = _advantage("xgboost", "logistic_regression", comparison)
    if _is_better(comparison, significance):
        reason = f"xgboost is the challenger: {advantage}, below {significance:g}."
        return trees, comparison, reason
    reason = f"logistic_regression is the challenger: {advantage}, not below {significance:g}."
    return linear, comparison, reason


def decide_promotion(
    labels: npt.ArrayLike,
    challenger: CandidateEvidence,
    incumbent_model_id: str | None,
    incumbent_probabilities: npt.ArrayLike | None,
    minimum_auc: float,
    significance: float,
) -> PromotionDecision:
    """Decide whether the challenger goes to production, on the out-of-time loans alone.

    Without an incumbent it must reach `minimum_auc`, else there is no model yet; with one it must
    also beat it on the same loans by more than noise (one-sided p below `significance`), else
    the incumbent is kept.

    Raises:
        ValueError: if an incumbent comes without its probabilities, or as `compare_auc`.
    """
    shortfall = _shortfall(challenger, minimum_auc)
    if incumbent_model_id is None:
        return _first_model(challenger, shortfall, minimum_auc)
    if incumbent_probabilities is None:
        raise ValueError(
            f"{incumbent_model_id} is in production but its probabilities for the out-of-time "
            "loans are missing: score them with it first"
        )
    stays = f"{incumbent_model_id} stays in production"
    if shortfall is not None:
        return PromotionDecision("kept", f"{stays}: {shortfall}.", None)
    if not is_comparable(labels):
        return PromotionDecision("kept", f"{stays}: {_not_comparable(labels)}", None)
    comparison = compare_auc(labels, challenger.oot_probabilities, incumbent_probabilities)
    advantage = _advantage(challenger.model_id, incumbent_model_id, comparison)
    if _is_better(comparison, significance):
        reason = f"{challenger.model_id} goes to production: {advantage}, below {significance:g}."
        return PromotionDecision("promoted", reason, comparison)
    return PromotionDecision(
        "kept", f"{stays}: {advantage}, not below {significance:g}.", comparison
    )


def _first_model(
    challenger: CandidateEvidence, shortfall: str | None, minimum_auc: float
) -> PromotionDecision:
    if shortfall is not None:
        return PromotionDecision("none_yet", f"No model in production yet: {shortfall}.", None)
    reason = (
        f"{challenger.model_id} goes to production as the first model: its out-of-time AUC of "
        f"{challenger.oot_auc:.4f} reaches the minimum of {minimum_auc:g}."
    )
    return PromotionDecision("promoted", reason, None)


def _shortfall(challenger: CandidateEvidence, minimum_auc: float) -> str | None:
    if challenger.oot_auc is None:
        return (
            f"the out-of-time AUC of {challenger.model_id} is undefined, "
            "because its loans hold one class only"
        )
    # Written so that an AUC that is not a number falls short too.
    if not challenger.oot_auc >= minimum_auc:
        return (
            f"the out-of-time AUC of {challenger.model_id} is {challenger.oot_auc:.4f}, "
            f"below the minimum of {minimum_auc:g}"
        )
    return None


def _is_better(comparison: PairedComparison, significance: float) -> bool:
    return comparison.difference > 0 and comparison.p_value < significance


def _advantage(challenger: str, incumbent: str, comparison: PairedComparison) -> str:
    return (
        f"on the same {comparison.sample_size} out-of-time loans the AUC of {challenger} is "
        f"{comparison.challenger_auc:.4f} and that of {incumbent} {comparison.incumbent_auc:.4f}, "
        f"a difference of {comparison.difference:+.4f} (95 % interval {comparison.lower:+.4f} to "
        f"{comparison.upper:+.4f}) with a one-sided p-value of {comparison.p_value:.4f}"
    )


def _not_comparable(labels: npt.ArrayLike) -> str:
    loans = np.asarray(labels)
    return (
        f"of {loans.size} out-of-time loans {int(np.count_nonzero(loans))} defaulted, "
        "and a comparison needs at least two that did and two that did not."
    )
