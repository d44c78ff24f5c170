"""The loan book of a month, as monitoring facts: vintages, roll rates and volumes."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.models.metric import proportion
from credit_risk_dagster.monitoring.facts import OVERALL, Fact, metric_fact
from credit_risk_dagster.months import first_day, months_between
from credit_risk_dagster.tables.portfolio import BUCKETS

VINTAGE, ROLL, BOOK, DELIVERY = "vintage", "roll", "book", "delivery"
VINTAGE_RATE = "cumulative_arrears_rate"
ARREARS_RATE = "arrears_rate"
"""Of loans as much in arrears as a default is, whatever their month on book."""
VINTAGE_MONTHS_ON_BOOK = 12
"""How long a vintage is followed."""

AMOUNTS = {"outstanding_balance": "balance", "originated_amount": "loan_amount"}
"""Volumes in money, and the column of the loan book without which they are not known."""


def vintage_facts(month: str, first_month: str, counts: pd.DataFrame) -> list[Fact]:
    """Return the share of each vintage's loans that were ever in a default's arrears up to a month.

    A loan that first appears later than the month takes no part, so that the facts of a month
    need nothing of a later one. Vintages from before the first month were not seen whole.

    Args:
        month: the snapshot month.
        first_month: the first snapshot month that there is.
        counts: as `tables.portfolio.vintage_counts`, of all snapshots since the oldest vintage.
    """
    today = pd.Timestamp(first_day(month))
    seen = counts.assign(
        started=pd.to_datetime(counts["loan_start_date"]),
        is_late=pd.to_datetime(counts["first_late"]) <= today,
    )[pd.to_datetime(counts["first_seen"]) <= today]
    vintages = seen["started"].dt.strftime("%Y-%m")
    facts = []
    for vintage in sorted(vintages.unique()):
        age = months_between(f"{vintage}-01", month)
        if f"{vintage}-01" >= first_month and 0 <= age <= VINTAGE_MONTHS_ON_BOOK:
            loans = seen.loc[vintages == vintage, ["loans", "is_late"]].to_numpy(np.int64)
            rate = proportion(
                VINTAGE_RATE, int((loans[:, 0] * loans[:, 1]).sum()), int(loans[:, 0].sum())
            )
            facts.append(metric_fact(VINTAGE, rate, vintage))
    return facts


def roll_facts(counts: pd.DataFrame) -> list[Fact]:
    """Return the share of each bucket's loans that moved to each bucket since the month before.

    Args:
        counts: as `tables.portfolio.roll_counts`, of one snapshot. A bucket without loans in the
            month before has no rates.
    """
    moved = {
        (row["from_bucket"], row["to_bucket"]): int(row["loans"])
        for row in counts.to_dict("records")
    }
    facts = []
    for before in BUCKETS:
        size = sum(moved.get((before, now), 0) for now in BUCKETS)
        if size:
            facts += [
                metric_fact(
                    ROLL,
                    proportion("roll_rate", moved.get((before, now), 0), size),
                    f"{before} to {now}",
                )
                for now in BUCKETS
            ]
    return facts


def book_facts(
    counts: Mapping[str, int], applications: int, scored_applicants: int, defaults: int, labels: int
) -> Iterator[Fact]:
    """Return volumes, the share of the book in a default's arrears, and the default rate.

    Args:
        counts: the month's row of `tables.portfolio.book_counts`.
        applications: applications that arrived, with or without a loan.
        scored_applicants: applicants that were scored.
        defaults: defaults among the loans whose label matured in the month.
        labels: those loans.
    """
    volumes: dict[str, float] = {
        "active_loans": counts["active_loans"],
        "originated_loans": counts["originated_loans"],
        "applications": applications,
        "scored_applicants": scored_applicants,
    }
    for name, column in AMOUNTS.items():
        if CONTRACT.loan_book.has(column):
            volumes[name] = counts[f"{name}_cents"] / 100
    for name, value in volumes.items():
        yield Fact(BOOK, name, OVERALL, float(value), sample_size=counts["active_loans"])
    late = proportion(ARREARS_RATE, counts["late_loans"], counts["active_loans"])
    yield metric_fact(BOOK, late, OVERALL)
    yield metric_fact(BOOK, proportion("default_rate", defaults, labels), OVERALL)


def delivery_facts(source: str, rows: Mapping[str, int]) -> Iterator[Fact]:
    """Return what became of the rows of a source: delivered, accepted, quarantined, duplicate."""
    for name, count in rows.items():
        yield Fact(DELIVERY, f"rows_{name}", source, float(count), sample_size=rows["delivered"])
