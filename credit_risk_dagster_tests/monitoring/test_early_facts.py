"""What the month says of pending cohorts, by which method, and what it says once labels came."""

import numpy as np
import pandas as pd
import pytest

from credit_risk_dagster.monitoring.early_facts import Cohort, cohort_facts, outcome_facts
from credit_risk_dagster.monitoring.facts import Fact, facts_table
from credit_risk_dagster.tables.delinquency import NEVER_MISSED, STATES
from credit_risk_dagster.tables.monitoring import EARLY_OUTCOMES, PERFORMANCE

MODEL = "2024-09-scorecard-0123456789ab"
COHORT = Cohort(
    "2024-03-01", MODEL, np.linspace(0.05, 0.9, 40), np.arange(40, dtype=np.int64) // 20 * 2
)
MATURED = pd.DataFrame(
    [(2, 0, NEVER_MISSED, 90), (2, 0, "1", 2), (2, 1, NEVER_MISSED, 10), (2, 1, "1", 20)],
    columns=["month_on_book", "default", "state", "loans"],
)


@pytest.mark.parametrize(
    ("month", "names", "status"),
    [
        ("2024-03-01", "expected", "calibrated"),
        ("2024-04-01", "expected", "calibrated"),
        ("2024-05-01", "estimated", "soft_labels"),
        ("2024-06-01", "expected", "calibrated"),
    ],
)
def test_soft_labels_begin_at_month_on_book_two_where_matured_loans_taught_them(
    month: str, names: str, status: str
) -> None:
    facts = cohort_facts(month, COHORT, MATURED)
    assert [fact.metric for fact in facts] == [f"{names}_auc", f"{names}_default_rate"]
    assert {(fact.basis, fact.subject, fact.status) for fact in facts} == {
        ("estimated", "2024-03", status)
    }
    assert {fact.sample_size for fact in facts} == {40}
    assert STATES[2] == "1"


def test_each_earlier_estimate_is_set_against_what_came() -> None:
    earlier = pd.concat(
        facts_table(month, None, cohort_facts(month, COHORT, MATURED), EARLY_OUTCOMES.schema)
        .to_pandas()
        for month in ("2024-04-01", "2024-05-01")
    )  # fmt: skip
    came = [
        Fact("issued", "auc", "overall", 0.7, sample_size=38, model_id=MODEL),
        Fact("issued", "observed_default_rate", "overall", 0.99, sample_size=38, model_id=MODEL),
    ]
    realised = facts_table("2024-09-01", None, came, PERFORMANCE.schema).to_pandas()
    facts = {
        (fact.metric, fact.subject): fact for fact in outcome_facts("2024-03-01", realised, earlier)
    }
    assert facts["realised_auc", "2024-03"].value == 0.7
    assert len(facts) == 6
    wrong = facts["estimated_default_rate_error", "2024-03 at month on book 2"]
    estimate = earlier.loc[earlier["metric"] == "estimated_default_rate", "value"].item()
    assert wrong.value == pytest.approx(estimate - 0.99)
    assert wrong.status == "beyond_noise"
    assert wrong.band == "soft_labels"


def test_nothing_is_said_of_estimates_while_no_label_came() -> None:
    nothing = facts_table("2024-09-01", None, [], PERFORMANCE.schema).to_pandas()
    earlier = facts_table("2024-04-01", None, [], EARLY_OUTCOMES.schema).to_pandas()
    assert outcome_facts("2024-03-01", nothing, earlier) == []
