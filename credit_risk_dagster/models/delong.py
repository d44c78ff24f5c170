"""The area under the ROC curve and the components of its sampling variance."""

from dataclasses import dataclass

import numpy as np

from credit_risk_dagster.models.scored_sample import Floats, ScoredSample


@dataclass(frozen=True, eq=False)
class Placements:
    """Where each loan's score stands among the scores of the other class.

    `of_bads` (shape (bads,)): the share of goods that a bad outranks, ties counting half.
    `of_goods` (shape (goods,)): the share of bads that outrank a good. Both average to the AUC.
    """

    of_bads: Floats
    of_goods: Floats

    @property
    def auc(self) -> float:
        """The area under the ROC curve."""
        return float(self.of_bads.mean())

    @property
    def standard_error(self) -> float:
        """The standard error of the mean; 0 where no loan differs, NaN with one loan a class."""
        return float(np.sqrt(_variance_of_mean(self.of_bads) + _variance_of_mean(self.of_goods)))

    def minus(self, other: "Placements") -> "Placements":
        """Return the differences, loan by loan, whose mean is the difference of two AUCs."""
        return Placements(self.of_bads - other.of_bads, self.of_goods - other.of_goods)


def placements(sample: ScoredSample) -> Placements:
    """Return the placement of every loan of a sample that holds both classes, in O(n log n).

    Source:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44; the fast way, by ranks, is that of
        Sun & Xu (2014), IEEE Signal Processing Letters 21.
    """
    bads = sample.probabilities[sample.is_bad]
    goods = sample.probabilities[~sample.is_bad]
    return Placements(_share_below(bads, goods), 1 - _share_below(goods, bads))


def _share_below(scores: Floats, others: Floats) -> Floats:
    order = np.sort(others)
    below = np.searchsorted(order, scores, side="left")
    not_above = np.searchsorted(order, scores, side="right")
    return (below + not_above) / (2 * order.size)


def _variance_of_mean(values: Floats) -> float:
    if values.size < 2:
        return float("nan")
    # Equal values must give exactly 0, which a rounded mean would not.
    return float(np.var(values - values[0], ddof=1)) / values.size
