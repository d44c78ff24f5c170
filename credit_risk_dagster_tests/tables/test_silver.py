from datetime import date
from functools import cache
from itertools import product
from math import inf

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.kinds import Date, Duration, Element, Identifier, ListOf, Number
from credit_risk_dagster.contract.reference import FINANCIALS
from credit_risk_dagster.contract.reference import financials as reference
from credit_risk_dagster.contract.source import Column, Personal, Shape, Source
from credit_risk_dagster.tables.bronze import bronze_table
from credit_risk_dagster.tables.silver import SILVER, refined, silver_table
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_FEATURES
from credit_risk_dagster_tests.tables.refined import VALID, Outcome, computed, outcome, outcomes

RANGES: dict[str, tuple[float, float]] = {
    "Annual_Income": (0, inf),
    "Monthly_Inhand_Salary": (0, inf),
    "Num_Bank_Accounts": (0, 50),
    "Num_Credit_Card": (0, 20),
    "Interest_Rate": (0, 100),
    "Num_of_Loan": (0, 20),
    "Delay_from_due_date": (-inf, inf),
    "Num_of_Delayed_Payment": (0, 100),
    "Changed_Credit_Limit": (-inf, inf),
    "Num_Credit_Inquiries": (0, 50),
    "Outstanding_Debt": (0, inf),
    "Credit_Utilization_Ratio": (0, 100),
    "Total_EMI_per_month": (0, inf),
    "Amount_invested_monthly": (0, inf),
    "Monthly_Balance": (-inf, inf),
}
"""What the lender accepts of each number of the financials extract."""

PLACEHOLDERS = {
    "Changed_Credit_Limit": "_",
    "Amount_invested_monthly": "__10000__",
    "Monthly_Balance": "__-333333333333333333333333333__",
    "Credit_Mix": "_",
    "Payment_Behaviour": "!@9#%8",
    "Payment_of_Min_Amount": "NM",
}

OUT_OF_RANGE = [
    ("Num_Bank_Accounts", "-1"),
    ("Num_Bank_Accounts", "51"),
    ("Num_Bank_Accounts", "1756"),
    ("Num_Credit_Card", "1499"),
    ("Num_Credit_Card", "21"),
    ("Interest_Rate", "5789"),
    ("Interest_Rate", "100.01"),
    ("Num_of_Loan", "-100"),
    ("Num_of_Loan", "1495"),
    ("Num_of_Loan", "-100_"),
    ("Num_of_Delayed_Payment", "-3"),
    ("Num_of_Delayed_Payment", "4293"),
    ("Num_of_Delayed_Payment", "4293_"),
    ("Num_Credit_Inquiries", "2554.0"),
    ("Annual_Income", "-1"),
    ("Monthly_Inhand_Salary", "-0.01"),
    ("Outstanding_Debt", "-5"),
    ("Credit_Utilization_Ratio", "100.5"),
    ("Total_EMI_per_month", "-1"),
    ("Amount_invested_monthly", "-7.5"),
]
IN_RANGE = [
    *(
        (column, f"{bound:g}")
        for column, bounds in RANGES.items()
        for bound in bounds
        if abs(bound) < inf
    ),
    ("Total_EMI_per_month", "81971.0"),
    ("Delay_from_due_date", "-5"),
    ("Changed_Credit_Limit", "-6.49"),
    ("Monthly_Balance", "-12.5"),
]
NO_NUMBERS = [
    "n/a",
    "abc",
    "12a",
    "1,000",
    "+5",
    "--5",
    "0x10",
    "1_000",
    "1e999",
    "nan",
    "inf",
    "-",
    "12 3",
    "12\u2028",
    "\u0661\u0662",
    "1e",
    ".5",
    "5.",
    "9" * 400,
]
WRITTEN_OTHERWISE = [("007", 7.0), ("-0", 0.0), ("1e-05", 1e-5), ("2E1", 20.0), (" 5\t", 5.0)]

NUMBERS = list(RANGES)

