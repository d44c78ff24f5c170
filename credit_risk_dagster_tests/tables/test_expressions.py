"""Features of a small lender's contract, made of its columns as a person would make them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.feature import (
    Feature,
    Flags,
    FromColumn,
    Function,
    MonthsSince,
    Ratio,
    Readings,
)
from credit_risk_dagster.contract.kinds import (
    Category,
    Date,
    Element,
    Identifier,
    ListOf,
    Month,
    Number,
)
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.outcome import Outcome
from credit_risk_dagster.contract.source import Column, Shape, Source
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.tables import gold
from credit_risk_dagster.tables.expressions import columns_read, function_named
from credit_risk_dagster.tables.panel import so_far_table
from credit_risk_dagster.tables.silver import silver_table
from credit_risk_dagster_tests.tables.refined import computed, filled

MONTH = date(2024, 3, 1)

Row = dict[str, Any]

ID = Identifier("[A-Z][0-9]+")
APPLICATION = Column("Application", "application_id", ID, "Identifier of the application")
KEY = (
    Column("Customer", "customer_id", ID, "Identifier of the customer"),
    Column("Month", "snapshot_date", Month(), "Month of the row"),
)
BOOK = Source(
    "book",
    Shape.LOAN_BOOK,
    ("book",),
    (
        Column("Loan", "loan_id", ID, "Identifier of the loan"),
        *KEY,
        Column("Start", "loan_start_date", Date(), "Day on which the loan was granted"),
        Column("Term", "tenure", Number(whole=True), "Instalments"),
        Column("Amount", "loan_amount", Number(), "Amount that was lent"),
        Column("Behind", "installments_missed", Number(whole=True), "Instalments missed"),
        Column("Branch", "branch", Category(("North", "South")), "Branch"),
    ),
    "Loans",
)
PERSON = Source(
    "person",
    Shape.APPLICANT,
    ("person",),
    (
        *KEY,
        Column("Born", "born", Date(), "Day of birth"),
        Column("Income", "income", Number(low=0), "Income"),
        Column("Home", "home", Category(("Own", "Rent")), "Home"),
    ),
    "Persons",
)
BUREAU = Source(
    "bureau",
    Shape.APPLICANT,
    ("bureau",),
    (
        *KEY,
        Column("Loans", "loans", Number(low=0), "Number of loans"),
        Column("Debt", "debt", Number(low=0), "Debt"),
        Column(
            "Marks", "mark", ListOf((Element("Late", "late"), Element("Fraud", "fraud"))), "Marks"
        ),
    ),
    "What a bureau knows",
)
VISITS = Source(
    "visits",
    Shape.PANEL,
    ("visits",),
    (*KEY, Column("Pages", "pages", Number(whole=True), "Pages seen")),
    "Visits",
)


def shared_debt(debt: ir.FloatingValue, loans: ir.FloatingValue) -> ir.FloatingValue:
    """What a lender's own package computes: how far from a thousand each loan's debt is."""
    return (debt - 1000.0).abs() / (loans + 1.0)


def feature(name: str, expression: Any) -> Feature:
    return Feature(name, expression, f"What {name} means", "all")


OF_BUREAU = (
    feature("debt_per_loan", Ratio("debt", "loans", at_least=1.0)),
    feature("mark", Flags("mark")),
    feature("shared_debt", Function(f"{__name__}:shared_debt", ("debt", "loans"))),
)
OF_PERSON = (
    feature("home", FromColumn("home")),
    feature("age_in_months", MonthsSince("born")),
    feature("debt_to_income", Ratio("debt", "income")),
)
OF_BOOK = (
    feature("amount", FromColumn("loan_amount")),
    feature("months_to_pay", FromColumn("tenure")),
    feature("branch", FromColumn("branch")),
    feature("instalment", Ratio("loan_amount", "tenure")),
)
SMALL = Contract(
    "a small lender",
    (BOOK, PERSON, BUREAU),
    (*OF_BOOK, *OF_PERSON, *OF_BUREAU),
    Outcome(3, installments_missed=2),
)


def loan(place: int, **values: Any) -> Row:
    return {
        "loan_id": f"L{place}",
        "customer_id": f"C{place}",
        "snapshot_date": MONTH,
        "loan_start_date": MONTH,
        "month_on_book": 0,
    } | values


def features(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> dict[str, Row]:
    """The features of loans by a contract, of the rows of its sources; nobody is dormant."""

    def table(source: Source) -> ir.Table:
        return ibis.memtable(filled(silver_table(source), rows.get(source.name, ())))

    made = gold.features(
        loans=table(contract.loan_book),
        applicants={source.name: table(source) for source in contract.applicants},
        panels={
            panel.name: (ibis.memtable(filled(so_far_table(panel), rows[panel.name])), None)
            for panel in contract.panels
        },
        contract=contract,
    )
    found = computed(made)
    assert len({row["loan_id"] for row in found}) == len(found)
    return {row["loan_id"]: row for row in found}


def ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def by_hand(book: Row, person: Row | None, bureau: Row | None) -> Row:
    """The features of a loan, each in plain Python."""
    person_, bureau_ = person or {}, bureau or {}
    born, debt, loans = person_.get("born"), bureau_.get("debt"), bureau_.get("loans")
    nothing_known = debt is None or loans is None
    return {
        "amount": book["loan_amount"],
        "months_to_pay": book["tenure"],
        "branch": book["branch"],
        "instalment": ratio(book["loan_amount"], book["tenure"]),
        "home": person_.get("home"),
        "age_in_months": born and (2024 - born.year) * 12 + 3 - born.month,
        "debt_to_income": ratio(debt, person_.get("income")),
        "debt_per_loan": None if loans is None else ratio(debt, max(loans, 1.0)),
        "mark_late": bureau_.get("mark_late"),
        "mark_fraud": bureau_.get("mark_fraud"),
        "mark_other": bureau_.get("mark_other"),
        "shared_debt": None if nothing_known else abs(debt - 1000.0) / (loans + 1.0),
        "has_person": person is not None,
        "has_bureau": bureau is not None,
        "latest_input_date": MONTH,
    }


AMOUNTS = st.none() | st.sampled_from([0.0, 1.0, 3.0]) | st.floats(0, 1e9, allow_subnormal=False)
BOOKS = st.fixed_dictionaries(
    {
        "loan_amount": st.floats(0, 1e6, allow_subnormal=False),
        "tenure": st.integers(1, 360),
        "branch": st.sampled_from(["North", "South", None]),
    }
)
PERSONS = st.none() | st.fixed_dictionaries(
    {
        "born": st.none() | st.dates(date(1930, 1, 1), date(2006, 1, 1)),
        "income": AMOUNTS,
        "home": st.sampled_from(["Own", "Rent", None]),
    }
)
FLAG = st.sampled_from([0.0, 1.0])
BUREAUS = st.none() | st.fixed_dictionaries(
    {"loans": AMOUNTS, "debt": AMOUNTS, "mark_late": FLAG, "mark_fraud": FLAG, "mark_other": FLAG}
)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(BOOKS, PERSONS, BUREAUS), min_size=1, max_size=12))
def test_the_features_of_a_small_contract_are_those_that_a_person_computes(
    applicants: list[tuple[Row, Row | None, Row | None]],
) -> None:
    rows: dict[str, list[Row]] = {"book": [], "person": [], "bureau": []}
    for place, known in enumerate(applicants):
        rows["book"].append(loan(place, **known[0]))
        for name, values in zip(("person", "bureau"), known[1:], strict=True):
            if values is not None:
                key = {"customer_id": f"C{place}", "snapshot_date": MONTH}
                rows[name].append(key | values)
    found = features(SMALL, rows)
    for place, known in enumerate(applicants):
        expected = by_hand(*known)
        row = found[f"L{place}"]
        assert row.keys() == {"loan_id", "customer_id", "snapshot_date", *expected}
        for name, value in expected.items():
            exact = not isinstance(value, float)
            assert row[name] == (value if exact else pytest.approx(value, rel=1e-12)), name


def test_a_feature_column_is_text_or_a_floating_number() -> None:
    found = features(SMALL, {"book": [loan(1, tenure=12, loan_amount=600.0, branch="North")]})
    row = found["L1"]
    assert [column.name for column in SMALL.feature_columns if column.categorical] == [
        "branch",
        "home",
    ]
    assert (row["months_to_pay"], row["instalment"], row["branch"]) == (12.0, 50.0, "North")
    assert isinstance(row["months_to_pay"], float)


def test_a_contract_without_a_panel_rests_on_the_month_of_application_alone() -> None:
    row = features(SMALL, {"book": [loan(1)]})["L1"]
    assert row["latest_input_date"] == MONTH
    assert not [name for name in row if name.endswith("_months") and name != "age_in_months"]


def test_a_contract_without_an_applicant_source_has_the_features_of_the_loan_book() -> None:
    contract = replace(SMALL, sources=(BOOK,), features=OF_BOOK)
    values = {"tenure": 10, "loan_amount": 500.0, "branch": "South"}
    row = features(contract, {"book": [loan(1, **values), loan(2, month_on_book=1)]})["L1"]
    assert {name: row[name] for name in row if name not in loan(1)} == {
        "amount": 500.0,
        "months_to_pay": 10.0,
        "branch": "South",
        "instalment": 50.0,
        "latest_input_date": MONTH,
    }


def test_a_contract_of_a_panel_alone_has_its_means_and_the_months_behind_them() -> None:
    panel = feature("visits", Readings("visits"))
    contract = replace(SMALL, sources=(BOOK, VISITS), features=(panel,))
    state = {"customer_id": "C1", "snapshot_date": MONTH, "months": 4}
    state |= {"latest_reading_date": date(2024, 1, 1), "pages_count": 3, "pages_sum": 15}
    found = features(contract, {"book": [loan(1), loan(2)], "visits": [state]})
    assert [(row["pages_mean"], row["visits_months"]) for row in found.values()] == [
        (5.0, 4),
        (None, 0),
    ]
    assert found["L1"]["latest_input_date"] == MONTH


def with_applications(source: Source) -> Source:
    return replace(source, columns=(APPLICATION, *source.columns))


def test_with_application_numbers_each_of_a_customers_two_applications_has_its_own_features() -> (
    None
):
    """A source without the number knows the customer, and says the same of both."""
    sources = (with_applications(BOOK), with_applications(PERSON), BUREAU)
    contract = replace(SMALL, sources=sources)
    twice = {"customer_id": "C1", "snapshot_date": MONTH}
    found = features(
        contract,
        {
            "book": [loan(place, application_id=f"A{place}") | twice for place in (1, 2, 3)],
            "person": [
                twice | {"application_id": f"A{place}", "income": 100.0 * place} for place in (1, 2)
            ],
            "bureau": [twice | {"debt": 600.0}],
        },
    )
    assert {name: (row["debt_to_income"], row["has_person"]) for name, row in found.items()} == {
        "L1": (6.0, True),
        "L2": (3.0, True),
        "L3": (None, False),
    }
    assert {row["has_bureau"] for row in found.values()} == {True}


def test_only_what_the_features_read_is_taken_from_a_source() -> None:
    assert columns_read(SMALL, PERSON) == ["home", "born", "income"]
    assert columns_read(SMALL, BUREAU) == ["debt", "loans", "mark_late", "mark_fraud", "mark_other"]
    assert columns_read(SMALL, BOOK) == [
        *("loan_id", "customer_id", "snapshot_date", "loan_amount", "tenure", "branch"),
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_package:score", "no_such_package cannot be imported"),
        (f"{__name__}:no_such_function", "there is no such function"),
        (f"{__name__}:MONTH", "there is no such function"),
        (__name__, "Write it as package.module:name"),
    ],
)
def test_a_function_that_is_not_there_is_refused_in_words(name: str, said: str) -> None:
    with pytest.raises(PlatformError, match=said):
        function_named(name)
