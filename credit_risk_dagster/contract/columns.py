"""The glossary: what every column of every table means, one concept under one name."""

import re
from collections.abc import Mapping

from credit_risk_dagster.contract.features import (
    CLICKSTREAM_FEATURES,
    CLICKSTREAM_MEANS,
    CLICKSTREAM_MONTHS,
    LABEL,
    LOAN_TYPE_COLUMNS,
    LOAN_TYPES,
)
from credit_risk_dagster.contract.reference import ATTRIBUTES, FINANCIALS
from credit_risk_dagster.contract.source import SNAPSHOT_DATE
from credit_risk_dagster.errors import PlatformError

Meanings = Mapping[str, str]
"""Phrases by column, without the full stop that ends them as sentences."""

_KEYS = {
    "loan_id": "Identifier of the loan, made of its customer and its start date",
    "customer_id": "Identifier of the customer",
    SNAPSHOT_DATE: "Snapshot month that the row belongs to, as its first day",
}

_LOAN_BOOK = {
    "loan_start_date": "Month in which the loan was granted, as its first day",
    "days_past_due": "Days to the snapshot from the one as many months earlier as instalments are "
    "missed; 0 if none is",
}

_ATTRIBUTES = {
    "age": "Age of the applicant, in years",
    "occupation": "Occupation of the applicant",
}

_FINANCIALS = {
    "annual_income": "Income of the applicant in a year, in the lender's currency",
    "monthly_inhand_salary": "Salary after deductions in a month, in the lender's currency",
    "num_bank_accounts": "Number of bank accounts that the applicant holds",
    "num_credit_card": "Number of credit cards that the applicant holds",
    "interest_rate": "Interest rate on the applicant's credit, in percent",
    "num_of_loan": "Number of loans that the applicant has",
    "delay_from_due_date": "Delay of the applicant's payments after their due date, in days",
    "num_of_delayed_payment": "Number of payments that the applicant made late",
    "changed_credit_limit": "Change of the applicant's credit limit, in percent",
    "num_credit_inquiries": "Number of credit enquiries about the applicant",
    "credit_mix": "Quality of the applicant's mix of kinds of credit (Bad, Standard or Good)",
    "outstanding_debt": "Debt that the applicant has still to repay, in the lender's currency",
    "credit_utilization_ratio": "Share of the applicant's credit limit in use, in percent",
    "credit_history_months": "Length of the applicant's credit history, in months",
    "payment_of_min_amount": "Whether the applicant pays only the minimum amount due (Yes or No)",
    "total_emi_per_month": "Equated monthly instalments (EMI) of all the applicant's loans, in the "
    "lender's currency",
    "amount_invested_monthly": "Amount that the applicant invests in a month, in the lender's "
    "currency",
    "spending_level": "How much the applicant spends (Low or High)",
    "payment_size": "Value of the applicant's typical payments (Small, Medium or Large)",
    "monthly_balance": "Money left to the applicant at the end of a month, in the lender's "
    "currency",
}

_AS_SILVER_SAYS = {
    column.header: phrase
    for source in (ATTRIBUTES, FINANCIALS)
    for column in source.columns
    if (phrase := (_ATTRIBUTES | _FINANCIALS).get(column.header.lower()))
}

_AS_DELIVERED = {
    **_AS_SILVER_SAYS,
    **{name: f"Clickstream reading {name[3:]} of the month" for name in CLICKSTREAM_FEATURES},
    "loan_id": "Identifier of the loan, customer and start date in one",
    "Customer_ID": "Identifier of the customer",
    "loan_start_date": "Date on which the loan was granted",
    "tenure": "Agreed number of monthly instalments",
    "installment_num": "Month on book: months since the loan was granted",
    "loan_amt": "Amount lent, in the lender's currency",
    "due_amt": "Instalment due in the month, in the lender's currency",
    "paid_amt": "Amount paid in the month, in the lender's currency",
    "overdue_amt": "Instalments due and not paid so far, in the lender's currency",
    "balance": "Amount still to be repaid, in the lender's currency",
    "Name": "Name of the applicant (personal data)",
    "SSN": "Social security number of the applicant (personal data)",
    "Type_of_Loan": "Types of the loans that the applicant has, listed in words",
    "Credit_History_Age": "Length of the applicant's credit history, in years and months",
    "Payment_of_Min_Amount": "Whether only the minimum amount due is paid (Yes, No, or NM for not "
    "mentioned)",
    "Payment_Behaviour": "Spending level and payment size of the applicant in one",
}

_BRONZE = {
    **{header: f"{phrase}, as delivered, as text" for header, phrase in _AS_DELIVERED.items()},
    SNAPSHOT_DATE: "First day of the snapshot month, as delivered, as text",
    "snapshot_month": "Snapshot month that the delivered row belongs to, as its first day",
    "unknown_columns": "Delivered columns that the contract does not have, as a JSON object of "
    "header and value; null if none",
    "source_file": "File that the row or line was delivered in",
    "line_number": "Number of the line in that file",
    "reason": "Why the line was rejected, in words",
    "text": "The rejected line as it was delivered, bytes that are not text escaped",
}

