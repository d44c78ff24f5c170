"""The loan book: ten instalments of 1,000, and how borrowers pay, miss and catch up."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from credit_risk_dagster.contract.reference import LOANS
from credit_risk_dagster.demo.applicants import Applicants
from credit_risk_dagster.demo.streams import Purpose, stream
from credit_risk_dagster.months import months_between

TENURE = 10
INSTALMENT = 1_000
LOAN_AMOUNT = TENURE * INSTALMENT

DEFAULTING_PATHS = {
    "1100000000": 0.232,
    "1000000000": 0.152,
    "1110000000": 0.144,
    "1020000000": 0.098,
    "0200000000": 0.055,
    "1102000000": 0.053,
    "0210000000": 0.042,
    "1003000000": 0.039,
    "0000000000": 0.032,
    "1111000000": 0.039,
    "1021000000": 0.024,
    "0030000000": 0.020,
    "0004000000": 0.015,
    "0202000000": 0.014,
    "0211000000": 0.012,
    "0031000000": 0.009,
    "1111100000": 0.020,
}
"""Instalments paid at months on book 1 to 10, and how many of the defaulters pay so.

The last path misses once before the label is taken: 30 days past due, except in a March
snapshot, where one month is 28 or 29 days.
"""

PERFORMING_PATHS = {
    "1111111111": 0.940,
    "0211111111": 0.015,
    "1021111111": 0.015,
    "1102111111": 0.010,
    "1111111000": 0.010,
    "1111111100": 0.010,
}
"""The same for those who are not past due at month on book 6; a few fall behind after it."""


@dataclass(frozen=True)
class Loans:
    """The loans granted in one month.

    Attributes:
        start_month: when they were granted.
        customer_ids: their borrowers.
        paid: instalments paid, one row per loan and one column per month on book 0 to 10.
    """

    start_month: str
    customer_ids: npt.NDArray[np.str_]
    paid: npt.NDArray[np.int64]


def draw_loans(applicants: Applicants, defaults: npt.NDArray[np.bool_], seed: int) -> Loans:
    """Return the loans of a month's applicants with everything that is ever paid on them."""
    random = stream(seed, Purpose.PAYMENTS, applicants.month)
    count = len(defaults)
    paid = np.where(
        defaults[:, None],
        _draw_paths(random, DEFAULTING_PATHS, count),
        _draw_paths(random, PERFORMING_PATHS, count),
    )
    granted = applicants.has_loan
    return Loans(applicants.month, applicants.customer_ids[granted], paid[granted])


def snapshot_rows(loans: Loans, month: str) -> pa.Table:
    """Return the loans as they stand in the snapshot of `month`, 0 to 10 months on book."""
    month_on_book = months_between(loans.start_month, month)
    paid_now = loans.paid[:, month_on_book]
    paid_so_far = loans.paid[:, : month_on_book + 1].sum(axis=1)
    due_now = min(month_on_book, 1)
    suffix = "_" + loans.start_month.replace("-", "_")
    count = len(paid_now)
    columns = {
        "loan_id": np.char.add(loans.customer_ids, suffix),
        "Customer_ID": loans.customer_ids,
        "loan_start_date": np.full(count, loans.start_month),
        "tenure": np.full(count, TENURE),
        "installment_num": np.full(count, month_on_book),
        "loan_amt": np.full(count, LOAN_AMOUNT),
        "due_amt": _amounts(np.full(count, due_now)),
        "paid_amt": _amounts(paid_now),
        "overdue_amt": _amounts(month_on_book - paid_so_far),
        "balance": _amounts(TENURE - paid_so_far),
        "snapshot_date": np.full(count, month),
    }
    return pa.table([columns[name] for name in LOANS.headers], names=list(LOANS.headers))


def _draw_paths(
    random: np.random.Generator, paths: dict[str, float], count: int
) -> npt.NDArray[np.int64]:
    paid = np.array([[0, *map(int, path)] for path in paths])
    return paid[random.choice(len(paths), size=count, p=list(paths.values()))]


def _amounts(instalments: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    # Amounts are whole multiples of the instalment, written with one decimal.
    texts = np.array([str(float(number * INSTALMENT)) for number in range(TENURE + 1)])
    return texts[instalments]