LISTED = "Type_of_Loan"
"""The one column in which whatever is listed is read: what is not declared is `other`."""

KEYS = ("Customer_ID", "snapshot_date")


@cache
def financials() -> dict[tuple[str, str], Outcome]:
    """What becomes of a row with one dirty value, by column and value."""
    cases = list(PLACEHOLDERS.items())
    cases += [*OUT_OF_RANGE, *IN_RANGE]
    cases += [(column, "") for column in VALID["financials"] if column not in KEYS]
    cases += [(column, f"_{VALID['financials'][column]}__") for column in NUMBERS]
    cases += [("Delay_from_due_date", text) for text, _ in WRITTEN_OTHERWISE]
    cases += [(column, "what?") for column in VALID["financials"] if column not in KEYS]
    cases += [("Outstanding_Debt", text) for text in NO_NUMBERS]
    found = outcomes("financials", ({column: text} for column, text in cases))
    return dict(zip(cases, found, strict=True))


def silver_columns(column: str) -> tuple[str, ...]:
    (found,) = (one for one in FINANCIALS.columns if one.header == column)
    return found.names


@pytest.mark.parametrize("column", NUMBERS)
def test_underscores_at_both_ends_are_dropped_from_a_number(column: str) -> None:
    text = VALID["financials"][column]
    found = financials()[column, f"_{text}__"]
    assert found.accepted
    assert found.corrections == ""
    assert found.values[column.lower()] == float(text)


@pytest.mark.parametrize(("column", "text"), OUT_OF_RANGE)
def test_a_number_outside_the_lenders_range_goes_missing_and_is_noted(
    column: str, text: str
) -> None:
    found = financials()[column, text]
    low, high = (f"{bound:g}" if abs(bound) < inf else "any" for bound in RANGES[column])
    assert found.accepted
    assert found.values[column.lower()] is None
    assert found.corrections == f"{column} '{text}' is outside [{low} to {high}]"


@pytest.mark.parametrize(("column", "text"), IN_RANGE)
def test_the_bounds_of_a_range_belong_to_it(column: str, text: str) -> None:
    found = financials()[column, text]
    assert found.accepted
    assert found.values[column.lower()] == float(text)


@pytest.mark.parametrize(("column", "text"), PLACEHOLDERS.items())
def test_a_placeholder_goes_missing_and_is_noted(column: str, text: str) -> None:
    found = financials()[column, text]
    assert found.accepted
    assert all(found.values[name] is None for name in silver_columns(column))
    assert found.corrections == f"{column} '{text}' is a placeholder"


@pytest.mark.parametrize(
    "column", [name for name in VALID["financials"] if name not in (*KEYS, LISTED)]
)
def test_an_empty_value_is_missing_and_needs_no_note(column: str) -> None:
    found = financials()[column, ""]
    assert found.accepted
    assert all(found.values[name] is None for name in silver_columns(column))
    assert found.corrections == ""


def test_an_empty_list_holds_nothing() -> None:
    found = financials()[LISTED, ""]
    assert found.accepted
    assert {found.values[name] for name in silver_columns(LISTED)} == {0.0}


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        *((column, "is not a number") for column in NUMBERS),
        ("Credit_Mix", "is not a known category"),
        ("Payment_of_Min_Amount", "is not a known category"),
        ("Payment_Behaviour", "is not a known category"),
        ("Credit_History_Age", "is not like 10 Years and 9 Months"),
    ],
)
def test_what_does_not_belong_in_a_column_quarantines_the_row_naming_the_column_alone(
    column: str, fault: str
) -> None:
    found = financials()[column, "what?"]
    assert found.disposition == "quarantined"
    assert found.reasons == f"{column} {fault}"


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_only_plain_finite_numbers_are_numbers(text: str) -> None:
    found = financials()["Outstanding_Debt", text]
    assert found.disposition == "quarantined"
    assert found.reasons == "Outstanding_Debt is not a number"


