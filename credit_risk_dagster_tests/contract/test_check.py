"""What is wrong with a contract is said, and of a sound one nothing is."""

from dataclasses import replace
from typing import Any

import pytest

from credit_risk_dagster.contract import check_kinds
from credit_risk_dagster.contract.check import findings
from credit_risk_dagster.contract.check_names import BESIDE, OF_BRONZE, OF_GOLD, OF_SILVER, TABLES
from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.feature import (
    Direction,
    Feature,
    Flags,
    FromColumn,
    Function,
    MonthsSince,
    Ratio,
    Readings,
)
from credit_risk_dagster.contract.features import READING_COUNTS, READING_SQUARES
from credit_risk_dagster.contract.kinds import (
    Category,
    Date,
    Duration,
    Element,
    Identifier,
    ListOf,
    Multiple,
    Number,
    Part,
    TwoCategories,
)
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.outcome import Outcome
from credit_risk_dagster.contract.reference import CONTRACT
from credit_risk_dagster.contract.source import Column, Personal
from credit_risk_dagster.tables import words
from credit_risk_dagster.tables.catalogue import ALL_TABLES, STORED
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE
from credit_risk_dagster.tables.panel import SO_FAR
from credit_risk_dagster.tables.silver import SILVER

TRIED = Column("Tried", "tried", Number(), "What is tried")


def said(contract: Contract) -> str:
    return "\n".join(map(str, findings(contract)))


def with_source(name: str, /, **changes: Any) -> Contract:
    sources = [replace(one, **changes) if one.name == name else one for one in CONTRACT.sources]
    return replace(CONTRACT, sources=tuple(sources))


def with_column(source: str, name: str, /, **changes: Any) -> Contract:
    columns = [
        replace(one, **changes) if one.name == name else one
        for one in CONTRACT.source(source).columns
    ]
    return with_source(source, columns=tuple(columns))


def tried(**changes: Any) -> Contract:
    """Return the contract with one more column of attributes."""
    columns = CONTRACT.source("attributes").columns
    return with_source("attributes", columns=(*columns, replace(TRIED, **changes)))


def reading(**changes: Any) -> Contract:
    return with_column("clickstream", "fe_1", **changes)


def with_feature(expression: Any, **changes: Any) -> Contract:
    feature = Feature("tried", expression, "What is tried", "tried")
    return replace(CONTRACT, features=(*CONTRACT.features, replace(feature, **changes)))


def dialect(**changes: Any) -> Contract:
    return with_source("attributes", dialect=Dialect(**changes))


def without(source: str, *names: str) -> Contract:
    kept = [one for one in CONTRACT.source(source).columns if one.name not in names]
    return with_source(source, columns=tuple(kept))


def listed(*elements: str, separators: tuple[str, ...] = (",",)) -> Contract:
    made = tuple(Element(text, f"e{number}") for number, text in enumerate(elements))
    return tried(kind=ListOf(made, separators))


def pairs(form: str, *values: tuple[str, ...]) -> Contract:
    one, other = (Part(name, of, "A part") for name, of in zip(("a", "b"), values, strict=True))
    return tried(kind=TwoCategories(form, (one, other)))


def outcome(**changes: Any) -> Contract:
    return replace(CONTRACT, outcome=Outcome(**changes))


def test_nothing_is_wrong_with_the_contract_of_the_reference_lender() -> None:
    assert findings(CONTRACT) == []


OF_THE_WHOLE = {
    "say whose contract": replace(CONTRACT, lender=" "),
    "0 have the shape loan_book": replace(CONTRACT, sources=CONTRACT.sources[1:]),
    "the loan book is required": with_source("loans", required=False),
    "two sources have this name": with_source("attributes", name="financials"),
    "two of them take the files lms_loan_daily": with_source(
        "clickstream", files=("lms_loan_daily",)
    ),
    "the loan book has none: name a column application_id there": with_column(
        "attributes", "occupation", name="application_id", kind=Identifier("A[0-9]{6}")
    ),
    "two columns are called age": with_column("financials", "annual_income", name="age"),
    "say either days_past_due or installments_missed": outcome(month_on_book=6),
    "cannot be in default": outcome(month_on_book=6, days_past_due=0),
    "1 to 60 months": outcome(month_on_book=61, days_past_due=30),
    "no loan is 90 or more days past due at month on book 2": outcome(
        month_on_book=2, days_past_due=90
    ),
    "no loan is 3 or more instalments behind": outcome(month_on_book=2, installments_missed=3),
}

