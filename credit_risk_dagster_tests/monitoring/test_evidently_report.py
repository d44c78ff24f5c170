"""A report is drawn from a bounded number of loans."""

from hypothesis import given
from hypothesis import strategies as st

from credit_risk_dagster.monitoring.evidently_report import REPORT_ROWS, report_stride


@given(loans=st.integers(0, 10_000_000))
def test_a_report_has_every_loan_of_a_small_month_and_at_most_ten_thousand_of_a_large_one(
    loans: int,
) -> None:
    shown = len(range(0, loans, report_stride(loans)))
    assert shown == loans if loans <= REPORT_ROWS else REPORT_ROWS / 2 <= shown <= REPORT_ROWS
