"""Why a score is what it is: the contribution of every feature, in log-odds, and the reasons."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.contract.features import (
    EVIDENCE,
    FEATURE_OF,
    FEATURES,
    MONTHS_BEHIND,
    SCORED_PANELS,
)
from credit_risk_dagster.contract.lender import evidence_of, months_of
from credit_risk_dagster.models.earlier_models import contributions_of
from credit_risk_dagster.models.scoring import Model
from credit_risk_dagster.tables.inference import REASON_COUNT

Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.object_]

REASON_FLOOR = 0.05
"""Log-odds below which a contribution is no reason: it moves a probability by a point at most."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Contributions that add up: base + the sum of a row = the log-odds of its score.

    `contributions` has a row per loan (the index of what was explained) and a column for each
    feature of the contract that the model reads; `reasons` and `reason_contributions`, both
    (n, count), are those of `top_reasons`.
    """

    base: float
    contributions: pd.DataFrame
    reasons: Names
    reason_contributions: Floats


def explain(model: Model, frame: pd.DataFrame, count: int = REASON_COUNT) -> Explanation:
    """Explain the score of every row of `frame`, which is as for `score`.

    The base is the log-odds of a loan of which nothing speaks for or against. The columns of one
    feature of the contract, such as the flags of a list or the readings of a panel, are one reason.
    """
    base, by_input = (
        model.contributions(frame)
        if hasattr(model, "contributions")
        else contributions_of(model, frame)
    )
    owners = pd.Index([FEATURE_OF[str(name)] for name in by_input.columns])
    contributions = by_input.T.groupby(owners, sort=False).sum().T
    known = is_known_of(frame)[contributions.columns]
    return Explanation(base, contributions, *top_reasons(contributions, known, count))


def top_reasons(
    contributions: pd.DataFrame, known: pd.DataFrame, count: int = REASON_COUNT
) -> tuple[Names, Floats]:
    """Return, per row, the features that raise the probability of default most, strongest first.

    Both results have shape (n, count): names, None where fewer are reasons, and their
    contributions, NaN there. What is missing is never a reason, nor what adds less than
    REASON_FLOOR. Equal contributions keep the order of the columns.
    """
    values = np.where(known.to_numpy(dtype=np.bool_), contributions.to_numpy(np.float64), 0.0)
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    strongest = np.take_along_axis(values, order, axis=1)
    if strongest.shape[1] < count:
        empty = np.zeros((len(values), count - strongest.shape[1]))
        strongest = np.hstack([strongest, empty])
        order = np.hstack([order, empty.astype(order.dtype)])
    raises = strongest >= REASON_FLOOR
    names = np.asarray(contributions.columns, dtype=object)[order]
    names[~raises] = None
    return names, np.where(raises, strongest, np.nan)


def is_known_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return, by feature of the contract, whether a loan has a value of it.

    Of several columns, if it has one; of a panel, if there is a reading.
    """
    plain = [name for name in FEATURES if name not in MONTHS_BEHIND]
    known = frame[plain].notna()
    for panel in dict.fromkeys(MONTHS_BEHIND.values()):
        means = [name for name, months in MONTHS_BEHIND.items() if months == panel]
        known[means[0]] = frame[panel].to_numpy(dtype=np.float64) > 0
    owners = pd.Index([FEATURE_OF[str(name)] for name in known.columns])
    return known.T.groupby(owners, sort=False).any().T


def reason_inputs(model: Model, frame: pd.DataFrame) -> pd.DataFrame:
    """Return, by feature of the contract that has one column, the value that a reason speaks of.

    Of a panel it is its evidence; a feature of several columns, such as a list, has no value.
    """
    owners = pd.Series(FEATURE_OF)
    single = owners[~owners.duplicated(keep=False)]
    plain = [name for name in FEATURES if name in single.index and name not in EVIDENCE]
    values = frame[plain].rename(columns=FEATURE_OF)
    if not hasattr(model, "inputs"):
        return values
    by_panel = model.inputs(frame)
    for panel in SCORED_PANELS:
        known = frame[months_of(panel)].to_numpy(dtype=np.float64) > 0
        evidence = by_panel[evidence_of(panel)]
        values[FEATURE_OF[evidence_of(panel)]] = evidence.where(known)
    return values
