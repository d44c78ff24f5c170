from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from credit_risk_dagster.contract.features import (
    FLAGS,
    PANEL_MEANS,
    READING_COUNTS,
    READING_SQUARES,
)
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.kinds import Duration, Number
from credit_risk_dagster.contract.reference import FINANCIALS
from credit_risk_dagster.months import add_months, first_day, month_range
from credit_risk_dagster.tables import gold
from credit_risk_dagster.tables.labels import labels
from credit_risk_dagster_tests.reference_tables import (
    CLICKSTREAM_FEATURES,
    SILVER_ATTRIBUTES,
    SILVER_FINANCIALS,
    SILVER_LOANS,
)
from credit_risk_dagster_tests.tables.panels import states
from credit_risk_dagster_tests.tables.refined import computed, filled

Rows = list[dict[str, Any]]
MONTH = date(2024, 3, 1)


def loan(
    customer: str, month: date = MONTH, month_on_book: int = 0, **values: Any
) -> dict[str, Any]:
    start = first_day(add_months(str(month), -month_on_book))
    return {
        "loan_id": f"{customer}_{start}",
        "customer_id": customer,
        "snapshot_date": month,
        "loan_start_date": start,
        "month_on_book": month_on_book,
        **values,
    }


def of(customer: str, month: date = MONTH, **values: Any) -> dict[str, Any]:
    return {"customer_id": customer, "snapshot_date": month} | values


