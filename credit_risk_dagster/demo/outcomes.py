"""Who defaults: a risk that follows from finances and behaviour, and a share of luck."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.demo.applicants import Applicants
from credit_risk_dagster.demo.financials import drifted
from credit_risk_dagster.demo.streams import Purpose, stream

Floats = npt.NDArray[np.float64]

WEIGHTS = {
    "Outstanding_Debt": 0.55,
    "Delay_from_due_date": 0.50,
    "Num_Credit_Inquiries": 0.45,
    "Interest_Rate": 0.40,
    "Num_of_Delayed_Payment": 0.15,
    "Num_of_Loan": 0.15,
    "credit_history_months": -0.25,
    "income": -0.25,
}
"""Log-odds of default per standard deviation."""

DISTRESS_WEIGHT = 3.3
DEBT_AND_DELAY_WEIGHT = 1.00
UTILISATION_WEIGHT = 1.30

LOWEST_DEFAULT_SHARE, HIGHEST_DEFAULT_SHARE = 0.275, 0.320


def risk(scores: pd.DataFrame, distress: Floats) -> Floats:
    """Return the risk of default as log-odds, up to a constant.

    Debt and delays aggravate each other, and both very low and very high utilisation are
    riskier than the middle: a linear model sees most of the risk, but not all of it.
    """
    linear = sum(weight * scores[name] for name, weight in WEIGHTS.items())
    both = np.maximum(scores["Outstanding_Debt"], 0) * np.maximum(scores["Delay_from_due_date"], 0)
    utilisation = np.abs(scores["Credit_Utilization_Ratio"])
    total = (
        linear
        + DEBT_AND_DELAY_WEIGHT * both
        + UTILISATION_WEIGHT * utilisation
        + DISTRESS_WEIGHT * distress
    )
    return np.asarray(total, dtype=np.float64)


def draw_defaults(
    applicants: Applicants, scores: pd.DataFrame, seed: int, drift: float
) -> npt.NDArray[np.bool_]:
    """Return which applicants default.

    A month's share of defaults is drawn for its applicants as they would be without drift;
    applicants who drift towards more risk default more often.
    """
    random = stream(seed, Purpose.DEFAULTS, applicants.month)
    share = random.uniform(LOWEST_DEFAULT_SHARE, HIGHEST_DEFAULT_SHARE)
    luck = random.logistic(size=len(scores))
    threshold = np.quantile(risk(scores, applicants.distress) + luck, 1 - share)
    return risk(drifted(scores, drift), applicants.distress) + luck > threshold