_SO_FAR = {
    "count": "Number of the customer's readings of {name} so far that are not missing",
    "sum": "Sum of the customer's readings of {name} so far; 0 where there is none",
    "sum_of_squares": "Sum of the squares of the customer's readings of {name} so far; null if one "
    "was beyond 100 million",
}

_SILVER = {
    **_KEYS,
    **_LOAN_BOOK,
    **_ATTRIBUTES,
    **_FINANCIALS,
    **{
        name: f"Clickstream reading {name[3:]} of the customer in the month, a whole number that "
        "may be negative"
        for name in CLICKSTREAM_FEATURES
    },
    "tenure": "Number of monthly instalments that the loan is to be repaid in",
    "month_on_book": "Months since the loan was granted, 0 in its first snapshot",
    "loan_amount": "Amount that was lent, in the lender's currency",
    "due_amount": "Instalment due in the snapshot month, in the lender's currency; 0 at month on "
    "book 0",
    "paid_amount": "Amount that was paid in the snapshot month, in the lender's currency",
    "overdue_amount": "Instalments due and not paid up to the snapshot, in the lender's currency",
    "balance": "Amount of the loan still to be repaid, in the lender's currency",
    "installments_missed": "Instalments overdue, a part counted as one; 0 where nothing is due",
    "type_of_loan": "Types of the applicant's loans, as the lender lists them",
    "months": "Months in which the customer gave a clickstream reading, up to the snapshot",
    "latest_reading_date": "Newest month in which the customer gave a clickstream reading, as its "
    "first day",
    **{
        f"{name}_{part}": phrase.format(name=name)
        for name in CLICKSTREAM_FEATURES
        for part, phrase in _SO_FAR.items()
    },
    "dormant_since": "Month in which the customer left the rows of the state, as its first day",
    "corrections": "Values that were set to missing and why, separated by '; '; empty where there "
    "are none",
    "reasons": "Why the row is quarantined, separated by '; ' where there are several reasons",
}

_GOLD = {
    **_KEYS,
    **_LOAN_BOOK,
    **_ATTRIBUTES,
    **_FINANCIALS,
    "debt_to_income": "Outstanding debt divided by annual income",
    "emi_to_income": "Equated monthly instalments divided by monthly in-hand salary",
    "balance_to_income": "Monthly balance divided by monthly in-hand salary",
    "delay_per_loan": "Delay from due date divided by the number of loans (at least 1), in days",
    **{
        column: f"1 if '{loan_type}' is among the applicant's types of loan, else 0; null without "
        "financials"
        for loan_type, column in LOAN_TYPES.items()
    },
    LOAN_TYPE_COLUMNS[
        -1
    ]: "1 if a type without a column of its own is among the applicant's loans, else 0; null "
    "without financials",
    **{
        mean: f"Mean of the customer's {name} up to the application month; null where there is none"
        for name, mean in zip(CLICKSTREAM_FEATURES, CLICKSTREAM_MEANS, strict=True)
    },
    CLICKSTREAM_MONTHS: "Months of clickstream up to the application month; 0 where there is none",
    "has_attributes": "Whether the application month has attributes of the applicant",
    "has_financials": "Whether the application month has financials of the applicant",
    "latest_input_date": "Newest snapshot month that the features rest on, never after the "
    "application month",
    "application_date": "Month in which the applicant applied, as its first day",
    LABEL: "1 if the loan is 30 or more days past due at month on book 6, else 0",
}

_MODEL = {
    "model_id": "Identity of the model: month of training, candidate, and 12 hex digits of a hash",
    "model_sha256": "SHA-256 of the model's file, checked before it is opened",
}

_TRAINING = {
    "loan_id": _KEYS["loan_id"],
    SNAPSHOT_DATE: _KEYS[SNAPSHOT_DATE],
    **_MODEL,
    "action": "What the month did: too_little_history, initial_training, retraining, not_due or "
    "trained",
    "reason": "Why the month trained or did not, in words",
    "cohorts": "Months of the training window's cohorts, oldest first, separated by commas; empty "
    "if not due",
    "last_training": "Month of the last training before this month; null where there was none",
    "training_key": "SHA-256 of all that decides a training before it starts",
    "parameters": "Hyperparameters that tuning chose, as JSON",
    "train_auc": "AUC in sample, on the train and test cohorts that the model is fitted on",
    "test_auc": "AUC on the test cohorts, of the same hyperparameters fitted without them",
    "oot_auc": "AUC out of time, on the newest cohorts, which no fit saw; null where undefined",
    "oot_auc_lower": "Lower end of the 95 % confidence interval of the AUC out of time",
    "oot_auc_upper": "Upper end of the 95 % confidence interval of the AUC out of time",
    "tuning_auc": "Mean AUC of the chosen hyperparameters over the validation folds",
    "train_size": "Number of loans behind the AUC in sample",
    "test_size": "Number of loans behind the AUC on the test cohorts",
    "oot_size": "Number of loans behind the AUC out of time",
    "mlflow_run_id": "Identifier of the candidate's run in MLflow",
    "cohort": "Month in which the loan's label matured, as its first day, as text",
    LABEL: _GOLD[LABEL],
    "probability": "Probability of default that the candidate gives, from 0 to 1",
}