OF_SOURCES = {
    "its name must be of small letters": with_source("attributes", name="Attributes"),
    "a table of the platform is called features": with_source("attributes", name="features"),
    "a table of the platform is called clickstream_so_far": with_source(
        "attributes", name="clickstream_so_far"
    ),
    "phrase of one line": with_source("attributes", meaning="Attributes."),
    "names no files": with_source("attributes", files=("",)),
    "the header age stands twice": tried(header="AGE"),
    "no column is called customer_id": without("attributes", "customer_id"),
    "no column is called loan_start_date": without("loans", "loan_start_date"),
    "nothing tells arrears": without("loans", "due_amount"),
    "a panel without a reading": without("clickstream", *(f"fe_{n}" for n in range(1, 21))),
    "source attributes: it ends in 2023-01": with_source(
        "attributes", begins="2024-01-01", ends="2023-01-01"
    ),
    "'2024-1' is not a month": with_source("attributes", begins="2024-1"),
}

OF_COLUMNS = {
    "the name 'Tried' must be of small letters": tried(name="Tried"),
    "its header is empty": tried(header="Tried "),
    "Tried: say what it means": tried(meaning=""),
    "goes no further than bronze": tried(personal=Personal.YES),
    "needs a kind": with_column("attributes", "customer_id", kind=None),
    "must be of the kind identifier": with_column("attributes", "customer_id", kind=Number()),
    "balance is a name of the loan book": tried(name="balance"),
    "months is a name of the platform's own": tried(name="months"),
    "default is a name of the platform's own": tried(name="default"),
    "tried_right is a name of the platform's own": tried(name="tried_right"),
    "fe_2_sum is a name of the platform's own": reading(name="fe_2_sum"),
    "given_by is a name of the platform's own": reading(name="given_by"),
    "the platform keeps a column of this name": tried(header="Source_File"),
    "'2024-01' is not a month": tried(ends="2024-01"),
    "Tried: it ends in 2023-01, before it begins": tried(begins="2024-01-01", ends="2023-01-01"),
    "as long as its source is": tried(begins="2024-01-01", required=True),
    "can be required": with_column("attributes", "ssn", required=True),
    "the placeholder ' -' is empty": tried(placeholders=(" -",)),
    "an identifier is never missing": with_column("attributes", "customer_id", placeholders=("-",)),
    "strip holds what may be part of a value: '-_'": tried(strip="-_"),
    "strip holds what may be part of a value: 'r'": with_column(
        "attributes", "occupation", strip="r"
    ),
}

OF_KINDS = {
    "its range ends at 14": tried(kind=Number(low=100, high=14)),
    "no finite number": tried(kind=Number(low=float("nan"))),
    "decimals are 0 to 6": tried(kind=Number(decimals=7)),
    "whole numbers have no decimals": tried(kind=Number(whole=True, decimals=2)),
    "say whole = true, or how many decimals": reading(kind=Number()),
    "the readings of a panel are numbers": reading(kind=Category(("a",))),
    "fe_1: the readings of a panel are numbers": reading(kind=Identifier("X[0-9]{3}")),
    "the source has no column salary": tried(kind=Number(at_most=Multiple(3, "salary"))),
    "occupation must be another column, and of the kind number": tried(
        kind=Number(at_most=Multiple(3, "occupation"))
    ),
    "tried must be another column": tried(kind=Number(at_most=Multiple(3, "tried"))),
    "the factor must be a number above 0": with_column(
        "financials", "annual_income", kind=Number(at_most=Multiple(0, "outstanding_debt"))
    ),
    "it names no values": tried(kind=Category(())),
    "a value stands twice": tried(kind=Category(("a", "a"))),
    "white space around it, which is never read": tried(kind=Category((" a",))),
    "begins or ends with what is stripped": tried(kind=Category(("a_",)), strip="_"),
    "'a' is a value and a placeholder": tried(kind=Category(("a",)), placeholders=("a",)),
    "no regular expression": tried(kind=Identifier("(")),
    "looks around or back": tried(kind=Identifier("(?=X)X[0-9]{3}")),
    "also matches 'Jane Roe'": tried(kind=Identifier(".*")),
    "also matches '123-45-6789'": tried(kind=Identifier("[0-9-]+")),
    "names no form": tried(kind=Duration(())),
    "must hold {years} or {months}, each once": tried(kind=Duration(("{weeks} weeks",))),
    "neither of them in brackets": tried(kind=Duration(("{years} years[ {months} months]",))),
    "tells where one number ends": tried(kind=Duration(("{years}{months}",))),
    "the dialect's dates, YYYY-MM, have no day": with_source(
        "attributes",
        dialect=Dialect(dates="YYYY-MM"),
        columns=(*CONTRACT.source("attributes").columns, Column("B", "born", Date(), "Birth")),
    ),
    "say what separates two elements": listed("a", separators=(" ",)),
    "the element 'a, b' holds the separator ','": listed("a, b"),
    "holds the separator ' and '": listed("salt and pepper", separators=(" and ",)),
    "can be no part of an element": listed("a\x1fb"),
    "hides a longer one": listed("a", separators=(",", ", and ")),
    "the form must hold {a} once": pairs("{a}-{a}-{b}", ("x",), ("y",)),
    "its parts cannot be told apart": pairs("{a}-{b}", ("x", "x-y"), ("y-z", "z")),
    "'x-y' is a value and a placeholder": tried(
        kind=TwoCategories("{a}-{b}", (Part("a", ("x",), "A"), Part("b", ("y",), "B"))),
        placeholders=("x-y",),
    ),
}

