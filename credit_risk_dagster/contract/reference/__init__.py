"""The contract of the reference lender, whose extracts the demo generates."""

from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.outcome import Outcome
from credit_risk_dagster.contract.reference.attributes import ATTRIBUTES
from credit_risk_dagster.contract.reference.clickstream import CLICKSTREAM
from credit_risk_dagster.contract.reference.features import FEATURES
from credit_risk_dagster.contract.reference.financials import FINANCIALS
from credit_risk_dagster.contract.reference.loan_book import LOANS

__all__ = ["ATTRIBUTES", "CLICKSTREAM", "CONTRACT", "FINANCIALS", "LOANS"]

CONTRACT = Contract(
    lender="the reference lender",
    sources=(LOANS, ATTRIBUTES, FINANCIALS, CLICKSTREAM),
    features=FEATURES,
    outcome=Outcome(month_on_book=6, days_past_due=30),
)
