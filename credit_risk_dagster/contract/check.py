"""What is wrong with a contract as a whole, and with its sources."""

from collections import Counter
from collections.abc import Iterable, Iterator

from credit_risk_dagster.contract.check_columns import (
    NAME,
    NAMING,
    column_findings,
    phrase_findings,
    time_findings,
)
from credit_risk_dagster.contract.check_dialect import dialect_findings
from credit_risk_dagster.contract.check_features import feature_findings
from credit_risk_dagster.contract.check_names import gold_name_findings, source_name_findings
from credit_risk_dagster.contract.finding import Finding
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.outcome import Outcome
from credit_risk_dagster.contract.source import (
    APPLICATION_ID,
    CUSTOMER_ID,
    LOAN_ID,
    SNAPSHOT_DATE,
    Shape,
    Source,
)

ARREARS = (("due_amount", "overdue_amount"), ("installments_missed",), ("days_past_due",))
"""What tells arrears, any of these."""

LONGEST_MONTH = 31


def findings(contract: Contract) -> list[Finding]:
    """Return everything that is wrong with a contract, in its order; nothing is executed."""
    found = [*_whole(contract), *_outcome(contract.outcome)]
    for source in contract.sources:
        found += _source(source)
        found += dialect_findings(source)
        for column in source.columns:
            found += column_findings(source, column)
    if not found:  # features are looked up in sources that are sound
        found += feature_findings(contract)
    if not found:  # and their columns follow from features that are
        found += gold_name_findings(contract)
    return found


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once, sorted."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _whole(contract: Contract) -> Iterator[Finding]:
    if not contract.lender.strip():
        yield Finding("lender", "say whose contract it is.")
    books = [source for source in contract.sources if source.shape is Shape.LOAN_BOOK]
    if len(books) != 1:
        yield Finding(
            "sources",
            f"{len(books)} have the shape loan_book: there must be exactly one, whose rows are "
            "loans in their months on book.",
        )
    elif not books[0].required or books[0].begins or books[0].ends:
        yield Finding(f"source {books[0].name}", "the loan book is required in every month.")
    if len(books) == 1:
        yield from _applications(contract)
    for name in repeated(source.name for source in contract.sources):
        yield Finding(f"source {name}", "two sources have this name: give each its own.")
    for stem in repeated(file for source in contract.sources for file in source.files):
        yield Finding(
            "sources", f"two of them take the files {stem}: whose are they? Name each's own."
        )
    panels = [one.name for source in contract.panels for one in source.readings()]
    others = [
        name
        for source in contract.sources
        if source.shape is not Shape.PANEL
        for column in source.columns
        for name in column.names
        if name not in (LOAN_ID, CUSTOMER_ID, APPLICATION_ID, SNAPSHOT_DATE)
    ]
    for name in repeated([*panels, *others]):
        yield Finding(
            "sources", f"two columns are called {name}: one concept, one name, across all sources."
        )


def _applications(contract: Contract) -> Iterator[Finding]:
    """Several applications of a customer in a month can be told apart by their number alone."""
    if contract.loan_book.has(APPLICATION_ID):
        return
    for source in contract.applicants:
        if source.has(APPLICATION_ID):
            yield Finding(
                f"source {source.name}",
                "its rows are applications, but nobody can tell which of them a loan is of, since "
                f"the loan book has none: name a column {APPLICATION_ID} there, or give this "
                "source's another name if a customer has one row a month.",
            )


def _outcome(outcome: Outcome) -> Iterator[Finding]:
    given = [
        limit for limit in (outcome.days_past_due, outcome.installments_missed) if limit is not None
    ]
    if len(given) != 1:
        yield Finding(
            "outcome", "say either days_past_due or installments_missed: what counts as a default."
        )
    elif given[0] < 1:
        yield Finding("outcome", "a loan without arrears cannot be in default: say 1 or more.")
    if not 1 <= outcome.month_on_book <= 60:
        yield Finding("outcome", "month_on_book must be 1 to 60 months after origination.")
    elif len(given) == 1 and given[0] > outcome.month_on_book * (
        1 if outcome.days_past_due is None else LONGEST_MONTH
    ):
        yield Finding(
            "outcome",
            f"no loan is {outcome}: it had no time to fall so far behind. Say a later month on "
            "book, or less.",
        )


def _source(source: Source) -> Iterator[Finding]:
    place = f"source {source.name}"
    if not NAME.fullmatch(source.name):
        yield Finding(place, f"its name {NAMING}")
    yield from source_name_findings(source)
    yield from phrase_findings(place, source.meaning)
    if not source.files or not all(file.strip() for file in source.files):
        yield Finding(place, "it names no files: say what they are called.")
    for header in repeated(header.casefold() for header in source.headers):
        yield Finding(
            place,
            f"the header {header} stands twice; engines take small and capital letters alike.",
        )
    if source.shape is Shape.PANEL and not any(source.readings()):
        yield Finding(place, "a panel without a reading: name its numbers as columns.")
    for name in repeated(column.name for column in source.columns):
        yield Finding(place, f"two of its columns are called {name}.")
    needed = [CUSTOMER_ID, SNAPSHOT_DATE]
    if source.shape is Shape.LOAN_BOOK:
        needed = [LOAN_ID, *needed, "loan_start_date"]
        if not any(all(source.has(name) for name in names) for names in ARREARS):
            yield Finding(
                place,
                "nothing tells arrears: name columns due_amount and overdue_amount, or "
                "installments_missed, or days_past_due.",
            )
    for name in needed:
        if not source.has(name):
            yield Finding(place, f"no column is called {name}, without which no row can be placed.")
    yield from time_findings(place, source)
