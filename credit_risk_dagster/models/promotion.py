"""Which candidate replaces the model in production, if one does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from credit_risk_dagster.models.comparison import PairedComparison, compare_auc, is_comparable
from credit_risk_dagster.models.delong import placements
from credit_risk_dagster.models.gates import Gate
from credit_risk_dagster.models.scored_sample import scored_sample

PromotionAction = Literal["promoted", "kept", "none_yet"]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CandidateEvidence:
    """A candidate and what it is judged by, its probabilities (n,) in the order of the labels.

    Attributes:
        name: of the candidate.
        model_id: of the model.
        place: its place among candidates where nothing else decides: the lowest is the simplest.
        oot_auc: None where the out-of-time loans hold one class only.
        oot_probabilities: of the out-of-time loans as they are.
        masked_probabilities: of the same, masked to the sources that the month's applicants have.
        gates: what it must hold.
    """

    name: str
    model_id: str
    place: int
    oot_auc: float | None
    oot_probabilities: Floats
    masked_probabilities: Floats
    gates: Sequence[Gate]


@dataclass(frozen=True, eq=False)
class Incumbent:
    """The model in production, and its probabilities for the same loans."""

    model_id: str
    oot_probabilities: Floats
    masked_probabilities: Floats


@dataclass(frozen=True)
class Rules:
    """What decides: the settings of the policy.

    Attributes:
        minimum_auc: what the AUC out of time must reach.
        minimum_gain: what a better AUC must be better by, to be worth a change.
        significance: the probability with which a change may be due to noise, over all candidates.
    """

    minimum_auc: float
    minimum_gain: float
    significance: float


@dataclass(frozen=True)
class Contest:
    """One candidate against the incumbent, on masked loans, the p-value adjusted for all."""

    name: str
    comparison: PairedComparison
    adjusted_p_value: float


@dataclass(frozen=True, eq=False)
class PromotionDecision:
    """What becomes of production, who challenged, why, and the comparisons behind it."""

    action: PromotionAction
    reason: str
    challenger: CandidateEvidence
    selection_reason: str
    contests: tuple[Contest, ...]

    @property
    def contest(self) -> Contest | None:
        """The comparison of the challenger with the incumbent, where there was one."""
        return next((one for one in self.contests if one.name == self.challenger.name), None)


def decide_promotion(
    labels: npt.ArrayLike,
    candidates: Sequence[CandidateEvidence],
    incumbent: Incumbent | None,
    rules: Rules,
) -> PromotionDecision:
    """Decide which candidate goes to production, on the out-of-time loans alone.

    Loans are masked to the sources that the month's applicants have: a model is to rank those
    whom it will score. Every candidate that reaches the minimum AUC and whose gates hold meets the
    incumbent; it is better if its AUC is higher by the minimum gain, the one-sided p-value, after
    Holm's correction for all that meet it, is below the significance, and as they are, unmasked,
    it ranks the loans not worse by more than noise. Of several that are better, or where there is
    no incumbent, the simplest is taken that none beats by more than noise.

    Raises:
        ValueError: without candidates, with two of one name, or as `compare_auc`.

    Source:
        Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    if not candidates or len({one.name for one in candidates}) < len(candidates):
        names = [candidate.name for candidate in candidates]
        raise ValueError(f"one candidate of each name is needed to choose from, not {names}")
    fit = [one for one in candidates if _fault(one, rules) is None]
    if incumbent is None:
        return _first(labels, candidates, fit, rules)
    stays = f"{incumbent.model_id} stays in production"
    if not is_comparable(labels):
        chosen, why = _simplest(labels, fit or candidates, rules)
        return PromotionDecision("kept", f"{stays}: {_not_comparable(labels)}", chosen, why, ())
    contests = _contests(labels, fit, incumbent)
    better = [
        one
        for one in fit
        if _is_better(contests[one.name], rules) and not _is_worse(labels, one, incumbent, rules)
    ]
    all_contests = tuple(contests.values())
    if better:
        chosen, why = _simplest(labels, better, rules)
        reason = (
            f"{chosen.model_id} goes to production: "
            f"{_advantage(chosen.model_id, incumbent.model_id, contests[chosen.name], rules)}."
        )
        return PromotionDecision("promoted", reason, chosen, why, all_contests)
    chosen, why = _simplest(labels, fit or candidates, rules)
    fault = _fault(chosen, rules)
    told = fault or _shortfall(labels, chosen, incumbent, contests[chosen.name], rules)
    return PromotionDecision("kept", f"{stays}: {told}.", chosen, why, all_contests)


def _first(
    labels: npt.ArrayLike,
    candidates: Sequence[CandidateEvidence],
    fit: Sequence[CandidateEvidence],
    rules: Rules,
) -> PromotionDecision:
    chosen, why = _simplest(labels, fit or candidates, rules)
    fault = _fault(chosen, rules)
    if fault is not None:
        reason = f"No model in production yet: {fault}."
        return PromotionDecision("none_yet", reason, chosen, why, ())
    reason = (
        f"{chosen.model_id} goes to production as the first model: its out-of-time AUC of "
        f"{chosen.oot_auc:.4f} reaches the minimum of {rules.minimum_auc:g} and its gates hold."
    )
    return PromotionDecision("promoted", reason, chosen, why, ())