OF_DIALECTS = {
    "the delimiter 'ab'": dialect(delimiter="ab"),
    "the delimiter 'a'": dialect(delimiter="a"),
    "the delimiter '\\n'": dialect(delimiter="\n"),
    "the quote ','": dialect(quote=","),
    "numbers hold the delimiter": dialect(quote="", decimal=","),
    "the encoding 'utf-16'": dialect(encoding="utf-16"),
    "the encoding 'shift_jis'": dialect(encoding="shift_jis"),
    "the encoding 'raw_unicode_escape'": dialect(encoding="raw_unicode_escape"),
    "the encoding 'none such'": dialect(encoding="none such"),
    "the decimal sign must be": dialect(decimal=";"),
    "another one than for thousands": dialect(decimal=",", thousands=",", delimiter=";"),
    "'0' cannot group": dialect(thousands="0"),
    "'e' cannot group": dialect(thousands="e"),
    "the form of dates 'MM/DD'": dialect(dates="MM/DD"),
    "the form of dates 'YYYY-MM-YYYY'": dialect(dates="YYYY-MM-YYYY"),
    "the form of dates 'yyyy-mm-dd'": dialect(dates="yyyy-mm-dd"),
}

OF_FEATURES = {
    "features: there are none": replace(CONTRACT, features=()),
    "there is no panel loans": with_feature(Readings("loans")),
    "write the function 'f' as package.module:name": with_feature(Function("f", ("age",))),
    "name the columns that the function takes": with_feature(Function("a.b:c", ())),
    "has a column shoe_size": with_feature(FromColumn("shoe_size")),
    "paid_amount is not known when an applicant is scored": with_feature(FromColumn("paid_amount")),
    "month_on_book is the same for all": with_feature(FromColumn("month_on_book")),
    "loan_start_date is the same for all": with_feature(MonthsSince("loan_start_date")),
    "name is kept in bronze only": with_feature(Function("a.b:c", ("name",))),
    "occupation is of the kind category": with_feature(Ratio("occupation", "age")),
    "age is of the kind number": with_feature(Flags("age")),
    "flags are of a whole list: name loan_type": with_feature(Flags("loan_type_auto")),
    "becomes spending_level, payment_size": with_feature(FromColumn("payment_behaviour")),
    "becomes loan_type_auto": with_feature(Function("a.b:c", ("loan_type",))),
    "feature Tried: its name must be": with_feature(FromColumn("age"), name="Tried"),
    "feature tried: say what it means": with_feature(FromColumn("age"), meaning="Age."),
    "say which group": with_feature(FromColumn("age"), group=""),
    "say in raises and lowers": with_feature(FromColumn("age"), direction=Direction.UP, raises="x"),
    "the values of occupation have no order": with_feature(
        FromColumn("occupation"), direction=Direction.UP, raises="x", lowers="y"
    ),
    "another feature has a column age already": with_feature(FromColumn("age"), name="age"),
    "another feature has a column fe_1_mean already": with_feature(
        FromColumn("age"), name="fe_1_mean"
    ),
    **{
        f"feature {name}: gold has a column {name} of its own": with_feature(
            FromColumn("age"), name=name
        )
        for name in (*OF_GOLD, "has_financials", "clickstream_months")
    },
}


