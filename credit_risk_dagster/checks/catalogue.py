"""Every rule that is checked month by month."""

from credit_risk_dagster.checks.delivery import delivery_checks
from credit_risk_dagster.checks.models import model_checks
from credit_risk_dagster.checks.monthly_check import MonthlyCheck
from credit_risk_dagster.checks.point_in_time import gold_checks, panel_checks


def monthly_checks() -> list[MonthlyCheck]:
    """Return the rules, in the order of the tables that they are about."""
    return [*delivery_checks(), *panel_checks(), *gold_checks(), *model_checks()]