@pytest.mark.parametrize(("text", "number"), WRITTEN_OTHERWISE)
def test_a_number_may_have_an_exponent_leading_zeros_or_white_space_around_it(
    text: str, number: float
) -> None:
    found = financials()["Delay_from_due_date", text]
    assert found.accepted
    assert found.values["delay_from_due_date"] == number


def test_a_row_tells_of_all_its_faults_and_all_its_corrections() -> None:
    found = outcome(
        "financials", Outstanding_Debt="x", Credit_Mix="?", Num_of_Loan="-100", Interest_Rate="5789"
    )
    assert found.reasons == ("Credit_Mix is not a known category; Outstanding_Debt is not a number")
    assert found.corrections == (
        "Interest_Rate '5789' is outside [0 to 100]; Num_of_Loan '-100' is outside [0 to 20]"
    )


@pytest.mark.parametrize(
    ("text", "age"),
    [("40_", 40.0), ("14", 14.0), ("100", 100.0), ("-500", None), ("8678", None), ("13", None)],
)
def test_an_age_loses_its_underscore_and_goes_missing_where_it_is_impossible(
    text: str, age: float | None
) -> None:
    found = outcome("attributes", Age=text)
    assert found.accepted
    assert found.values["age"] == age
    assert found.corrections == ("" if age else f"Age '{text}' is outside [14 to 100]")


def test_an_occupation_of_underscores_is_missing_and_an_unknown_one_quarantines_the_row() -> None:
    missing, new = outcomes("attributes", [{"Occupation": "_______"}, {"Occupation": "Astronaut"}])
    assert missing.accepted
    assert missing.values["occupation"] is None
    assert missing.corrections == "Occupation '_______' is a placeholder"
    assert new.disposition == "quarantined"
    assert new.reasons == "Occupation is not a known category"


def test_a_row_with_name_and_occupation_exchanged_is_refused_and_tells_neither() -> None:
    found = outcome("attributes", Name="Lawyer", Occupation="Jane Roe")
    assert found.disposition == "quarantined"
    assert found.reasons == "Occupation is not a known category"
    assert found.values["occupation"] is None


def test_an_invalid_social_security_number_is_no_reason_for_quarantine() -> None:
    assert outcome("attributes", SSN="#F%$D@*&8").accepted


def test_no_silver_table_has_a_column_for_personal_data() -> None:
    personal = {name.lower() for source in CONTRACT.sources for name in source.personal_headers}
    assert personal == {"name", "ssn"}
    for table in SILVER.values():
        schemas: list[pa.Schema] = [table.schema, *(schema for _, schema in table.beside)]
        assert not personal & {name.lower() for schema in schemas for name in schema.names}


personal_text = st.text("abcdefghij JKLM'-.0123456789", min_size=6, max_size=30)


@settings(max_examples=25, deadline=None)
@given(
    name=personal_text.map(lambda text: f"Xy{text}"),
    number=st.from_regex(r"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{9,11}", fullmatch=True),
    column=st.sampled_from(["Age", "Occupation", "Customer_ID", "snapshot_date", "Name"]),
    age=st.sampled_from(["40", "-500", "what?", ""]),
    exchanged=st.booleans(),
)
def test_no_personal_data_reaches_silver_even_from_columns_that_are_exchanged(
    name: str, number: str, column: str, age: str, exchanged: bool
) -> None:
    row = {"Name": name, "SSN": number, "Age": age} | {column: number if exchanged else name}
    found = outcome("attributes", **row)
    shown = f"{dict(found.values)} {found.corrections} {found.reasons}"
    assert name not in shown
    assert number not in shown
    assert found.accepted == (column == "Name" and age != "what?") or column == "Age"


def test_clickstream_counts_are_whole_numbers_and_may_be_negative() -> None:
    found, not_whole = outcomes(
        "clickstream", [{"fe_1": "-13", "fe_2": "352.0", "fe_3": ""}, {"fe_7": "1.5"}]
    )
    assert found.accepted
    assert [found.values[name] for name in CLICKSTREAM_FEATURES[:4]] == [-13, 352, None, 3]
    assert not_whole.disposition == "quarantined"
    assert not_whole.reasons == "fe_7 is not a whole number"


