"""What no declaration can say: features that need a formula of their own."""

import ibis
import ibis.expr.types as ir

LEAST_FREE_INCOME = 100.0
"""Euros; who has less left, or nothing, is not told apart any further."""


def instalment_burden(
    loan_amount: ir.NumericValue,
    tenure: ir.NumericValue,
    net_income: ir.NumericValue,
    housing_costs: ir.NumericValue,
) -> ir.FloatingValue:
    """Return the monthly repayment, without interest, by what housing leaves of the income."""
    repayment = loan_amount / tenure.cast("float64").nullif(0.0)
    free = net_income - housing_costs
    at_least = ibis.ifelse(free < LEAST_FREE_INCOME, LEAST_FREE_INCOME, free)
    return repayment / at_least
