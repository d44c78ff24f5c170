"""What goes wrong on the way to an extract: stray characters, placeholders, impossible values."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.demo.applicants import Applicants
from credit_risk_dagster.demo.streams import Purpose, stream

MISSING_SSN = "#F%$D@*&8"
MISSING_OCCUPATION = "_______"
MISSING_BALANCE = "__-333333333333333333333333333__"

ONE_MISSING_BALANCE_IN = 7_500
"""Too rare to be left to chance: it comes once in so many applicants."""


@dataclass(frozen=True)
class Impossible:
    """Whole numbers from `lowest` to `highest` that replace a share of a column."""

    column: str
    share: float
    lowest: int
    highest: int


IMPOSSIBLE_ATTRIBUTES = (
    Impossible("Age", 0.008, -500, -500),
    Impossible("Age", 0.016, 101, 8_678),
)
IMPOSSIBLE_FINANCIALS = (
    Impossible("Annual_Income", 0.010, 200_000, 23_834_698),
    Impossible("Num_Bank_Accounts", 0.014, 51, 1_756),
    Impossible("Num_Bank_Accounts", 0.001, -1, -1),
    Impossible("Num_Credit_Card", 0.023, 21, 1_499),
    Impossible("Interest_Rate", 0.020, 101, 5_789),
    Impossible("Num_of_Loan", 0.0385, -100, -100),
    Impossible("Num_of_Loan", 0.006, 21, 1_495),
    Impossible("Num_of_Delayed_Payment", 0.008, 101, 4_293),
    Impossible("Num_of_Delayed_Payment", 0.0075, -3, -1),
    Impossible("Num_Credit_Inquiries", 0.017, 51, 2_554),
    Impossible("Total_EMI_per_month", 0.033, 2_000, 81_971),
)

PLACEHOLDERS_IN_ATTRIBUTES = {
    "SSN": (MISSING_SSN, 0.056),
    "Occupation": (MISSING_OCCUPATION, 0.070),
}
PLACEHOLDERS_IN_FINANCIALS = {
    "Changed_Credit_Limit": ("_", 0.020),
    "Credit_Mix": ("_", 0.209),
    "Payment_of_Min_Amount": ("NM", 0.115),
    "Amount_invested_monthly": ("__10000__", 0.045),
    "Payment_Behaviour": ("!@9#%8", 0.080),
}

UNDERSCORES_IN_ATTRIBUTES = {"Age": 0.051}
UNDERSCORES_IN_FINANCIALS = {
    "Annual_Income": 0.069,
    "Num_of_Loan": 0.050,
    "Num_of_Delayed_Payment": 0.030,
    "Outstanding_Debt": 0.011,
}

NAME_PREFIXES = {'"': 0.008, ", ": 0.001}
"""Scraps of the text that a name was cut from; they need quoting in CSV."""


def soil_attributes(attributes: pd.DataFrame, applicants: Applicants, seed: int) -> pd.DataFrame:
    """Return attributes as text with all their dirt, without the rows that get lost."""
    random = stream(seed, Purpose.DIRT_IN_ATTRIBUTES, applicants.month)
    dirty = _with_impossible(attributes, IMPOSSIBLE_ATTRIBUTES, random).astype(str)
    dirty = _with_underscores(dirty, UNDERSCORES_IN_ATTRIBUTES, random)
    dirty = _with_placeholders(dirty, PLACEHOLDERS_IN_ATTRIBUTES, random)
    for prefix, share in NAME_PREFIXES.items():
        hit = _hit(random, len(dirty), share)
        dirty["Name"] = dirty["Name"].mask(hit, prefix + dirty["Name"])
    return dirty[applicants.has_attributes]


def soil_financials(financials: pd.DataFrame, applicants: Applicants, seed: int) -> pd.DataFrame:
    """Return financials as text with all their dirt."""
    random = stream(seed, Purpose.DIRT_IN_FINANCIALS, applicants.month)
    dirty = _with_impossible(financials, IMPOSSIBLE_FINANCIALS, random).astype(str)
    dirty = _with_underscores(dirty, UNDERSCORES_IN_FINANCIALS, random)
    dirty = _with_placeholders(dirty, PLACEHOLDERS_IN_FINANCIALS, random)
    lost = applicants.positions % ONE_MISSING_BALANCE_IN == 0
    return dirty.assign(Monthly_Balance=dirty["Monthly_Balance"].mask(lost, MISSING_BALANCE))


def _hit(random: np.random.Generator, count: int, share: float) -> npt.NDArray[np.bool_]:
    return random.random(count) < share


def _with_impossible(
    frame: pd.DataFrame, rules: tuple[Impossible, ...], random: np.random.Generator
) -> pd.DataFrame:
    count = len(frame)
    for rule in rules:
        wrong = random.integers(rule.lowest, rule.highest, count, endpoint=True)
        hit = _hit(random, count, rule.share)
        frame = frame.assign(**{rule.column: np.where(hit, wrong, frame[rule.column])})
    return frame


def _with_underscores(
    frame: pd.DataFrame, shares: dict[str, float], random: np.random.Generator
) -> pd.DataFrame:
    for column, share in shares.items():
        hit = _hit(random, len(frame), share)
        frame = frame.assign(**{column: frame[column].mask(hit, frame[column] + "_")})
    return frame


def _with_placeholders(
    frame: pd.DataFrame, rules: dict[str, tuple[str, float]], random: np.random.Generator
) -> pd.DataFrame:
    for column, (placeholder, share) in rules.items():
        hit = _hit(random, len(frame), share)
        frame = frame.assign(**{column: frame[column].mask(hit, placeholder)})
    return frame
