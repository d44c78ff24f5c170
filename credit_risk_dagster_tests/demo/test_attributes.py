import pandas as pd

from credit_risk_dagster.demo.applicants import draw_applicants
from credit_risk_dagster.demo.attributes import clean_attributes
from credit_risk_dagster_tests.demo.conftest import SMALL, Extracts


def test_attributes_are_one_row_per_applicant_in_the_month_of_application() -> None:
    applicants = draw_applicants(SMALL, "2024-02-01")
    attributes = clean_attributes(applicants, SMALL.seed)
    assert attributes["Customer_ID"].tolist() == applicants.customer_ids.tolist()
    assert set(attributes["snapshot_date"]) == {"2024-02-01"}
    assert attributes["Age"].between(14, 56).all()


def test_no_social_security_number_could_belong_to_anybody(extracts: Extracts) -> None:
    numbers = extracts["attributes"]["SSN"]
    issued = numbers[numbers.str.fullmatch(r"\d{3}-\d{2}-\d{4}")]
    assert len(issued) > 0.9 * len(numbers)
    assert issued.str.startswith("000-").all()


def test_names_are_varied_words_or_pairs_of_words(extracts: Extracts) -> None:
    names: pd.Series = extracts["attributes"]["Name"]
    plain = names[names.str.fullmatch(r"[A-Z][a-z]+( [A-Z][a-z]+)?")]
    assert len(plain) > 0.98 * len(names)
    assert names.nunique() > 0.2 * len(names)


def test_fifteen_occupations_are_equally_common(extracts: Extracts) -> None:
    shares = extracts["attributes"]["Occupation"].value_counts(normalize=True).drop("_______")
    assert len(shares) == 15
    assert shares.between(0.055, 0.070).all()
