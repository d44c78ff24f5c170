from itertools import pairwise

import numpy as np
import pandas as pd

from credit_risk_dagster.demo.applicants import draw_applicants
from credit_risk_dagster.demo.clickstream import application_months, clickstream_rows
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.months import add_months
from credit_risk_dagster_tests.demo.conftest import Extracts
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_FEATURES

LARGE = DemoPortfolio("2025-06", applicants_per_month=20_000)


def test_a_snapshot_holds_customers_from_ten_months_after_to_eighteen_before_application() -> None:
    assert application_months("2023-01-01", "2024-01-01")[0] == "2023-03-01"
    assert application_months("2023-01-01", "2024-01-01")[-1] == "2025-07-01"
    assert application_months("2023-01-01", "2023-02-01")[0] == "2023-01-01"


def test_customers_appear_twelve_to_eighteen_months_before_they_apply() -> None:
    applicants = draw_applicants(LARGE, "2024-06-01")
    present = [
        clickstream_rows(applicants, add_months("2024-06-01", -lead), 1).num_rows
        for lead in range(11, 20)
    ]
    assert present[0] == present[1] == applicants.has_clickstream.sum()
    assert present[-1] == 0
    assert all(fewer < more for more, fewer in pairwise(present[1:]))


def test_a_customer_is_there_every_month_until_the_loan_is_done(
    extracts: Extracts, portfolio: DemoPortfolio
) -> None:
    numbered = {month: number for number, month in enumerate(portfolio.month_keys)}
    applied = extracts["financials"].set_index("Customer_ID")["snapshot_date"].map(numbered)
    rows = extracts["clickstream"]
    months = rows["snapshot_date"].map(numbered).groupby(rows["Customer_ID"])
    spans = months.agg(["min", "max", "size"]).join(applied, how="inner")
    lead = spans["snapshot_date"] - spans["min"]
    assert (spans["size"] == spans["max"] - spans["min"] + 1).all()
    assert (spans["max"] == (spans["snapshot_date"] + 10).clip(upper=29)).all()
    assert (lead.between(12, 18) | (spans["min"] == 0)).all()


def test_one_or_two_in_a_hundred_applicants_have_no_clickstream(extracts: Extracts) -> None:
    known = extracts["financials"]["Customer_ID"].isin(extracts["clickstream"]["Customer_ID"])
    assert 0.01 < 1 - known.mean() < 0.02


def test_some_customers_have_not_applied_by_the_last_month(extracts: Extracts) -> None:
    customers = extracts["clickstream"]["Customer_ID"]
    assert not customers.isin(extracts["financials"]["Customer_ID"]).all()


def test_the_first_ten_features_betray_distress_and_the_others_do_not() -> None:
    applicants = draw_applicants(LARGE, "2024-06-01")
    rows = clickstream_rows(applicants, "2024-06-01", 1).to_pandas()
    distress = applicants.distress[applicants.has_clickstream]
    slopes = [np.polyfit(distress, rows[name], 1)[0] for name in CLICKSTREAM_FEATURES]
    assert all(slope > 0 for slope in slopes[:5])
    assert all(slope < 0 for slope in slopes[5:10])
    assert all(abs(slope) < 3 for slope in slopes[10:])


def test_months_are_independent_of_each_other_but_for_distress() -> None:
    applicants = draw_applicants(LARGE, "2024-06-01")
    one, other = (
        clickstream_rows(applicants, month, 1).to_pandas()["fe_20"]
        for month in ("2024-05-01", "2024-06-01")
    )
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


def test_features_are_integers_around_100_and_may_be_negative(extracts: Extracts) -> None:
    values: pd.DataFrame = extracts["clickstream"][list(CLICKSTREAM_FEATURES)]
    assert values.mean().between(99, 101).all()
    assert values.std().between(98, 103).all()
    assert (values.min() < 0).all()