_PRODUCTION = {
    SNAPSHOT_DATE: _KEYS[SNAPSHOT_DATE],
    **_MODEL,
    "action": "What became of production: promoted, kept, carried_over or none_yet",
    "reason": "Why that model is in production in the month, in words",
    "model_id": "Identity of the model in production; null where there is none",
    "candidate": "Name of the candidate that the model in production was trained as",
    "trained_in": "Month in which the model in production was trained, as its first day, as text",
    "oot_auc": "AUC out of time of the model in production, from its own training",
    "challenger_model_id": "Identity of the model that challenged; null where none was trained",
    "challenger_auc": "AUC of the challenger on the out-of-time loans of the month's training",
    "incumbent_auc": "AUC of the incumbent on the same out-of-time loans; null where not compared",
    "auc_difference": "AUC of the challenger minus that of the incumbent, on the same loans",
    "auc_difference_lower": "Lower end of the difference's 95 % confidence interval",
    "auc_difference_upper": "Upper end of the difference's 95 % confidence interval",
    "p_value": "One-sided p-value of DeLong's paired test that the challenger's AUC is the higher",
    "selection_reason": "Why this candidate is the challenger, in words",
    "mlflow_version": "Version of the model in production in MLflow's model registry",
}

_INFERENCE = {
    **_KEYS,
    "model_id": _MODEL["model_id"],
    "revision": "0 for scores as issued; each change by a corrected delivery adds the next number",
    "probability": "Probability of default that the model gives at application, from 0 to 1",
    "band": "Score band, A for the lowest probabilities of default, then B, C and so on",
}
_REASON = re.compile(r"reason_([1-9])(_log_odds)?")

_MONITORING = {
    SNAPSHOT_DATE: _KEYS[SNAPSHOT_DATE],
    "model_id": "Identity of the model that the figure is about; null where it is about none",
    "basis": "What the figure rests on, such as score, feature, issued, current, vintage or book",
    "metric": "Name of the figure, such as psi, csi, ks_drift, auc or roll_rate",
    "subject": "What the figure is of: a feature, band, vintage, pair of buckets, source or "
    "overall",
    "value": "The figure itself; null where it is not known or not defined",
    "lower": "Lower end of the figure's 95 % confidence interval; null where it has none",
    "upper": "Upper end of the 95 % confidence interval; of psi, csi and ks_drift what noise alone "
    "gives",
    "sample_size": "Number of loans, applicants or rows that the figure is computed on",
    "band": "Stability of a psi or csi: stable, moderate or significant; why a pending figure is "
    "pending",
    "status": "One of measured, pending, no_model, no_applicants, within_noise and beyond_noise",
    "condition": "Name of the condition that is judged, such as drift or model_age",
    "light": "Traffic light of the condition: green, amber, red, or grey where not known yet",
    "sentence": "What was found of the condition, in words",
}

_LAYERS: dict[str, Meanings] = {
    "bronze": _BRONZE,
    "silver": _SILVER,
    "gold": _GOLD,
    "training": _TRAINING,
    "production": _PRODUCTION,
    "inference": _INFERENCE,
    "monitoring": _MONITORING,
}


def column_meaning(layer: str, column: str) -> str:
    """Return what a column means, in one sentence.

    Args:
        layer: the layer of its table, for example `silver`.
        column: its name, which means the same in every table of the layer.

    Raises:
        PlatformError: if the glossary has no such column.
    """
    phrase = _LAYERS.get(layer, {}).get(column)
    if phrase is None and layer == "inference":
        phrase = _reason_meaning(column)
    if phrase is None:
        raise PlatformError(
            f"The glossary has no meaning of the column {column} of {layer}: add it to "
            "credit_risk_dagster/contract/columns.py."
        )
    return f"{phrase}."


def _reason_meaning(column: str) -> str | None:
    match = _REASON.fullmatch(column)
    if match is None:
        return None
    rank, log_odds = match.groups()
    if log_odds:
        return f"How much reason {rank} raises the log-odds of default; null where there is none"
    return (
        f"Feature that ranks {rank} among those that raise the probability of default; null where "
        "there is none"
    )
