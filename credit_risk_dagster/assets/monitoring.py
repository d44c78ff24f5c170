"""Monitoring: drift, performance, portfolio, early outcomes, and the report made of them."""

import dagster as dg

from credit_risk_dagster.assets.drift import drift_asset
from credit_risk_dagster.assets.early_outcomes import early_outcomes_asset
from credit_risk_dagster.assets.performance import performance_asset
from credit_risk_dagster.assets.portfolio import portfolio_asset
from credit_risk_dagster.assets.report import report_asset


def monitoring_assets(months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return drift, performance, portfolio, early outcomes and report."""
    return [
        drift_asset(months),
        performance_asset(months),
        portfolio_asset(months),
        early_outcomes_asset(months),
        report_asset(months),
    ]
