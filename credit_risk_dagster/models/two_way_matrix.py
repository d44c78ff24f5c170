"""A matrix of two features: the weight of evidence of the cells that a small tree finds in them.

What two features say together, such as much debt at a high rate, no sum of both can say. Along a
feature of which the contract demands a direction, the cells rise or fall with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier

from credit_risk_dagster.models.log_odds import log_odds_of
from credit_risk_dagster.models.step_columns import StepColumn

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

LEAVES = 10
SMALLEST_LEAF = 0.02
PRIOR_LOANS = 20
"""Loans at the overall default rate that are added to each leaf."""

SWEEPS = 10
"""Rounds in which a sum of two columns is fitted, one column after the other."""

GAIN_THAT_COUNTS = 27.88
"""Twice the gain in log-likelihood that chance exceeds once in a thousand where cells are chosen
freely: χ² with as many degrees of freedom as a tree has splits."""


@dataclass(frozen=True, eq=False)
class TwoWayMatrix:
    """The cells of two features, and what each says.

    Attributes:
        columns: the places of the two in the matrix of inputs.
        cuts: where the cells of each end; its upper cut belongs to a cell.
        values: log-odds (cells of the first, cells of the second); their mean, were the two
            features independent, is 0.
        shares: the share of training loans in each cell of either feature.
    """

    columns: tuple[int, int]
    cuts: tuple[Floats, Floats]
    values: Floats
    shares: tuple[Floats, Floats]

    def cells(self, matrix: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the cell of each loan by feature, -1 in both where either is missing."""
        first, second = (matrix[:, column] for column in self.columns)
        known = ~(np.isnan(first) | np.isnan(second))
        codes = (
            np.where(known, np.searchsorted(cut, one, side="left"), -1)
            for one, cut in zip((first, second), self.cuts, strict=True)
        )
        return next(codes), next(codes)

    def lookup(self, matrix: Floats, table: Floats | None = None) -> Floats:
        """Return what the cells of loans (n, inputs) say, 0 where a feature is missing."""
        first, second = self.cells(matrix)
        table = self.values if table is None else table
        return np.where(first >= 0, table[np.maximum(first, 0), np.maximum(second, 0)], 0.0)

    def halves(self) -> tuple[Floats, Floats]:
        """Return what each feature has of the values: its Shapley value, both adding up to them.

        Source: Shapley (1953); the value of one alone is the mean over the other's cells.
        """
        first, second = self.shares
        of_first = (self.values @ second)[:, None]
        of_second = (first @ self.values)[None, :]
        return (
            (self.values - of_second + of_first) / 2,
            (self.values - of_first + of_second) / 2,
        )


def strongest_matrix(
    matrix: Floats,
    labels: Labels,
    columns: Mapping[int, StepColumn],
    residuals: Floats,
    weights: Floats,
    penalty: float,
    signs: Sequence[int],
) -> TwoWayMatrix | None:
    """Return the matrix of two columns that adds most to a fitted model, if any adds what counts.

    What the sum of the two columns can say is taken off first, interval by interval: the gain is
    that of what they say together.

    Args:
        matrix: inputs (n, inputs) of the training loans.
        labels: their labels (n,).
        columns: the columns that are tried in pairs, in steps, by their place in the matrix.
        residuals: label minus probability (n,) of the model, averaged over the copies of a loan.
        weights: p (1 - p) likewise.
        penalty: the L2 penalty of the matrix's coefficient.
        signs: by input, 1 where risk may only rise with it, -1 fall, 0 either.
    """
    best, gained = None, GAIN_THAT_COUNTS
    for pair in combinations(columns, 2):
        tried = _matrix_of(matrix, labels, pair, (signs[pair[0]], signs[pair[1]]))
        if tried is None:
            continue
        steps = (columns[pair[0]], columns[pair[1]])
        says = tried.lookup(matrix)
        weight, said, missed = (
            _crossed(steps, values) for values in (weights, weights * says, residuals)
        )
        together = _beyond_the_sum(said, weight)
        score = max(0.0, float((together * missed).sum()))
        gain = score**2 / (float((weight * together**2).sum()) + penalty)
        if gain > gained:
            best, gained = tried, gain
    return best


