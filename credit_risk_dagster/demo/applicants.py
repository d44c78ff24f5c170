"""Who applies in a month: identities, and what drives their finances and their behaviour."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.demo.streams import Purpose, month_number, stream

SHORTEST_LEAD, LONGEST_LEAD = 12, 18
"""Months by which the clickstream of a customer precedes the application."""

WITHOUT_CLICKSTREAM = 0.015
WITHOUT_ATTRIBUTES = 0.005
WITHOUT_LOAN = 0.005


@dataclass(frozen=True)
class Applicants:
    """The applicants of one month, in the order of their ids.

    Attributes:
        month: when they apply.
        customer_ids: `CUS_0x…`, unique across all months of a seed.
        positions: their number in the portfolio, counted over all months.
        weakness: credit weakness behind the finances, standard normal.
        distress: distress behind the clickstream, standard normal, independent of weakness.
        clickstream_lead: months of clickstream before the application.
        has_clickstream, has_attributes, has_loan: whether the customer appears in a source.
    """

    month: str
    customer_ids: npt.NDArray[np.str_]
    positions: npt.NDArray[np.int64]
    weakness: npt.NDArray[np.float64]
    distress: npt.NDArray[np.float64]
    clickstream_lead: npt.NDArray[np.int64]
    has_clickstream: npt.NDArray[np.bool_]
    has_attributes: npt.NDArray[np.bool_]
    has_loan: npt.NDArray[np.bool_]


def draw_applicants(portfolio: DemoPortfolio, month: str) -> Applicants:
    """Return the applicants of any month, inside the portfolio's months or after them."""
    count = portfolio.applicants_per_month
    random = stream(portfolio.seed, Purpose.APPLICANTS, month)
    positions = month_number(month) * count + np.arange(count)
    return Applicants(
        month=month,
        customer_ids=_customer_ids(positions, portfolio.seed),
        positions=positions,
        weakness=random.standard_normal(count),
        distress=random.standard_normal(count),
        clickstream_lead=random.integers(SHORTEST_LEAD, LONGEST_LEAD, count, endpoint=True),
        has_clickstream=random.random(count) >= WITHOUT_CLICKSTREAM,
        has_attributes=random.random(count) >= WITHOUT_ATTRIBUTES,
        has_loan=random.random(count) >= WITHOUT_LOAN,
    )


def _customer_ids(positions: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.str_]:
    # Every step is one-to-one on 32 bits: ids look arbitrary and never collide.
    number = (positions + seed % 2**32).astype(np.uint32)
    number = number * np.uint32(2_654_435_769)
    number = number ^ (number >> np.uint32(15))
    number = number * np.uint32(2_246_822_519)
    number = number ^ (number >> np.uint32(13))
    return np.sort(np.array([f"CUS_0x{value:x}" for value in number.tolist()]))
