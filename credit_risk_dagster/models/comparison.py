"""Whether one model ranks the same loans better than another by more than noise."""

from dataclasses import dataclass
from math import erfc, sqrt

import numpy.typing as npt

from credit_risk_dagster.models.delong import Placements, placements
from credit_risk_dagster.models.metric import Z
from credit_risk_dagster.models.scored_sample import ScoredSample, scored_sample


@dataclass(frozen=True)
class PairedComparison:
    """Two AUCs on the same loans, their difference with its 95 % interval, and how sure it is.

    `p_value` is one-sided: the probability of so large an advantage of the challenger if there
    were none.
    """

    challenger_auc: float
    incumbent_auc: float
    difference: float
    lower: float
    upper: float
    p_value: float
    sample_size: int


def is_comparable(labels: npt.ArrayLike) -> bool:
    """Tell whether models can be compared on these labels: two loans of each class at least."""
    return _has_two_of_each(scored_sample(labels, labels))


def compare_auc(
    labels: npt.ArrayLike,
    challenger_probabilities: npt.ArrayLike,
    incumbent_probabilities: npt.ArrayLike,
) -> PairedComparison:
    """Compare the AUC of two models on the same loans (DeLong's test for correlated ROC curves).

    Where the difference has no variance, as between equal rankings, the p-value is 1 unless the
    challenger's AUC is higher: what does not differ is never better.

    Raises:
        ValueError: as `scored_sample`, or if a class has fewer than two loans.

    Source:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44.
    """
    challenger = scored_sample(labels, challenger_probabilities)
    incumbent = scored_sample(labels, incumbent_probabilities)
    if not _has_two_of_each(challenger):
        raise ValueError(
            f"{challenger.bads} defaults among {challenger.size} loans: comparing two models "
            "needs at least two loans that defaulted and two that did not"
        )
    challenger_placements, incumbent_placements = placements(challenger), placements(incumbent)
    differences = challenger_placements.minus(incumbent_placements)
    difference, margin = differences.auc, Z * differences.standard_error
    return PairedComparison(
        challenger_auc=challenger_placements.auc,
        incumbent_auc=incumbent_placements.auc,
        difference=difference,
        lower=max(-1.0, difference - margin),
        upper=min(1.0, difference + margin),
        p_value=_one_sided_p_value(differences),
        sample_size=challenger.size,
    )


def _one_sided_p_value(differences: Placements) -> float:
    if differences.standard_error == 0:
        return 0.0 if differences.auc > 0 else 1.0
    return 0.5 * erfc(differences.auc / differences.standard_error / sqrt(2))


def _has_two_of_each(sample: ScoredSample) -> bool:
    return min(sample.bads, sample.goods) >= 2