@pytest.mark.parametrize(
    ("sentence", "contract"),
    [
        pytest.param(sentence, contract, id=sentence)
        for group in (OF_THE_WHOLE, OF_SOURCES, OF_COLUMNS, OF_KINDS, OF_DIALECTS, OF_FEATURES)
        for sentence, contract in group.items()
    ],
)
def test_a_fault_of_a_contract_is_said_with_its_place(sentence: str, contract: Contract) -> None:
    assert sentence in said(contract)


def test_a_column_of_an_applicant_is_not_called_as_what_gold_adds() -> None:
    columns = (
        *CONTRACT.source("attributes").columns,
        *(
            Column(name, name, Number(), "A number")
            for name in ("has_financials", "clickstream_months", "fe_1_mean")
        ),
    )
    assert said(with_source("attributes", columns=columns)).count("gold has a column") == 3


@pytest.mark.parametrize(
    "contract",
    [
        tried(begins="2024-01-01"),
        tried(ends="2024-01-01"),
        with_source("attributes", begins="2024-01-01", required=False),
        tried(kind=TwoCategories("{a}-{b}", (Part("a", ("x",), "A"), Part("b", ("y", "z"), "B")))),
        tried(kind=Number(at_most=Multiple(3, "age")), placeholders=("-", "n/a"), strip="%€"),
        dialect(delimiter=";", decimal=",", thousands=".", dates="DD.MM.YYYY", encoding="cp1252"),
        dialect(delimiter="\t", quote="", dates="YYYYMM", encoding="iso8859-15"),
        dialect(encoding="utf-8-sig"),
        listed("salt", "pepper", "oil", separators=(", and ", " and ", ",")),
        listed("Candy", separators=(" and ",)),
        listed("a-b", separators=(" - ", "|")),
        tried(kind=Duration(("{years}y {months}m", "{months} month[s]"))),
        with_feature(Function("package.module:name", ("age", "loan_type_auto", "snapshot_date"))),
        with_feature(FromColumn("loan_amount")),
        outcome(month_on_book=12, installments_missed=3, within=True),
    ],
)
def test_what_a_lender_may_say_is_no_fault(contract: Contract) -> None:
    assert said(contract) == ""


def test_names_of_the_platform_are_those_that_its_tables_have() -> None:
    sources = {source.name for source in CONTRACT.sources}
    own = {table.name for table in ALL_TABLES} - sources - {table.name for table in SO_FAR.values()}
    assert own == set(TABLES)
    of_sources = {
        path.split("/")[1] for path in STORED if path.split("/")[0] in ("bronze", "silver")
    }
    assert {name for name in of_sources - sources if not name.endswith(BESIDE)} == set()


def test_what_no_element_may_hold_is_what_the_platform_puts_between_elements() -> None:
    assert words.MARK == check_kinds.MARK


def test_columns_of_the_platform_are_those_that_its_tables_have() -> None:
    (attributes,) = (one for one in ALL_TABLES if one.path == "bronze/attributes")
    headers = set(CONTRACT.source("attributes").headers)
    in_bronze = {*attributes.schema.names, *attributes.beside[0][1].names} - headers
    assert in_bronze <= set(OF_BRONZE)
    named = {
        name for source in CONTRACT.sources for column in source.columns for name in column.names
    }
    named |= {"installments_missed", "days_past_due"}
    for table in SILVER.values():
        schemas = (table.schema, *(schema for _, schema in table.beside))
        assert {name for schema in schemas for name in schema.names} - named <= set(OF_SILVER)
    features = {column.name for column in CONTRACT.feature_columns}
    given = {"has_attributes", "has_financials", "clickstream_months"}
    given |= {*READING_COUNTS, *READING_SQUARES}
    assert {*FEATURES_TABLE.schema.names, *COHORT.schema.names} - features - given <= set(OF_GOLD)
