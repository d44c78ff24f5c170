"""What a German instalment lender delivers: five sources, written as German banks write.

Read a source from top to bottom: what its files are called, how they are written, and each column
with the lender's header, our name, its kind and its meaning.
"""

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.kinds import (
    Category,
    Date,
    Duration,
    Element,
    Identifier,
    ListOf,
    Number,
    Part,
    TwoCategories,
)
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.outcome import Outcome
from credit_risk_dagster.contract.source import Column, Personal, Shape, Source
from examples.second_lender.features import FEATURES

GERMAN = Dialect(delimiter=";", encoding="cp1252", decimal=",", thousands=".", dates="DD.MM.YYYY")
EURO = "€\xa0"
"""What stands beside an amount, with the space before it that does not break the line."""

NOT_STATED = "k. A."
"""Keine Angabe."""

CUSTOMER = Column("Kundennummer", "customer_id", Identifier("K[0-9]{7}"), "Number of the customer")
SNAPSHOT = Column(
    "Stichtag",
    "snapshot_date",
    Date(),
    "Day that the row stands for, the last of its month",
)

LOAN_BOOK = Source(
    name="agreements",
    shape=Shape.LOAN_BOOK,
    files=("vertragsbestand",),
    meaning="Loan agreements: one row per agreement and month, as long as it runs",
    dialect=GERMAN,
    columns=(
        Column(
            "Vertragsnummer",
            "loan_id",
            Identifier("RK-[0-9]{2}-[0-9]{6}"),
            "Number of the loan agreement",
        ),
        CUSTOMER,
        Column("Auszahlungstag", "loan_start_date", Date(), "Day on which the loan was paid out"),
        Column(
            "Laufzeit",
            "tenure",
            Number(low=6, high=120, whole=True),
            "Number of monthly instalments that the loan is to be repaid in",
            required=True,
        ),
        Column(
            "Kreditbetrag",
            "loan_amount",
            Number(low=0),
            "Amount that was lent",
            unit="euros",
            strip=EURO,
            required=True,
        ),
        Column(
            "Sollzins",
            "interest_rate",
            Number(low=0, high=25),
            "Interest rate of the loan in a year",
            unit="percent",
            strip="%\xa0",
        ),
        Column(
            "Restschuld",
            "balance",
            Number(),
            "Amount of the loan still to be repaid",
            unit="euros",
            strip=EURO,
        ),
        Column(
            "Verzugstage",
            "days_past_due",
            Number(low=0, whole=True),
            "Days since the oldest instalment that is not paid fell due; 0 if none is",
            unit="days",
        ),
        SNAPSHOT,
    ),
)

PERSONS = Source(
    name="persons",
    shape=Shape.APPLICANT,
    files=("antragsteller",),
    meaning="Applicants as persons: one row per customer, in the month of application",
    dialect=GERMAN,
    columns=(
        CUSTOMER,
        Column("Name", "name", None, "Name of the applicant", personal=Personal.YES),
        Column("Steuer-ID", "tax_id", None, "Tax number of the person", personal=Personal.YES),
        Column(
            "Beschäftigt seit",
            "employed_since",
            Date(),
            "Day on which the applicant's employment began",
            placeholders=(NOT_STATED,),
        ),
        Column(
            "Beruf",
            "occupation",
            Category(
                (
                    "Angestellte/r",
                    "Arbeiter/in",
                    "Führungskraft",
                    "Öffentlicher Dienst",
                    "Selbständig",
                )
            ),
            "Occupation of the applicant",
            placeholders=(NOT_STATED,),
        ),
        SNAPSHOT,
    ),
)

FINANCES = Source(
    name="finances",
    shape=Shape.APPLICANT,
    files=("haushaltsrechnung",),
    meaning="Household budgets of applicants: one row per customer, in the month of application",
    dialect=GERMAN,
    columns=(
        CUSTOMER,
        SNAPSHOT,
        Column(
            "Nettoeinkommen",
            "net_income",
            Number(low=0, high=50_000),
            "Income of the household in a month, after tax",
            unit="euros",
            strip=EURO,
        ),
        Column(
            "Wohnkosten",
            "housing_costs",
            Number(low=0, high=20_000),
            "Rent or cost of the own home in a month",
            unit="euros",
            strip=EURO,
        ),
        Column(
            "Konto besteht seit",
            "account_months",
            Duration(
                ("{years} Jahr[e] und {months} Monat[e]", "{years} Jahr[e]", "{months} Monat[e]")
            ),
            "How long the applicant has had the current account",
            unit="months",
            placeholders=(NOT_STATED,),
        ),
        Column(
            "Bestehende Kredite",
            "existing_credit",
            ListOf(
                (
                    Element("Autokredit", "car"),
                    Element("Dispokredit", "overdraft"),
                    Element("Kreditkarte", "credit_card"),
                    Element("Möbelkauf", "furniture"),
                ),
                separators=(" und ", ","),
            ),
            "Credit that the applicant has already",
        ),
        Column(
            "Zahlungsweise",
            "payment",
            TwoCategories(
                "{payment_habit} per {payment_channel}",
                (
                    Part(
                        "payment_habit",
                        ("schleppend", "pünktlich"),
                        "How the applicant has paid so far: sluggishly or punctually",
                        ordered=True,
                    ),
                    Part(
                        "payment_channel",
                        ("Dauerauftrag", "Lastschrift", "Überweisung"),
                        "By standing order, direct debit or transfer",
                    ),
                ),
            ),
            "How the applicant has paid so far, and by what",
        ),
        Column(
            "Auskunft-Score",
            "bureau_score",
            Number(low=0, high=100),
            "Score of the credit bureau, asked for from October 2023 on",
            unit="percent",
            placeholders=("-",),
            begins="2023-10-01",
        ),
    ),
)

TURNOVER = Source(
    name="turnover",
    shape=Shape.PANEL,
    files=("kontoumsaetze",),
    meaning="Turnover of current accounts: one row per customer and month",
    dialect=GERMAN,
    columns=(
        CUSTOMER,
        SNAPSHOT,
        Column("Eingänge", "money_in", Number(low=0, decimals=2), "Money received", unit="euros"),
        Column("Ausgänge", "money_out", Number(low=0, decimals=2), "Money spent", unit="euros"),
        Column(
            "Rücklastschriften",
            "returned_debits",
            Number(low=0, high=100, whole=True),
            "Direct debits that were returned unpaid",
        ),
    ),
)

ONLINE_BANKING = Source(
    name="online_banking",
    shape=Shape.PANEL,
    files=("onlinebanking",),
    meaning="Use of online banking: one row per customer who uses it and month",
    dialect=GERMAN,
    required=False,
    begins="2023-03-01",
    columns=(
        CUSTOMER,
        SNAPSHOT,
        Column("Anmeldungen", "logins", Number(low=0, whole=True), "Logins to online banking"),
        Column("Seitenaufrufe", "page_views", Number(low=0, whole=True), "Pages looked at"),
    ),
)

CONTRACT = Contract(
    lender="a German instalment lender",
    sources=(LOAN_BOOK, PERSONS, FINANCES, TURNOVER, ONLINE_BANKING),
    features=FEATURES,
    outcome=Outcome(month_on_book=4, days_past_due=60),
)