def with_values(customer: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return of(customer) | dict(values)


def features_of(
    loans: Sequence[dict[str, Any]],
    attributes: Sequence[dict[str, Any]] = (),
    financials: Sequence[dict[str, Any]] = (),
    clickstream: Sequence[dict[str, Any]] = (),
    kept_for: int = 2,
) -> ir.Table:
    """The features of loans, by way of the states of all months up to the last loan."""
    days = sorted(row["snapshot_date"] for row in (*loans, *clickstream))
    until = max(row["snapshot_date"] for row in loans)
    made = states(clickstream, month_range(str(days[0]), str(until)), kept_for).values()
    return gold.features(
        loans=ibis.memtable(filled(SILVER_LOANS, loans)),
        applicants={
            "attributes": ibis.memtable(filled(SILVER_ATTRIBUTES, attributes)),
            "financials": ibis.memtable(filled(SILVER_FINANCIALS, financials)),
        },
        panels={
            "clickstream": (
                ibis.memtable(pa.concat_tables([one.rows for one in made])),
                ibis.memtable(pa.concat_tables([one.dormant for one in made])),
            )
        },
    )


def features(
    loans: Sequence[dict[str, Any]],
    attributes: Sequence[dict[str, Any]] = (),
    financials: Sequence[dict[str, Any]] = (),
    clickstream: Sequence[dict[str, Any]] = (),
) -> dict[str, dict[str, Any]]:
    """The features of each loan, by loan."""
    found = computed(features_of(loans, attributes, financials, clickstream))
    assert len({row["loan_id"] for row in found}) == len(found)
    return {row["loan_id"]: row for row in found}


def counts(seed: int, customers: int, months: list[str]) -> pd.DataFrame:
    """Random clickstream: not every customer in every month, and not every count."""
    generator = np.random.default_rng(seed)
    rows = [
        {"customer_id": f"C{customer}", "snapshot_date": month}
        for customer in range(customers)
        for month in months
        if generator.random() < 0.8
    ]
    values = generator.integers(-400, 900, (len(rows), len(CLICKSTREAM_FEATURES)))
    frame = pd.DataFrame(rows)
    known = generator.random(values.shape) < 0.95
    return frame.join(
        pd.DataFrame(np.where(known, values, np.nan), columns=list(CLICKSTREAM_FEATURES))
    )


def as_rows(frame: pd.DataFrame) -> Rows:
    """Rows with dates as dates, counts as integers and None where nothing is."""
    return [
        {
            str(name): first_day(value)
            if name == "snapshot_date"
            else (None if pd.isna(value) else int(value))
            if name in CLICKSTREAM_FEATURES
            else value
            for name, value in row.items()
        }
        for row in frame.to_dict("records")
    ]


def test_the_clickstream_is_its_mean_so_far_with_the_months_behind_it() -> None:
    """Compared with pandas, for customers who apply in any month, some of them twice."""
    months = month_range("2023-09-01", "2024-04-01")
    frame = counts(seed=3, customers=25, months=months)
    applications = [(f"C{number}", months[number % len(months)]) for number in range(28)]
    applications += [("C1", months[-1]), ("C2", months[-2])]
    found = features(
        [loan(customer, first_day(month)) for customer, month in applications],
        clickstream=as_rows(frame),
    )
    assert len(found) == len(applications)
    for customer, month in applications:
        row = found[f"{customer}_{month}"]
        seen = frame[(frame["customer_id"] == customer) & (frame["snapshot_date"] <= month)]
        means = seen[list(CLICKSTREAM_FEATURES)].mean()
        assert row["clickstream_months"] == len(seen)
        found_means = np.array([row[name] for name in PANEL_MEANS], dtype=float)
        np.testing.assert_allclose(found_means, means, rtol=1e-12)
        assert row["latest_input_date"] == first_day(month)


def test_what_is_dated_after_the_application_changes_no_feature() -> None:
    later = date(2024, 4, 1)
    known = {
        "attributes": [of("A", age=30.0, occupation="Lawyer")],
        "financials": [of("A", annual_income=100.0)],
        "clickstream": [of("A", fe_1=10)],
    }
    unknown = {
        "attributes": [of("A", later, age=31.0)],
        "financials": [of("A", later, annual_income=200.0)],
        "clickstream": [of("A", later, fe_1=90)],
    }
    both = {name: known[name] + unknown[name] for name in known}
    assert features([loan("A")], **both) == features([loan("A")], **known)


def test_a_loan_without_clickstream_attributes_or_financials_keeps_its_row() -> None:
    found = features(
        [loan("A"), loan("B"), loan("C")],
        attributes=[of("B", age=30.0)],
        financials=[of("C", annual_income=1.0)],
        clickstream=[of("B", fe_1=4)],
    )
    alone, with_attributes, with_financials = (found[f"{name}_{MONTH}"] for name in "ABC")
    assert {name: value for name, value in alone.items() if value is not None} == {
        "loan_id": f"A_{MONTH}",
        "customer_id": "A",
        "snapshot_date": MONTH,
        "latest_input_date": MONTH,
        "clickstream_months": 0,
        **dict.fromkeys(READING_COUNTS, 0),
        **dict.fromkeys(READING_SQUARES, 0.0),
        "has_attributes": False,
        "has_financials": False,
    }
    assert (with_attributes["has_attributes"], with_attributes["has_financials"]) == (True, False)
    assert (with_attributes["clickstream_months"], with_attributes["fe_1_mean"]) == (1, 4.0)
    assert (with_financials["has_attributes"], with_financials["has_financials"]) == (False, True)


def test_only_loans_at_month_on_book_zero_are_applicants() -> None:
    found = features([loan("A"), loan("B", month_on_book=1), loan("C", month_on_book=6)])
    assert list(found) == [f"A_{MONTH}"]


def test_an_application_without_a_loan_has_no_row() -> None:
    assert features([loan("A")], attributes=[of("A"), of("Z")]).keys() == {f"A_{MONTH}"}


def test_amounts_and_categories_are_those_of_the_application() -> None:
    numbers = [one for one in FINANCIALS.columns if isinstance(one.kind, (Number, Duration))]
    amounts = {column.name: float(number) for number, column in enumerate(numbers, start=1)}
    categories = {
        "credit_mix": "Good",
        "payment_of_min_amount": "No",
        "spending_level": "High",
        "payment_size": "Small",
    }
    attributes = {"age": 44.0, "occupation": "Doctor"}
    financials = {**amounts, **categories}
    found = features([loan("A")], [with_values("A", attributes)], [with_values("A", financials)])
    expected = {**financials, **attributes}
    assert {name: found[f"A_{MONTH}"][name] for name in expected} == expected


RATIO_CASES: list[tuple[dict[str, float | None], dict[str, float | None]]] = [
    (
        {
            "outstanding_debt": 500.0,
            "annual_income": 2000.0,
            "total_emi_per_month": 30.0,
            "monthly_inhand_salary": 120.0,
            "monthly_balance": -60.0,
            "delay_from_due_date": 9.0,
            "num_of_loan": 3.0,
        },
        {
            "debt_to_income": 0.25,
            "emi_to_income": 0.25,
            "balance_to_income": -0.5,
            "delay_per_loan": 3.0,
        },
    ),
    (
        {
            "outstanding_debt": 500.0,
            "annual_income": 0.0,
            "total_emi_per_month": 30.0,
            "monthly_inhand_salary": 0.0,
            "monthly_balance": 1.0,
            "delay_from_due_date": 9.0,
            "num_of_loan": 0.0,
        },
        {
            "debt_to_income": None,
            "emi_to_income": None,
            "balance_to_income": None,
            "delay_per_loan": 9.0,
        },
    ),
    (
        {"annual_income": 1.0, "monthly_inhand_salary": 1.0, "delay_from_due_date": 9.0},
        {
            "debt_to_income": None,
            "emi_to_income": None,
            "balance_to_income": None,
            "delay_per_loan": None,
        },
    ),
]


def test_ratios_are_missing_where_a_part_is_missing_or_the_income_is_zero() -> None:
    """A delay is counted per loan, and per customer where there is none."""
    found = features(
        [loan(str(number)) for number in range(len(RATIO_CASES))],
        financials=[
            with_values(str(number), amounts) for number, (amounts, _) in enumerate(RATIO_CASES)
        ],
    )
    for number, (_, expected) in enumerate(RATIO_CASES):
        row = found[f"{number}_{MONTH}"]
        assert {name: row[name] for name in expected} == expected


def test_whether_a_type_of_loan_is_listed_is_as_in_silver() -> None:
    listed = {name: float(place % 2) for place, name in enumerate(FLAGS)}
    row = features([loan("A")], financials=[with_values("A", listed)])[f"A_{MONTH}"]
    assert {name: row[name] for name in FLAGS} == listed


def test_loan_types_are_missing_not_zero_where_there_are_no_financials() -> None:
    row = features([loan("A")])[f"A_{MONTH}"]
    assert {row[name] for name in FLAGS} == {None}


def labels_of(loans: Sequence[dict[str, Any]]) -> ir.Table:
    return labels(ibis.memtable(filled(SILVER_LOANS, loans)), CONTRACT.outcome)


def test_a_cohort_joins_matured_labels_to_the_features_of_the_application_month() -> None:
    matured = [loan(name, MONTH, 6, days_past_due=31) for name in "AB"]
    applied = date(2023, 9, 1)
    known = features_of([loan("A", applied), loan("C", applied)], [of("A", applied, age=50.0)])
    (row,) = computed(gold.cohort(labels_of(matured), known))
    assert list(row) == gold.COHORT.schema.names
    assert (row["loan_id"], row["customer_id"]) == (f"A_{applied}", "A")
    assert (row["snapshot_date"], row["application_date"]) == (MONTH, applied)
    assert (row["default"], row["age"]) == (1, 50.0)
    assert row["latest_input_date"] == applied


def test_a_loan_number_that_was_given_twice_is_two_loans_in_a_range_as_in_single_months() -> None:
    """Both loans and their clickstream, read together, are what each month alone gives."""
    august, september = date(2023, 8, 1), date(2023, 9, 1)
    loans = [loan(name, month) | {"loan_id": "L"} for name, month in (("A", august), ("B", MONTH))]
    loans[1] |= {"snapshot_date": september, "loan_start_date": september}
    matured = [
        row | {"snapshot_date": first_day(add_months(str(row["snapshot_date"]), 6))}
        for row in (loans[0] | {"days_past_due": 31}, loans[1] | {"days_past_due": 0})
    ]
    clicks = [of("A", august, fe_1=10), of("B", august, fe_1=20), of("B", september, fe_1=40)]

    def cohort(chosen: slice) -> Rows:
        known = features_of(loans[chosen], clickstream=clicks)
        sixth = [row | {"month_on_book": 6} for row in matured[chosen]]
        return computed(gold.cohort(labels_of(sixth), known).order_by("snapshot_date"))

    together = cohort(slice(0, 2))
    assert together == cohort(slice(0, 1)) + cohort(slice(1, 2))
    assert [row["fe_1_mean"] for row in together] == [10.0, 30.0]
    assert [row["default"] for row in together] == [1, 0]
