"""What the models see: the feature columns of gold, by kind."""

CLICKSTREAM_FEATURES = tuple(f"fe_{number}" for number in range(1, 21))

LOAN_TYPES = {
    "Auto Loan": "loan_type_auto",
    "Credit-Builder Loan": "loan_type_credit_builder",
    "Debt Consolidation Loan": "loan_type_debt_consolidation",
    "Home Equity Loan": "loan_type_home_equity",
    "Mortgage Loan": "loan_type_mortgage",
    "Not Specified": "loan_type_not_specified",
    "Payday Loan": "loan_type_payday",
    "Personal Loan": "loan_type_personal",
    "Student Loan": "loan_type_student",
}
LOAN_TYPE_COLUMNS = (*LOAN_TYPES.values(), "loan_type_other")

FINANCIAL_AMOUNTS = (
    "annual_income",
    "monthly_inhand_salary",
    "num_bank_accounts",
    "num_credit_card",
    "interest_rate",
    "num_of_loan",
    "delay_from_due_date",
    "num_of_delayed_payment",
    "changed_credit_limit",
    "num_credit_inquiries",
    "outstanding_debt",
    "credit_utilization_ratio",
    "credit_history_months",
    "total_emi_per_month",
    "amount_invested_monthly",
    "monthly_balance",
)
RATIOS = ("debt_to_income", "emi_to_income", "balance_to_income", "delay_per_loan")

NUMERIC_FEATURES = ("age", *FINANCIAL_AMOUNTS, *RATIOS, *LOAN_TYPE_COLUMNS)
"""Columns of doubles (null where missing), used as they are."""

CLICKSTREAM_MEANS = tuple(f"{name}_mean" for name in CLICKSTREAM_FEATURES)
"""Means of the clickstream up to the application month, null where there is none."""

CLICKSTREAM_MONTHS = "clickstream_months"
"""The number of months behind the means; 0 where there is none. Not itself a model feature:
it grows with calendar time whatever the applicant does."""

CATEGORICAL_FEATURES = (
    "occupation",
    "credit_mix",
    "payment_of_min_amount",
    "spending_level",
    "payment_size",
)
"""Columns of text, null where missing."""

FEATURES = (*NUMERIC_FEATURES, *CLICKSTREAM_MEANS, *CATEGORICAL_FEATURES)
"""Everything that a model reads as a feature, in the order in which it is reported."""

LABEL = "default"
"""1 where the loan is 30 or more days past due at month on book 6, else 0."""