@pytest.mark.parametrize("name", VALID)
def test_a_row_without_an_identifier_is_quarantined(name: str) -> None:
    found = outcome(name, Customer_ID=" ")
    assert found.disposition == "quarantined"
    assert found.reasons == "Customer_ID is empty"


def test_an_identifier_loses_white_space_around_it_and_no_letter() -> None:
    texts = ["CUS_0xf", "CUS_0x12345678", "CUS_0x0"]
    found = outcomes("loans", ({"Customer_ID": f"\t {text} \x0b\f"} for text in texts))
    assert [row.values["customer_id"] for row in found] == texts


def test_what_does_not_look_like_an_identifier_is_refused_and_goes_no_further() -> None:
    texts = ["CUS_1", "CUS_0xg", "cus_0x1", "CUS_0x123456789", "Jane Roe", "CUS_0x1 CUS_0x2", "é"]
    found = outcomes("loans", ({"Customer_ID": text} for text in texts))
    assert [row.reasons for row in found] == ["Customer_ID does not look like one"] * len(texts)
    assert {row.values["customer_id"] for row in found} == {None}


INCOMES = {
    ("108000", "3000"): None,
    ("23834698", ""): None,
    ("108000.01", "3000"): "Annual_Income '108000.01' is over 36 times monthly_inhand_salary",
    ("5", "0"): "Annual_Income '5' is over 36 times monthly_inhand_salary",
    ("23834698", "3000"): "Annual_Income is over 36 times monthly_inhand_salary",
    ("_9834698_", "3000"): "Annual_Income is over 36 times monthly_inhand_salary",
    ("-1", "3000"): "Annual_Income '-1' is outside [0 to any]",
}
"""Annual income and monthly salary, and what is noted of the income."""


def test_an_income_over_three_times_twelve_salaries_goes_missing_and_is_noted_once() -> None:
    """It is kept up to that, and where no salary speaks against it."""
    found = outcomes(
        "financials",
        ({"Annual_Income": income, "Monthly_Inhand_Salary": salary} for income, salary in INCOMES),
    )
    assert all(row.accepted for row in found)
    for row, ((income, _), note) in zip(found, INCOMES.items(), strict=True):
        assert row.corrections == (note or "")
        assert row.values["annual_income"] == (None if note else float(income))


def test_the_credit_history_is_counted_in_months() -> None:
    cases = {
        "10 Years and 9 Months": 129,
        "0 Years and 0 Months": 0,
        "1 Year and 1 Month": 13,
        " 33 Years and 11 Months ": 407,
        "": None,
    }
    found = outcomes("financials", ({"Credit_History_Age": text} for text in cases))
    assert all(row.accepted and row.corrections == "" for row in found)
    assert [row.values["credit_history_months"] for row in found] == list(cases.values())


def test_a_credit_history_that_is_not_available_is_missing_and_noted() -> None:
    found = outcome("financials", Credit_History_Age="NA")
    assert found.accepted
    assert found.values["credit_history_months"] is None
    assert found.corrections == "Credit_History_Age 'NA' is a placeholder"


def test_the_payment_behaviour_is_a_spending_level_and_a_payment_size() -> None:
    pairs = list(product(("Low", "High"), ("Small", "Medium", "Large")))
    found = outcomes(
        "financials",
        ({"Payment_Behaviour": f" {level}_spent_{size}_value_payments"} for level, size in pairs),
    )
    assert [(row.values["spending_level"], row.values["payment_size"]) for row in found] == pairs
    assert all(row.accepted and row.corrections == "" for row in found)


LOAN_TYPES = {
    "Auto Loan": {"auto"},
    "Credit-Builder Loan, and Home Equity Loan": {"credit_builder", "home_equity"},
    "Payday Loan, Payday Loan, and Payday Loan": {"payday"},
    "Not Specified, Auto Loan, and Student Loan": {"not_specified", "auto", "student"},
    "Boat Loan": {"other"},
    "Auto Loan, Boat Loan, and Boat Loan": {"auto", "other"},
    "auto loan": {"other"},
    "Auto Loans": {"other"},
    ", and ".join(
        [", ".join(one.text for one in reference.LOAN_TYPES[:-1]), reference.LOAN_TYPES[-1].text]
    ): {one.suffix for one in reference.LOAN_TYPES},
}


