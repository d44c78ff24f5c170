"""What the reference lender knows of an applicant as a person."""

from credit_risk_dagster.contract.kinds import Category, Month, Number
from credit_risk_dagster.contract.reference.loan_book import CUSTOMER
from credit_risk_dagster.contract.source import Column, Personal, Shape, Source

ATTRIBUTES = Source(
    name="attributes",
    shape=Shape.APPLICANT,
    files=("features_attributes",),
    meaning="Attributes of the applicants: one row per customer, in the month of application",
    columns=(
        Column("Customer_ID", "customer_id", CUSTOMER, "Identifier of the customer"),
        Column("Name", "name", None, "Name of the applicant", personal=Personal.YES),
        Column(
            "Age",
            "age",
            Number(low=14, high=100),
            "Age of the applicant",
            unit="years",
            strip="_",
        ),
        Column(
            "SSN",
            "ssn",
            None,
            "Social security number of the applicant",
            personal=Personal.YES,
        ),
        Column(
            "Occupation",
            "occupation",
            Category(
                (
                    "Accountant",
                    "Architect",
                    "Developer",
                    "Doctor",
                    "Engineer",
                    "Entrepreneur",
                    "Journalist",
                    "Lawyer",
                    "Manager",
                    "Mechanic",
                    "Media_Manager",
                    "Musician",
                    "Scientist",
                    "Teacher",
                    "Writer",
                )
            ),
            "Occupation of the applicant",
            placeholders=("_______",),
        ),
        Column(
            "snapshot_date",
            "snapshot_date",
            Month(),
            "Snapshot month that the row belongs to, as its first day",
        ),
    ),
)
