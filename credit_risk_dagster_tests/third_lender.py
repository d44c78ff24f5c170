"""A consumer lender without a panel: applications and loans have numbers of their own.

A customer can apply twice in a month and get both loans. Days past due are delivered as such, the
loan book as Parquet and the applications as compressed CSV.
"""

import gzip
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from credit_risk_dagster.contract.feature import (
    Direction,
    Feature,
    FromColumn,
    MonthsSince,
    Ratio,
)
from credit_risk_dagster.contract.kinds import Category, Date, Identifier, Number
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.outcome import LeftEarly, Outcome
from credit_risk_dagster.contract.source import Column, Personal, Shape, Source
from credit_risk_dagster.months import add_months, first_day, month_range, months_between

FIRST = "2024-01-01"
MONTHS = month_range(FIRST, add_months(FIRST, 9))
APPLICATIONS = 120
"""Loans granted in a month; every ninth customer has two of them."""

PAID_OFF = 2
"""The last month on book of a loan that is paid off early."""

CUSTOMER = Column("customer_no", "customer_id", Identifier("[0-9]{8}"), "Number of the customer")
APPLICATION = Column(
    "application_no", "application_id", Identifier("A-[0-9]{6}"), "Number of the application"
)

FACILITIES = Source(
    name="facilities",
    shape=Shape.LOAN_BOOK,
    files=("facilities",),
    meaning="Loans: one row per facility and month",
    columns=(
        Column("facility_no", "loan_id", Identifier("F-[0-9]{6}"), "Number of the facility"),
        CUSTOMER,
        APPLICATION,
        Column("report_date", "snapshot_date", Date(), "Last day of the month"),
        Column("granted_on", "loan_start_date", Date(), "Day on which the loan was granted"),
        Column("principal", "loan_amount", Number(low=0), "Amount that was lent", unit="pounds"),
        Column(
            "days_late",
            "days_past_due",
            Number(low=0, whole=True),
            "Days since the oldest unpaid instalment fell due",
        ),
    ),
)

APPLICATION_FORMS = Source(
    name="application_forms",
    shape=Shape.APPLICANT,
    files=("forms",),
    meaning="Application forms: one row per application, in the month of application",
    columns=(
        APPLICATION,
        CUSTOMER,
        Column("signed_on", "snapshot_date", Date(), "Day on which the form was signed"),
        Column("e_mail", "e_mail", None, "Address of the applicant", personal=Personal.YES),
        Column("monthly_income", "income", Number(low=0, high=1e5), "Income in a month, after tax"),
        Column("purpose", "purpose", Category(("car", "home", "travel")), "What the loan is for"),
        Column("employed_since", "employed_since", Date(), "Day on which employment began"),
    ),
)

CONTRACT = Contract(
    lender="a consumer lender without a panel",
    sources=(FACILITIES, APPLICATION_FORMS),
    features=(
        Feature(
            "income",
            FromColumn("income"),
            "Income in a month, after tax",
            "income",
            Direction.DOWN,
            "low income",
            "high income",
        ),
        Feature(
            "loan_to_income",
            Ratio("loan_amount", "income"),
            "Amount of the loan divided by the income in a month",
            "affordability",
            Direction.UP,
            "high loan in relation to income",
            "low loan in relation to income",
        ),
        Feature("purpose", FromColumn("purpose"), "What the loan is for", "loan"),
        Feature(
            "employed_months",
            MonthsSince("employed_since"),
            "Months since employment began",
            "income",
        ),
    ),
    outcome=Outcome(
        month_on_book=3, days_past_due=90, within=True, left_early=LeftEarly.AS_LAST_SEEN
    ),
)


def generate(folder: Path) -> None:
    """Write the monthly files of all months into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    granted = pd.concat([_granted(month) for month in MONTHS], ignore_index=True)
    for month in MONTHS:
        _write_book(granted, month, folder / f"facilities_{month[:7]}.parquet")
        _write_forms(granted[granted["month"] == month], folder / f"forms_{month[:7]}.csv.gz")


def _granted(month: str) -> pd.DataFrame:
    """Draw the loans of a month, each with its form and with what becomes of it.

    `course` is `late`: 90 days past due at month 3; `cured`: at month 2 only; `paid_off`: leaves
    the book early; else `good`.
    """
    index = MONTHS.index(month)
    random = np.random.default_rng([7, index])
    numbers = np.arange(APPLICATIONS) + index * APPLICATIONS
    customers = np.where(numbers % 9 == 1, numbers - 1, numbers)
    income = np.round(random.lognormal(7.8, 0.4, APPLICATIONS), 2)
    principal = np.round(random.uniform(500, 9000, APPLICATIONS))
    risk = 1 / (1 + np.exp(2 - 6 * np.log(principal / income / 2)))
    drawn = random.uniform(size=APPLICATIONS)
    course = np.select(
        [drawn < risk * 0.8, drawn < risk, drawn > 0.95], ["late", "cured", "paid_off"], "good"
    )
    start = first_day(month)
    days = random.integers(0, 28, APPLICATIONS)
    return pd.DataFrame(
        {
            "month": month,
            "facility_no": [f"F-{number:06d}" for number in numbers],
            "customer_no": [f"{customer * 7 + 12:08d}" for customer in customers],
            "application_no": [f"A-{999_999 - number:06d}" for number in numbers],
            "granted_on": [start + timedelta(days=int(day)) for day in days],
            "e_mail": [f"person{customer}@mail.example" for customer in customers],
            "monthly_income": income,
            "purpose": random.choice(["car", "home", "travel"], APPLICATIONS),
            "employed_since": [
                start - timedelta(days=int(day)) for day in random.integers(20, 9000, APPLICATIONS)
            ],
            "principal": principal,
            "course": course,
        }
    )


def _write_book(granted: pd.DataFrame, month: str, path: Path) -> None:
    age = granted["month"].map(lambda start: months_between(start, month))
    left = (granted["course"] == "paid_off") & (age > PAID_OFF)
    rows = granted[(age >= 0) & ~left].copy()
    rows["report_date"] = _last_day(month)
    rows["days_late"] = [
        days_late(course, on_book)
        for course, on_book in zip(rows["course"], age[rows.index], strict=True)
    ]
    rows[list(FACILITIES.headers)].to_parquet(path, index=False)


def days_late(course: str, month_on_book: int) -> int:
    """Return the days past due of a loan; whoever is cured is so late at month 2 alone."""
    if course == "cured":
        return 95 if month_on_book == 2 else 0
    return 30 * month_on_book + 5 if course == "late" and month_on_book > 0 else 0


def _write_forms(granted: pd.DataFrame, path: Path) -> None:
    forms = granted.assign(signed_on=granted["granted_on"])[list(APPLICATION_FORMS.headers)]
    path.write_bytes(gzip.compress(forms.to_csv(index=False).encode()))


def _last_day(month: str) -> date:
    return first_day(add_months(month, 1)) - timedelta(days=1)