def test_each_listed_loan_type_is_marked_once_and_an_unknown_one_is_other() -> None:
    found = outcomes("financials", ({LISTED: text} for text in LOAN_TYPES))
    for row, (text, expected) in zip(found, LOAN_TYPES.items(), strict=True):
        assert row.accepted
        flags = {name: row.values[name] for name in silver_columns(LISTED)}
        assert flags == {
            name: float(name.removeprefix("loan_type_") in expected) for name in flags
        }, text


def test_the_month_of_a_row_is_a_date() -> None:
    assert outcome("attributes").values["snapshot_date"] == date(2024, 3, 1)


PAYROLL = Source(
    name="payroll",
    shape=Shape.APPLICANT,
    files=("payroll",),
    meaning="What an employer says of an applicant",
    dialect=Dialect(decimal=",", thousands=".", dates="DD.MM.YYYY"),
    columns=(
        Column("Antrag", "application_id", Identifier("A[0-9]{3}"), "Application"),
        Column("Kunde", "customer_id", Identifier("K[0-9]{3}"), "Customer", strip="#"),
        Column("Stichtag", "snapshot_date", Date(), "Month of the row"),
        Column("Name", "surname", None, "Name", personal=Personal.YES),
        Column("Gehalt", "salary", Number(low=0), "Salary", strip="€", required=True),
        Column("Seit", "hired", Date(), "Day of hiring", placeholders=("31.12.9999",)),
        Column("Dauer", "stay", Duration(("{years} Jahr[e]",)), "Length of stay"),
        Column("Arten", "art", ListOf((Element("Voll", "full"),), ("|",)), "Kinds of work"),
        Column("Kinder", "children", Number(whole=True), "Children", begins="2024-04-01"),
    ),
)


def test_another_lenders_source_becomes_silver_of_its_own_contract() -> None:
    table = silver_table(PAYROLL)
    assert table.key == ("application_id", "snapshot_date")
    assert table.schema.names == [
        *("application_id", "customer_id", "snapshot_date", "salary", "hired", "stay"),
        *("art_full", "art_other", "children", "corrections"),
    ]
    good = ["A001", "#K001", "15.03.2024", "Roe", "€ 1.234,56", "01.02.2020", "2 Jahre", "Voll|x"]
    bad = ["A1", "K1", "2024-03-01", "Roe", "1,234.56", "31.04.2020", "2 years", ""]
    empty = ["A002", "K002", "01.03.2024", "", "1", "31.12.9999", "", ""]
    lines = [
        dict(zip(PAYROLL.headers, [*row, None], strict=True))
        | {"source_file": "payroll.csv", "line_number": place}
        for place, row in enumerate([good, bad, empty])
    ]
    raw = ibis.memtable(pa.Table.from_pylist(lines, schema=bronze_table(PAYROLL).schema))
    found = computed(refined(raw, PAYROLL, table).order_by("salary"))
    by_disposition = {(row["disposition"], row["application_id"]): row for row in found}
    accepted = by_disposition["rows", "A001"]
    assert [accepted[name] for name in table.schema.names[1:]] == [
        *("K001", date(2024, 3, 1), 1234.56, date(2020, 2, 1), 24.0, 1.0, 1.0, None, ""),
    ]
    assert by_disposition["rows", "A002"]["corrections"] == "Seit '31.12.9999' is a placeholder"
    assert by_disposition["quarantined", None]["reasons"] == "; ".join(
        [
            "Antrag does not look like one",
            "Kunde does not look like one",
            "Stichtag is not a day, written DD.MM.YYYY",
            "Gehalt is not a number",
            "Seit is not a day, written DD.MM.YYYY",
            "Dauer is not like 10 Jahre",
        ]
    )
