"""Which columns have the roles that the platform reads, guessed from headers and kinds."""

import re
from collections.abc import Mapping

from credit_risk_dagster.contract.draft.kinds import Guess, slug
from credit_risk_dagster.contract.kinds import Date, Identifier, Month, Number
from credit_risk_dagster.contract.roles import IDENTIFIERS, LOAN_BOOK
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Shape

CUSTOMER = r"customer|cust|client|borrower|applicant|kunden?[a-z]*|debtor|party"
LOAN = r"loan|contract|facility|account|vertrags?[a-z]*|kontonummer|kreditnummer|deal"
APPLICATION = r"application|antrags?nummer|antrags?"
SNAPSHOT = (
    r"snapshot|report|reporting|as_of|asof|stichtag|cutoff|cut_off|period|month|monat|date|"
    r"applied|signed"
)
START = (
    r"start|origination|orig|disbursement|disbursed|granted|opened|open|beginn|vertragsbeginn|"
    r"auszahlungs?[a-z]*"
)

OF_LOANS: Mapping[str, str] = {
    "days_past_due": r"dpd|days_past_due|days_late|verzugstage|tage_verzug",
    "installments_missed": r"instal{1,2}ments?_missed|missed_.*|raten_verzug",
    "overdue_amount": r"overdue.*|arrears.*|past_due_(amount|amt)|rueckstand|rückstand",
    "due_amount": r"due.*|instal{1,2}ment_(amount|amt)|rate",
    "paid_amount": r"paid.*|payment.*|gezahlt",
    "loan_amount": r"loan_(amt|amount)|amount|principal|kreditbetrag|nominal",
    "balance": r"balance|outstanding.*|restschuld|saldo",
    "tenure": r"tenure|term|laufzeit|(number|num|no)_of_instal{1,2}ments",
    "month_on_book": r"mob|months?_on_book|instal{1,2}ment_(num|no|number)|age_months",
}
"""Headers of a loan book, in the order in which they are asked; each role once."""


def names_of(guesses: Mapping[str, Guess], shape: Shape | None) -> dict[str, str]:
    """Return our name of each header: that of its role, or its own in small letters.

    Without a shape only the roles that every source can have are given.
    """
    names = dict(_identifiers(guesses))
    months = [h for h, guess in guesses.items() if isinstance(guess.kind, (Month, Date))]
    starts = [header for header in months if _says(header, START)]
    snapshots = [one for one in months if one not in starts and _says(one, SNAPSHOT)]
    if snapshots:
        names[min(snapshots, key=_rank)] = SNAPSHOT_DATE
    if starts and shape is not Shape.APPLICANT:
        names[starts[0]] = "loan_start_date"
    if shape is Shape.LOAN_BOOK:
        for role, pattern in OF_LOANS.items():
            for header, guess in guesses.items():
                free = header not in names and isinstance(guess.kind, Number)
                if free and re.fullmatch(pattern, slug(header)):
                    names[header] = role
                    break
    return {header: names.get(header, _own(header, shape)) for header in guesses}


def _identifiers(guesses: Mapping[str, Guess]) -> dict[str, str]:
    """Return which headers identify customer, loan and application: each the first that does."""
    found: dict[str, str] = {}
    ids = [header for header, guess in guesses.items() if isinstance(guess.kind, Identifier)]
    roles = (("customer_id", CUSTOMER), ("application_id", APPLICATION), ("loan_id", LOAN))
    for role, words in roles:
        for header in ids:
            if header not in found and _says(header, words):
                found[header] = role
                break
    return found


def _says(header: str, words: str) -> bool:
    return re.search(rf"(^|_)({words})(_|$)", slug(header)) is not None


def _rank(header: str) -> int:
    """Return how late a header's word stands among those that say a snapshot."""
    return next(
        (place for place, word in enumerate(SNAPSHOT.split("|")) if _says(header, word)), 99
    )


def _own(header: str, shape: Shape | None) -> str:
    """Return the header as a name, and not as one that has a role it was not given."""
    name = slug(header)[:50]
    taken = {*IDENTIFIERS, *LOAN_BOOK, SNAPSHOT_DATE, "loan_start_date", "months", "default"}
    return f"{name}_as_delivered" if name in taken and shape is not None else name
