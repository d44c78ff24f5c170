"""The glossary: what every column of every table means, one concept under one name.

What is the lender's own follows from the contract; the rest stands here.
"""

import re
from collections.abc import Iterator, Mapping

from credit_risk_dagster.contract.features import LABEL
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.kinds import ListOf, TwoCategories
from credit_risk_dagster.contract.lender import (
    count_of,
    known_of,
    list_columns,
    months_of,
    squares_of,
)
from credit_risk_dagster.contract.roles import IDENTIFIERS, LOAN_BOOK, MONTHS
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Column, Source
from credit_risk_dagster.errors import PlatformError

Meanings = Mapping[str, str]
"""Phrases by column, without the full stop that ends them as sentences."""


def _phrase(column: Column) -> str:
    return column.meaning if column.unit is None else f"{column.meaning}, in {column.unit}"


_IDENTIFIERS = IDENTIFIERS | {
    column.name: _phrase(column)
    for column in CONTRACT.loan_book.columns
    if column.name in IDENTIFIERS
}
_KEYS = {**_IDENTIFIERS, SNAPSHOT_DATE: MONTHS[SNAPSHOT_DATE]}


def _as_delivered(column: Column) -> str:
    personal = " (personal data)" if column.personal == "yes" else ""
    return f"{_phrase(column)}{personal}, as delivered, as text"


def _in_silver(source: Source) -> Iterator[tuple[str, str]]:
    for column in source.columns:
        if isinstance(column.kind, ListOf):
            yield from list_columns(column)
        elif isinstance(column.kind, TwoCategories):
            yield from ((part.name, part.meaning) for part in column.kind.parts)
        elif column.kind is not None:
            yield column.name, _phrase(column)


_BRONZE = {
    "snapshot_month": "Snapshot month that the delivered row belongs to, as its first day",
    "source_file": "File that the row or line was delivered in",
    "line_number": "Number of the line in that file",
    "reason": "Why the line was rejected, in words",
    "unknown_columns": "What was delivered in columns that the contract does not have, as JSON; "
    "null where there is none",
    "text": "The rejected line as it was delivered, bytes that are not text escaped",
}

_OF_SOURCES = {
    source.name: {column.header: _as_delivered(column) for column in source.columns}
    for source in CONTRACT.sources
}

_SO_FAR = {
    "count": "Number of the customer's readings of {name} so far that are not missing",
    "sum": "Sum of the customer's readings of {name} so far; 0 where there is none",
    "sum_of_squares": "Sum of the squares of the customer's readings of {name} so far; null if one "
    "was beyond 100 million",
}

_READINGS = [reading.name for panel in CONTRACT.panels for reading in panel.readings()]

_SILVER = {
    **{name: phrase for source in CONTRACT.sources for name, phrase in _in_silver(source)},
    **_IDENTIFIERS,
    **MONTHS,
    **{name: LOAN_BOOK[name] for name in LOAN_BOOK if not CONTRACT.loan_book.has(name)},
    "months": "Months in which the customer gave a reading, up to the snapshot",
    "latest_reading_date": "Newest month in which the customer gave a reading, as its first day",
    **{
        f"{name}_{part}": phrase.format(name=name)
        for name in _READINGS
        for part, phrase in _SO_FAR.items()
    },
    "dormant_since": "Month in which the customer left the rows of the state, as its first day",
    "corrections": "Values that were set to missing and why, separated by '; '; empty where there "
    "are none",
    "reasons": "Why the row is quarantined, separated by '; ' where there are several reasons",
}

_GOLD = {
    **_KEYS,
    **{column.name: column.meaning for column in CONTRACT.feature_columns},
    "loan_start_date": MONTHS["loan_start_date"],
    "days_past_due": LOAN_BOOK["days_past_due"],
    **{
        months_of(panel.name): f"Months of {panel.name} up to the application month; 0 where there "
        "is none"
        for panel in CONTRACT.panels
    },
    **{
        count_of(name): f"Number of readings of {name} behind its mean; 0 where there is none"
        for name in _READINGS
    },
    **{
        squares_of(name): f"Sum of the squares of the readings of {name} behind its mean; null if "
        "one was beyond 100 million"
        for name in _READINGS
    },
    **{
        known_of(source.name): f"Whether the application month has {source.name} of the applicant"
        for source in CONTRACT.applicants
    },
    "latest_input_date": "Newest snapshot month that the features rest on, never after the "
    "application month",
    "application_date": "Month in which the applicant applied, as its first day",
    LABEL: f"1 if the loan is {CONTRACT.outcome}, else 0",
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
    "oot_auc_masked": "AUC out of time on the same loans, masked to the sources that the month's "
    "applicants have",
    "oot_auc_at_horizon": "AUC out of time of a fit on the labels that were known when these loans "
    "applied; null where those cannot be fitted",
    "oot_auc_without": "AUC out of time without each source in turn, as JSON",
    "tuning_auc": "Mean AUC of the chosen hyperparameters over the validation folds, each with and "
    "without the panels",
    "tuning_gain": "Tuning AUC of the chosen hyperparameters minus that of the defaults",
    "tuning_gain_error": "Standard error of that difference, on the same loans",
    "gates": "What a candidate must hold before it can go to production, with what was found, as "
    "JSON",
    "missing_shares": "Share of the month's applicants that each source does not know, as JSON",
    "train_size": "Number of loans behind the AUC in sample",
    "test_size": "Number of loans behind the AUC on the test cohorts",
    "oot_size": "Number of loans behind the AUC out of time",
    "mlflow_run_id": "Identifier of the candidate's run in MLflow",
    "cohort": "Month in which the loan's label matured, as its first day, as text",
    LABEL: _GOLD[LABEL],
    "probability": "Probability of default that the candidate gives, from 0 to 1",
    "masked_probability": "The same where the loan is masked to the sources that the month's "
    "applicants have",
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
    "challenger_auc": "AUC of the challenger on the out-of-time loans, masked to the sources that "
    "the month's applicants have",
    "incumbent_auc": "AUC of the incumbent on the same out-of-time loans; null where not compared",
    "auc_difference": "AUC of the challenger minus that of the incumbent, on the same loans",
    "auc_difference_lower": "Lower end of the difference's 95 % confidence interval",
    "auc_difference_upper": "Upper end of the difference's 95 % confidence interval",
    "p_value": "One-sided p-value of DeLong's test that the challenger's AUC is the higher, "
    "corrected for all candidates",
    "contests": "Every candidate's comparison with the incumbent and its gates, as JSON",
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
    "band": "Stability of a psi or csi; why a figure is pending; the month on book or method of an "
    "estimate",
    "status": "One of measured, pending, no_model, no_applicants, within_noise, beyond_noise; or "
    "the method of an estimate",
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


def column_meaning(layer: str, table: str, column: str) -> str:
    """Return what a column means, in one sentence.

    Args:
        layer: the layer of its table, for example `silver`.
        table: the name of its table; a header of two sources may mean two things.
        column: its name.

    Raises:
        PlatformError: if the glossary has no such column.
    """
    phrase = _LAYERS.get(layer, {}).get(column)
    if phrase is None and layer == "bronze":
        phrase = _OF_SOURCES.get(table, {}).get(column)
    if phrase is None and layer == "inference":
        phrase = _reason_meaning(column)
    if phrase is None:
        raise PlatformError(
            f"The glossary has no meaning of the column {column} of {layer}/{table}: add it to "
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
