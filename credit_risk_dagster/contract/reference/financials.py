"""The finances of an applicant, as the reference lender knows them.

The accepted ranges and the placeholders are the lender's own, from its data dictionary.
"""

from credit_risk_dagster.contract.kinds import (
    Category,
    Duration,
    Element,
    ListOf,
    Month,
    Multiple,
    Number,
    Part,
    TwoCategories,
)
from credit_risk_dagster.contract.reference.loan_book import CUSTOMER, MONEY
from credit_risk_dagster.contract.source import Column, Shape, Source

LOAN_TYPES = (
    Element("Auto Loan", "auto"),
    Element("Credit-Builder Loan", "credit_builder"),
    Element("Debt Consolidation Loan", "debt_consolidation"),
    Element("Home Equity Loan", "home_equity"),
    Element("Mortgage Loan", "mortgage"),
    Element("Not Specified", "not_specified"),
    Element("Payday Loan", "payday"),
    Element("Personal Loan", "personal"),
    Element("Student Loan", "student"),
)

# An annual income above three times twelve salaries is a typing error: the lender's ratio has its
# 98 % quantile at 1.4 and its 99 % quantile above 10.
PLAUSIBLE_INCOME = Multiple(36, "monthly_inhand_salary")

FINANCIALS = Source(
    name="financials",
    shape=Shape.APPLICANT,
    files=("features_financials",),
    meaning="Finances of the applicants: one row per customer, in the month of application",
    columns=(
        Column("Customer_ID", "customer_id", CUSTOMER, "Identifier of the customer"),
        Column(
            "Annual_Income",
            "annual_income",
            Number(low=0, at_most=PLAUSIBLE_INCOME),
            "Income of the applicant in a year",
            unit=MONEY,
            strip="_",
        ),
        Column(
            "Monthly_Inhand_Salary",
            "monthly_inhand_salary",
            Number(low=0),
            "Salary after deductions in a month",
            unit=MONEY,
            strip="_",
        ),
        Column(
            "Num_Bank_Accounts",
            "num_bank_accounts",
            Number(low=0, high=50),
            "Number of bank accounts that the applicant holds",
            strip="_",
        ),
        Column(
            "Num_Credit_Card",
            "num_credit_card",
            Number(low=0, high=20),
            "Number of credit cards that the applicant holds",
            strip="_",
        ),
        Column(
            "Interest_Rate",
            "interest_rate",
            Number(low=0, high=100),
            "Interest rate on the applicant's credit",
            unit="percent",
            strip="_",
        ),
        Column(
            "Num_of_Loan",
            "num_of_loan",
            Number(low=0, high=20),
            "Number of loans that the applicant has",
            strip="_",
        ),
        Column(
            "Type_of_Loan",
            "loan_type",
            ListOf(LOAN_TYPES, separators=(", and ", " and ", ",")),
            "Types of the loans that the applicant has",
        ),
        Column(
            "Delay_from_due_date",
            "delay_from_due_date",
            Number(),
            "Delay of the applicant's payments after their due date",
            unit="days",
            strip="_",
        ),
        Column(
            "Num_of_Delayed_Payment",
            "num_of_delayed_payment",
            Number(low=0, high=100),
            "Number of payments that the applicant made late",
            strip="_",
        ),
        Column(
            "Changed_Credit_Limit",
            "changed_credit_limit",
            Number(),
            "Change of the applicant's credit limit",
            unit="percent",
            placeholders=("_",),
            strip="_",
        ),
        Column(
            "Num_Credit_Inquiries",
            "num_credit_inquiries",
            Number(low=0, high=50),
            "Number of credit enquiries about the applicant",
            strip="_",
        ),
        Column(
            "Credit_Mix",
            "credit_mix",
            Category(("Bad", "Standard", "Good"), ordered=True),
            "Quality of the applicant's mix of kinds of credit",
            placeholders=("_",),
        ),
        Column(
            "Outstanding_Debt",
            "outstanding_debt",
            Number(low=0),
            "Debt that the applicant has still to repay",
            unit=MONEY,
            strip="_",
        ),
        Column(
            "Credit_Utilization_Ratio",
            "credit_utilization_ratio",
            Number(low=0, high=100),
            "Share of the applicant's credit limit in use",
            unit="percent",
            strip="_",
        ),
        Column(
            "Credit_History_Age",
            "credit_history_months",
            Duration(("{years} Year[s] and {months} Month[s]",)),
            "Length of the applicant's credit history",
            unit="months",
            placeholders=("NA",),
        ),
        Column(
            "Payment_of_Min_Amount",
            "payment_of_min_amount",
            Category(("No", "Yes")),
            "Whether the applicant pays only the minimum amount due",
            placeholders=("NM",),
        ),
        Column(
            "Total_EMI_per_month",
            "total_emi_per_month",
            Number(low=0),
            "Equated monthly instalments (EMI) of all the applicant's loans",
            unit=MONEY,
            strip="_",
        ),
        Column(
            "Amount_invested_monthly",
            "amount_invested_monthly",
            Number(low=0),
            "Amount that the applicant invests in a month",
            unit=MONEY,
            placeholders=("__10000__",),
            strip="_",
        ),
        Column(
            "Payment_Behaviour",
            "payment_behaviour",
            TwoCategories(
                "{spending_level}_spent_{payment_size}_value_payments",
                (
                    Part("spending_level", ("Low", "High"), "How much the applicant spends", True),
                    Part(
                        "payment_size",
                        ("Small", "Medium", "Large"),
                        "Value of the applicant's typical payments",
                        True,
                    ),
                ),
            ),
            "Spending level and payment size of the applicant in one",
            placeholders=("!@9#%8",),
        ),
        Column(
            "Monthly_Balance",
            "monthly_balance",
            Number(),
            "Money left to the applicant at the end of a month",
            unit=MONEY,
            placeholders=("__-333333333333333333333333333__",),
            strip="_",
        ),
        Column(
            "snapshot_date",
            "snapshot_date",
            Month(),
            "Snapshot month that the row belongs to, as its first day",
        ),
    ),
)
