"""Finances that hang together: income, debts, delays and payments of one credit weakness."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.contract.reference.financials import FINANCIALS, LOAN_TYPES
from credit_risk_dagster.demo.applicants import Applicants
from credit_risk_dagster.demo.marginals import (
    FINANCIAL_CURVES,
    INVESTED_SHARE_OF_SALARY,
    LOG_MONTHLY_SALARY,
    from_scores,
)
from credit_risk_dagster.demo.streams import Purpose, stream

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

LOADINGS = {
    "income": -0.36,
    "Num_Bank_Accounts": 0.72,
    "Num_Credit_Card": 0.56,
    "Interest_Rate": 0.80,
    "Num_of_Loan": 0.70,
    "Delay_from_due_date": 0.72,
    "Num_of_Delayed_Payment": 0.70,
    "Changed_Credit_Limit": 0.42,
    "Num_Credit_Inquiries": 0.78,
    "Outstanding_Debt": 0.77,
    "Credit_Utilization_Ratio": -0.10,
    "credit_history_months": -0.78,
}
"""Correlation of each score with credit weakness."""

DRIFT = {"income": -1.0, "Outstanding_Debt": 1.0, "Interest_Rate": 1.0}
"""The scores that injected drift moves, and in which direction."""

WHOLE_NUMBERS = (
    "Num_Bank_Accounts",
    "Num_Credit_Card",
    "Interest_Rate",
    "Num_of_Loan",
    "Delay_from_due_date",
    "Num_of_Delayed_Payment",
)
CENTS = ("Changed_Credit_Limit", "Outstanding_Debt")

BALANCE_BASES = {
    "High_spent_Large_value_payments": 240.0,
    "High_spent_Medium_value_payments": 250.0,
    "High_spent_Small_value_payments": 260.0,
    "Low_spent_Large_value_payments": 270.0,
    "Low_spent_Medium_value_payments": 280.0,
    "Low_spent_Small_value_payments": 290.0,
}
"""Monthly balance = 10 % of salary - EMI - investments + what the payment behaviour leaves."""


def financial_scores(applicants: Applicants, seed: int) -> pd.DataFrame:
    """Return standard normal scores of the applicants, one column per entry of LOADINGS."""
    random = stream(seed, Purpose.FINANCIAL_SCORES, applicants.month)
    loadings = np.array(list(LOADINGS.values()))[:, None]
    own = random.standard_normal((len(LOADINGS), len(applicants.customer_ids)))
    scores = loadings * applicants.weakness + np.sqrt(1 - loadings**2) * own
    return pd.DataFrame(scores.T, columns=list(LOADINGS))


def drifted(scores: pd.DataFrame, size: float) -> pd.DataFrame:
    """Return scores with the drifting ones moved by `size` standard deviations."""
    return scores.assign(
        **{name: scores[name] + direction * size for name, direction in DRIFT.items()}
    )


def clean_financials(applicants: Applicants, scores: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the financials of applicants before dirt gets into them."""
    random = stream(seed, Purpose.FINANCIALS, applicants.month)
    count = len(scores)
    frame = pd.DataFrame(
        {
            name: from_scores(_values(scores, name), curve)
            for name, curve in FINANCIAL_CURVES.items()
        }
    )
    frame[list(WHOLE_NUMBERS)] = frame[list(WHOLE_NUMBERS)].round().astype(np.int64)
    frame[list(CENTS)] = frame[list(CENTS)].round(2)
    frame["Num_Credit_Inquiries"] = frame["Num_Credit_Inquiries"].round()
    frame["Credit_History_Age"] = _credit_history_ages(_values(frame, "credit_history_months"))
    frame["Type_of_Loan"] = _loan_types(random, frame["Num_of_Loan"].to_numpy())
    frame["Credit_Mix"] = _credit_mix(applicants.weakness + 0.3 * random.standard_normal(count))
    frame["Payment_of_Min_Amount"] = _pays_minimum_only(random, applicants.weakness)
    frame["Payment_Behaviour"] = _payment_behaviour(random, _values(scores, "income"))
    _add_amounts(frame, random, _values(scores, "income"))
    frame["Customer_ID"] = applicants.customer_ids.astype(object)
    frame["snapshot_date"] = applicants.month
    return frame[list(FINANCIALS.headers)]


def _values(frame: pd.DataFrame, column: str) -> Floats:
    return frame[column].to_numpy(dtype=np.float64)


def _add_amounts(frame: pd.DataFrame, random: np.random.Generator, income: Floats) -> None:
    count = len(frame)
    annual = (12 * np.exp(from_scores(income, LOG_MONTHLY_SALARY))).round(2)
    # Binary arithmetic upstream leaves tails such as 64536.99000000001.
    annual = np.where(random.random(count) < 0.02, np.nextafter(annual, np.inf), annual)
    salary = annual / 12 / np.exp(0.07 * random.standard_normal(count))
    instalment_share = 0.0080 * np.exp(0.30 * random.standard_normal(count))
    emi = salary * np.minimum(instalment_share * frame["Num_of_Loan"].to_numpy(), 0.095)
    base = frame["Payment_Behaviour"].map(BALANCE_BASES).to_numpy(dtype=np.float64)
    disposable = 0.1 * salary - emi + base
    # Those who earn more invest more, but a smaller share.
    saving = -0.35 * income + 0.94 * random.standard_normal(count)
    wanted = salary * from_scores(saving, INVESTED_SHARE_OF_SALARY)
    invested = np.minimum(wanted, disposable * random.uniform(0.80, 0.99, count))
    frame["Annual_Income"] = annual
    frame["Monthly_Inhand_Salary"] = salary
    frame["Total_EMI_per_month"] = emi
    frame["Amount_invested_monthly"] = invested
    frame["Monthly_Balance"] = disposable - invested


def _credit_history_ages(months: Floats) -> list[str]:
    whole = months.round().astype(np.int64).tolist()
    return [f"{count // 12} Years and {count % 12} Months" for count in whole]


def _loan_types(random: np.random.Generator, counts: npt.NDArray[np.int64]) -> Texts:
    """Return lists in one string, such as `Auto Loan, Student Loan, and Auto Loan`."""
    most = max(int(counts.max()), 1)
    drawn = np.array([element.text for element in LOAN_TYPES], dtype=object)[
        random.integers(len(LOAN_TYPES), size=(9, len(counts)))
    ]
    text = np.where(counts > 0, drawn[0], "").astype(object)
    for item in range(1, most):
        separator = np.where(counts == item + 1, ", and ", ", ").astype(object)
        text = np.where(counts > item, text + separator + drawn[item], text)
    return text


def _credit_mix(weakness: Floats) -> Texts:
    mixes = np.array(["Good", "Standard", "Bad"], dtype=object)
    return mixes[np.digitize(weakness, (-0.52, 0.70))]


def _pays_minimum_only(random: np.random.Generator, weakness: Floats) -> Texts:
    pays = weakness + 0.35 * random.standard_normal(len(weakness)) > -0.25
    return np.where(pays, "Yes", "No").astype(object)


def _payment_behaviour(random: np.random.Generator, income: Floats) -> Texts:
    own = random.standard_normal((2, len(income)))
    spending = np.array(["Low", "High"], dtype=object)[(0.7 * income + own[0] > 0.1).astype(int)]
    sizes = np.array(["Small", "Medium", "Large"], dtype=object)
    size = sizes[np.digitize(0.5 * income + own[1], (-0.25, 0.75))]
    return np.asarray(spending + "_spent_" + size + "_value_payments", dtype=object)