def _fault(candidate: CandidateEvidence, rules: Rules) -> str | None:
    """Return what keeps a candidate from production, whatever it is compared with."""
    if candidate.oot_auc is None:
        return (
            f"the out-of-time AUC of {candidate.model_id} is undefined, "
            "because its loans hold one class only"
        )
    # Written so that an AUC that is not a number falls short too.
    if not candidate.oot_auc >= rules.minimum_auc:
        return (
            f"the out-of-time AUC of {candidate.model_id} is {candidate.oot_auc:.4f}, "
            f"below the minimum of {rules.minimum_auc:g}"
        )
    closed = [gate for gate in candidate.gates if not gate.holds]
    if closed:
        said = "; ".join(f"{gate.name}: {gate.sentence}" for gate in closed)
        return f"{candidate.model_id} does not hold its gates ({said})"
    return None


def _simplest(
    labels: npt.ArrayLike, candidates: Sequence[CandidateEvidence], rules: Rules
) -> tuple[CandidateEvidence, str]:
    """Return the simplest candidate that none beats by more than noise, and why it is taken."""
    in_order = sorted(candidates, key=lambda one: one.place)
    if len(in_order) == 1:
        return in_order[0], f"{in_order[0].name} is the only candidate that can challenge."
    if not is_comparable(labels):
        return in_order[0], f"{in_order[0].name} is the simplest: {_not_comparable(labels)}"
    for candidate in in_order:
        others = [one for one in in_order if one is not candidate]
        against = [
            compare_auc(labels, one.masked_probabilities, candidate.masked_probabilities)
            for one in others
        ]
        beaten = [
            one
            for one in against
            if one.difference >= rules.minimum_gain and one.p_value < rules.significance
        ]
        if not beaten:
            closest = max(zip(others, against, strict=True), key=lambda one: one[1].difference)
            return candidate, _why_chosen(candidate, closest[0], closest[1])
    best = max(
        in_order, key=lambda one: placements(scored_sample(labels, one.masked_probabilities)).auc
    )
    return best, f"{best.name} ranks the loans best."


def _why_chosen(
    chosen: CandidateEvidence, other: CandidateEvidence, against: PairedComparison
) -> str:
    return (
        f"{chosen.name} challenges: no other ranks the {against.sample_size} loans better by more "
        f"than noise; the next is {other.name}, {against.difference:+.4f} in AUC (95 % interval "
        f"{against.lower:+.4f} to {against.upper:+.4f})."
    )


def _contests(
    labels: npt.ArrayLike, fit: Sequence[CandidateEvidence], incumbent: Incumbent
) -> dict[str, Contest]:
    compared = {
        one.name: compare_auc(labels, one.masked_probabilities, incumbent.masked_probabilities)
        for one in fit
    }
    ascending = sorted(compared, key=lambda name: compared[name].p_value)
    contests, highest = {}, 0.0
    for rank, name in enumerate(ascending):
        highest = max(highest, min(1.0, (len(ascending) - rank) * compared[name].p_value))
        contests[name] = Contest(name, compared[name], highest)
    return {one.name: contests[one.name] for one in fit}


def _is_better(contest: Contest, rules: Rules) -> bool:
    enough = contest.comparison.difference >= max(rules.minimum_gain, 0.0)
    return (
        enough
        and contest.comparison.difference > 0
        and contest.adjusted_p_value < rules.significance
    )


def _is_worse(
    labels: npt.ArrayLike, candidate: CandidateEvidence, incumbent: Incumbent, rules: Rules
) -> bool:
    """Tell whether the incumbent ranks the loans as they are better by more than noise."""
    against = compare_auc(labels, incumbent.oot_probabilities, candidate.oot_probabilities)
    return against.difference > 0 and against.p_value < rules.significance


def _shortfall(
    labels: npt.ArrayLike,
    candidate: CandidateEvidence,
    incumbent: Incumbent,
    contest: Contest,
    rules: Rules,
) -> str:
    said = _advantage(candidate.model_id, incumbent.model_id, contest, rules)
    if _is_better(contest, rules) and _is_worse(labels, candidate, incumbent, rules):
        return f"{said}, but it ranks the loans worse that have all sources"
    return f"{said}: not enough"


def _advantage(challenger: str, incumbent: str, contest: Contest, rules: Rules) -> str:
    comparison = contest.comparison
    return (
        f"on the same {comparison.sample_size} out-of-time loans, masked to the sources that the "
        f"month's applicants have, the AUC of {challenger} is {comparison.challenger_auc:.4f} and "
        f"that of {incumbent} {comparison.incumbent_auc:.4f}, a difference of "
        f"{comparison.difference:+.4f} (95 % interval {comparison.lower:+.4f} to "
        f"{comparison.upper:+.4f}; at least {rules.minimum_gain:g} is needed) with a one-sided "
        f"p-value of {contest.adjusted_p_value:.4f} after correction for all candidates (below "
        f"{rules.significance:g} is needed)"
    )


def _not_comparable(labels: npt.ArrayLike) -> str:
    loans = np.asarray(labels)
    return (
        f"of {loans.size} out-of-time loans {int(np.count_nonzero(loans))} defaulted, "
        "and a comparison needs at least two that did and two that did not."
    )
