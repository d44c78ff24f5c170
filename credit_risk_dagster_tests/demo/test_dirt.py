import pandas as pd
import pytest

from credit_risk_dagster_tests.demo.conftest import Extracts, numbers

SIGMAS = 4
"""How far a share of 15,000 rows may be off, in standard deviations of sampling."""


def share_is(hit: pd.Series, expected: float) -> bool:
    noise = (expected * (1 - expected) / len(hit)) ** 0.5
    return bool(abs(hit.mean() - expected) < SIGMAS * noise)


@pytest.mark.parametrize(
    ("source", "column", "count"),
    [
        ("attributes", "Age", 637),
        ("financials", "Annual_Income", 859),
        ("financials", "Num_of_Loan", 623),
        ("financials", "Num_of_Delayed_Payment", 374),
        ("financials", "Outstanding_Debt", 139),
    ],
)
def test_numbers_trail_underscores_as_often_as_at_the_lender(
    source: str, column: str, count: int, extracts: Extracts
) -> None:
    assert share_is(extracts[source][column].str.fullmatch(r"-?[\d.]+_"), count / 12_500)


@pytest.mark.parametrize(
    ("source", "column", "placeholder", "count"),
    [
        ("attributes", "SSN", "#F%$D@*&8", 703),
        ("attributes", "Occupation", "_______", 880),
        ("financials", "Changed_Credit_Limit", "_", 254),
        ("financials", "Amount_invested_monthly", "__10000__", 558),
        ("financials", "Credit_Mix", "_", 2611),
        ("financials", "Payment_Behaviour", "!@9#%8", 998),
        ("financials", "Payment_of_Min_Amount", "NM", 1438),
    ],
)
def test_placeholders_stand_for_missing_as_often_as_at_the_lender(
    source: str, column: str, placeholder: str, count: int, extracts: Extracts
) -> None:
    assert share_is(extracts[source][column] == placeholder, count / 12_500)


@pytest.mark.parametrize(
    ("column", "lowest", "highest", "share"),
    [
        ("Annual_Income", 200_000, 23_834_698, 0.010),
        ("Num_Bank_Accounts", 51, 1_756, 0.014),
        ("Num_Bank_Accounts", -1, -1, 0.001),
        ("Num_Credit_Card", 21, 1_499, 0.023),
        ("Interest_Rate", 101, 5_789, 0.020),
        ("Num_of_Loan", -100, -100, 0.0385),
        ("Num_of_Loan", 21, 1_495, 0.006),
        ("Num_of_Delayed_Payment", 101, 4_293, 0.008),
        ("Num_of_Delayed_Payment", -3, -1, 0.0075),
        ("Num_Credit_Inquiries", 51, 2_554, 0.017),
        ("Total_EMI_per_month", 2_000, 81_971, 0.033),
    ],
)
def test_impossible_values_are_as_common_as_at_the_lender(
    column: str, lowest: int, highest: int, share: float, extracts: Extracts
) -> None:
    assert share_is(numbers(extracts["financials"][column]).between(lowest, highest), share)


def test_ages_reach_from_minus_500_to_thousands(extracts: Extracts) -> None:
    ages = numbers(extracts["attributes"]["Age"])
    assert share_is(ages == -500, 0.008)
    assert share_is(ages > 100, 0.016)
    assert ages.isna().sum() == 0
    assert ages.max() <= 8_678


def test_a_balance_is_lost_once_in_7500_applicants(extracts: Extracts) -> None:
    lost = extracts["financials"]["Monthly_Balance"] == "__-333333333333333333333333333__"
    assert lost.sum() == 2


def test_loan_types_are_empty_unspecified_and_repeated(extracts: Extracts) -> None:
    types = extracts["financials"]["Type_of_Loan"]
    assert 0.07 < (types == "").mean() < 0.14
    assert types.str.contains("Not Specified").mean() > 0.2
    items = types.str.replace(", and ", ", ").str.split(", ")
    assert items.map(lambda names: len(names) > len(set(names))).mean() > 0.2


def test_scraps_in_names_need_quoting(extracts: Extracts) -> None:
    names = extracts["attributes"]["Name"]
    assert share_is(names.str.contains('"'), 0.008)
    assert share_is(names.str.startswith(", "), 0.001)


def test_numbers_below_the_dirt_are_whole_where_the_lender_counts(extracts: Extracts) -> None:
    financials = extracts["financials"]
    for column in ("Num_Bank_Accounts", "Num_Credit_Card", "Interest_Rate", "Num_of_Loan"):
        assert financials[column].str.fullmatch(r"-?\d+_?").all()
    assert financials["Num_Credit_Inquiries"].str.fullmatch(r"\d+\.0").all()
    assert financials["Credit_History_Age"].str.fullmatch(r"\d+ Years and \d+ Months").all()
    assert financials["Annual_Income"].str.fullmatch(r"\d+\.\d{9,}_?").mean() > 0.005