def _crossed(steps: tuple[StepColumn, StepColumn], values: Floats) -> Floats:
    """Return the sum of values (n,) in each pair of intervals; missing ones left out."""
    first, second = (np.asarray(column.codes, dtype=np.int64) for column in steps)
    wide, high = (column.shares.size + 1 for column in steps)
    known = (first >= 0) & (second >= 0)
    places = first[known] * high + second[known]
    crossed = np.bincount(places, weights=values[known], minlength=wide * high)
    return np.asarray(crossed, dtype=np.float64).reshape(wide, high)


def _beyond_the_sum(said: Floats, weight: Floats) -> Floats:
    """Return mean values by pair of intervals less their best weighted sum of two columns."""
    rest = np.divide(said, weight, out=np.zeros_like(said), where=weight > 0)
    for _ in range(SWEEPS):
        for axis in (0, 1):
            total = weight.sum(axis=axis, keepdims=True)
            sums = (weight * rest).sum(axis=axis, keepdims=True)
            rest = rest - np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
    return rest


def _matrix_of(
    matrix: Floats, labels: Labels, pair: tuple[int, int], signs: tuple[int, int]
) -> TwoWayMatrix | None:
    values = matrix[:, list(pair)]
    known = ~np.isnan(values).any(axis=1)
    if known.sum() < 2 * LEAVES or len(np.unique(labels[known])) < 2:
        return None
    tree = DecisionTreeClassifier(
        max_leaf_nodes=LEAVES,
        min_samples_leaf=SMALLEST_LEAF,
        monotonic_cst=list(signs),
        random_state=0,
    ).fit(values[known], labels[known])
    grown = tree.tree_
    cuts = tuple(
        np.unique(grown.threshold[grown.feature == number]).astype(np.float64) for number in (0, 1)
    )
    if not (cuts[0].size and cuts[1].size):
        return None  # one feature alone: no matrix
    leaves = tree.apply(_representatives(cuts[0], cuts[1])).reshape(
        cuts[0].size + 1, cuts[1].size + 1
    )
    first, second = (
        np.searchsorted(cut, values[known, number], side="left") for number, cut in enumerate(cuts)
    )
    weights = _weights_of_evidence(leaves[first, second], labels[known], float(labels.mean()))
    table = np.vectorize(lambda leaf: weights.get(leaf, 0.0), otypes=[np.float64])(leaves)
    table = _directed(table, signs)
    shares = (
        np.bincount(first, minlength=cuts[0].size + 1) / known.sum(),
        np.bincount(second, minlength=cuts[1].size + 1) / known.sum(),
    )
    centred = table - float(shares[0] @ table @ shares[1])
    return TwoWayMatrix(pair, (cuts[0], cuts[1]), centred, shares)


def _directed(table: Floats, signs: tuple[int, int]) -> Floats:
    """Return values that rise or fall with each directed axis: half-way between bounds that do."""
    highest, lowest = table, table
    for axis, sign in enumerate(signs):
        if sign:
            highest, lowest = (np.flip(one, axis) if sign < 0 else one for one in (highest, lowest))
            highest = np.maximum.accumulate(highest, axis)
            lowest = np.flip(np.minimum.accumulate(np.flip(lowest, axis), axis), axis)
            highest, lowest = (np.flip(one, axis) if sign < 0 else one for one in (highest, lowest))
    directed: Floats = (highest + lowest) / 2
    return directed


def _representatives(first: Floats, second: Floats) -> Floats:
    """Return a point in every cell, (cells of both, 2)."""
    inside = [
        np.concatenate([[cut[0] - 1], (cut[1:] + cut[:-1]) / 2, [cut[-1] + 1]])
        for cut in (first, second)
    ]
    grid = np.meshgrid(*inside, indexing="ij")
    return np.column_stack([axis.ravel() for axis in grid])


def _weights_of_evidence(
    leaves: npt.NDArray[np.int64], labels: Labels, overall: float
) -> dict[int, float]:
    weights = {}
    for leaf in np.unique(leaves):
        inside = labels[leaves == leaf]
        rate = (inside.sum() + PRIOR_LOANS * overall) / (inside.size + PRIOR_LOANS)
        weights[int(leaf)] = float(log_odds_of(rate) - log_odds_of(overall))
    return weights
