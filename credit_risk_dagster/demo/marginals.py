"""How each feature is distributed: curves from standard normal scores to the feature's units."""

import numpy as np
import numpy.typing as npt

SCORE_KNOTS = (-3.0, -1.65, -0.67, 0.0, 0.67, 1.65, 3.0)
"""About the 0.1, 5, 25, 50, 75, 95 and 99.9 % points of the standard normal distribution."""

Curve = tuple[float, float, float, float, float, float, float]
"""The feature's values at the knots; linear in between, constant outside."""

AGE: Curve = (14, 16, 24, 33, 42, 53, 56)
LOG_MONTHLY_SALARY: Curve = (5.85, 6.73, 7.39, 8.04, 8.69, 9.30, 9.61)
INVESTED_SHARE_OF_SALARY: Curve = (0.002, 0.012, 0.025, 0.045, 0.075, 0.117, 0.150)

FINANCIAL_CURVES: dict[str, Curve] = {
    "Num_Bank_Accounts": (-0.4, 1, 3, 6, 8, 10, 10),
    "Num_Credit_Card": (0.6, 3, 4, 6, 7, 9.5, 11),
    "Interest_Rate": (1, 2, 8, 14, 21, 32, 34),
    "Num_of_Loan": (-0.4, -0.2, 2, 3, 5, 8, 9),
    "Delay_from_due_date": (-5, 3, 10, 18, 28, 54, 67),
    "Num_of_Delayed_Payment": (0, 2, 9, 14, 18, 24, 28),
    "Changed_Credit_Limit": (-6, 1.2, 5.1, 9.3, 14.8, 23.5, 33),
    "Num_Credit_Inquiries": (0, 1, 4, 6, 10, 14, 17),
    "Outstanding_Debt": (1, 124, 580, 1180, 1970, 4115, 4990),
    "Credit_Utilization_Ratio": (20.1, 24.2, 28.3, 32.5, 36.7, 40.3, 47.5),
    "credit_history_months": (9, 60, 145, 225, 305, 385, 404),
}


def from_scores(scores: npt.NDArray[np.float64], curve: Curve) -> npt.NDArray[np.float64]:
    """Return the values of a feature at standard normal scores."""
    return np.interp(scores, SCORE_KNOTS, curve)
