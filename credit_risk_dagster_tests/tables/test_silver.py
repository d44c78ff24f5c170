from functools import cache
from math import inf

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.tables.silver import SILVER
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_FEATURES
from credit_risk_dagster_tests.tables.refined import VALID, Outcome, outcome, outcomes

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


KEYS = ("Customer_ID", "snapshot_date")


@cache
def financials() -> dict[tuple[str, str], Outcome]:
    """What becomes of a row with one dirty value, by column and value."""
    cases = list(PLACEHOLDERS.items())
    cases += [*OUT_OF_RANGE, *IN_RANGE]
    cases += [(column, "") for column in VALID["financials"] if column not in KEYS]
    cases += [(column, VALID["financials"][column] + "_") for column in NUMBERS]
    cases += [("Delay_from_due_date", text) for text, _ in WRITTEN_OTHERWISE]
    cases += [(column, "what?") for column in VALID["financials"] if column not in KEYS]
    cases += [("Outstanding_Debt", text) for text in NO_NUMBERS]
    found = outcomes("financials", ({column: text} for column, text in cases))
    return dict(zip(cases, found, strict=True))


def silver_columns(column: str) -> list[str]:
    names = {
        "Credit_History_Age": ["credit_history_months"],
        "Payment_Behaviour": ["spending_level", "payment_size"],
    }
    return names.get(column, [column.lower()])


@pytest.mark.parametrize("column", NUMBERS)
def test_a_trailing_underscore_is_dropped_from_a_number(column: str) -> None:
    text = VALID["financials"][column]
    found = financials()[column, f"{text}_"]
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


@pytest.mark.parametrize("column", [name for name in VALID["financials"] if name not in KEYS])
def test_an_empty_value_is_missing_and_needs_no_note(column: str) -> None:
    found = financials()[column, ""]
    assert found.accepted
    assert all(found.values[name] is None for name in silver_columns(column))
    assert found.corrections == ""


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
def test_what_does_not_belong_in_a_column_quarantines_the_row_naming_column_and_value(
    column: str, fault: str
) -> None:
    found = financials()[column, "what?"]
    assert found.disposition == "quarantined"
    assert found.reasons == f"{column} 'what?' {fault}"


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_only_plain_finite_numbers_are_numbers(text: str) -> None:
    found = financials()["Outstanding_Debt", text]
    assert found.disposition == "quarantined"
    assert found.reasons == f"Outstanding_Debt '{text[:40]}' is not a number"


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
    assert found.reasons == (
        "Credit_Mix '?' is not a known category; Outstanding_Debt 'x' is not a number"
    )
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


def test_an_occupation_of_underscores_is_missing_and_a_new_one_is_taken() -> None:
    missing, new = outcomes("attributes", [{"Occupation": "_______"}, {"Occupation": "Astronaut"}])
    assert missing.values["occupation"] is None
    assert missing.corrections == "Occupation '_______' is a placeholder"
    assert new.values["occupation"] == "Astronaut"


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
    area=st.from_regex(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", fullmatch=True),
    column=st.sampled_from(["Age", "Occupation", "Customer_ID", "Name"]),
    age=st.sampled_from(["40", "-500", "what?", ""]),
)
def test_no_personal_data_reaches_silver_even_from_columns_that_are_exchanged(
    name: str, area: str, column: str, age: str
) -> None:
    """A name is told from an occupation by no rule, so only a number can be caught there."""
    row = {"Name": name, "SSN": area, "Age": age}
    row[column] = {"Age": name, "Occupation": area, "Name": area}.get(column, "CUS_9")
    found = outcome("attributes", **row)
    shown = f"{dict(found.values)} {found.corrections} {found.reasons}"
    assert name not in shown
    if column != "Occupation":
        assert area not in shown
    else:
        assert found.disposition == "quarantined"
        assert area not in found.reasons + found.corrections


def test_clickstream_counts_are_whole_numbers_and_may_be_negative() -> None:
    found, not_whole = outcomes(
        "clickstream", [{"fe_1": "-13", "fe_2": "352.0", "fe_3": ""}, {"fe_7": "1.5"}]
    )
    assert found.accepted
    assert [found.values[name] for name in CLICKSTREAM_FEATURES[:4]] == [-13, 352, None, 3]
    assert not_whole.disposition == "quarantined"
    assert not_whole.reasons == "fe_7 '1.5' is not a number"


@pytest.mark.parametrize("name", VALID)
def test_a_row_without_an_identifier_is_quarantined(name: str) -> None:
    found = outcome(name, Customer_ID=" ")
    assert found.disposition == "quarantined"
    assert found.reasons == "Customer_ID is empty"


def test_an_identifier_loses_white_space_around_it_and_no_letter() -> None:
    texts = ["CUS_f", "CUS_n", "CUS_r", "CUS_t", "CUS_v", "nCUS", "CUS_0xÄ é"]
    found = outcomes("loans", ({"Customer_ID": f"\t {text} \x0b\f"} for text in texts))
    assert [row.values["customer_id"] for row in found] == texts
