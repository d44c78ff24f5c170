"""Sources guessed from samples: their dialects, shapes and columns, with a note on each guess."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.draft.kinds import Guess, Written, guessed, slug
from credit_risk_dagster.contract.draft.roles import names_of
from credit_risk_dagster.contract.draft.sample import Sample
from credit_risk_dagster.contract.draft.written_forms import date_form, number_signs
from credit_risk_dagster.contract.kinds import Identifier, Number
from credit_risk_dagster.contract.roles import IDENTIFIERS, WHOLE_NUMBERS
from credit_risk_dagster.contract.roles import KINDS_OF_ROLES as ROLES
from credit_risk_dagster.contract.source import (
    APPLICATION_ID,
    CUSTOMER_ID,
    LOAN_ID,
    SNAPSHOT_DATE,
    Column,
    Personal,
    Shape,
    Source,
)

REPEATED = 1.5
"""Rows of a customer on average from which a source is taken as a panel."""

ROWS_OF = {
    Shape.LOAN_BOOK: "one row per loan and month on book",
    Shape.APPLICANT: "one row per customer, in the month of application",
    Shape.PANEL: "one row per customer and month",
}

ROWS_OF_APPLICATIONS = "one row per application, in the month of application"

Notes = Mapping[str, Sequence[str]]
"""What is guessed, by place."""


@dataclass(frozen=True)
class Drafted:
    """A source as it was guessed, with what is to be looked at."""

    source: Source
    notes: Notes


def drafted(sample: Sample) -> Drafted:
    """Guess the source that a sample is of."""
    dialect = _dialect(sample)
    written = Written(dialect.decimal, dialect.thousands, dialect.dates)
    guesses = {header: guessed(header, texts, written) for header, texts in sample.columns.items()}
    shape = _shape(sample, guesses)
    names = _unique(names_of(guesses, shape))
    name = slug(sample.stem)
    place = f"source {name}"
    notes: dict[str, Sequence[str]] = {
        place: (f"the shape, of {sample.rows} rows",),
        f"{place}, dialect": ("as the sample is written",),
    }
    missing = [one for one in (CUSTOMER_ID, SNAPSHOT_DATE) if one not in names.values()]
    if missing:
        notes[place] = (*notes[place], f"no column looks like {' and '.join(missing)}: name it")
    columns = []
    for header, guess in guesses.items():
        columns.append(_column(header, names[header], guess, shape))
        role = (f"{names[header]} by its header",) if names[header] in ROLES else ()
        notes[f"{place}, column {header}"] = (*role, *guess.notes)
    rows = ROWS_OF[shape]
    if shape is Shape.APPLICANT and APPLICATION_ID in names.values():
        rows = ROWS_OF_APPLICATIONS
    meaning = f"{sample.stem.replace('_', ' ').capitalize()}: {rows}"
    source = Source(name, shape, (sample.stem,), tuple(columns), meaning, dialect)
    return Drafted(source, notes)


def _dialect(sample: Sample) -> Dialect:
    decimal, thousands = number_signs(list(sample.columns.values()))
    forms = Counter(
        form
        for texts in sample.columns.values()
        if (form := date_form(Counter({text: n for text, n in texts.items() if text})))
    )
    dates = forms.most_common(1)[0][0] if forms else Dialect.dates
    return Dialect(
        delimiter=sample.delimiter,
        encoding=sample.encoding,
        decimal=decimal,
        thousands=thousands,
        dates=dates,
    )


def _shape(sample: Sample, guesses: Mapping[str, Guess]) -> Shape:
    """Guess what a row is: of a loan, if it has one and its start; else by the rows of a customer.

    The months of a panel repeat its customers.
    """
    names = {name: header for header, name in names_of(guesses, None).items()}
    if LOAN_ID in names and "loan_start_date" in names:
        return Shape.LOAN_BOOK
    if CUSTOMER_ID not in names:
        return Shape.APPLICANT
    customers = len(sample.columns[names[CUSTOMER_ID]])
    return Shape.PANEL if sample.rows > REPEATED * customers else Shape.APPLICANT


def _unique(names: Mapping[str, str]) -> dict[str, str]:
    seen: Counter[str] = Counter()
    unique = {}
    for header, name in names.items():
        seen[name] += 1
        unique[header] = name if seen[name] == 1 else f"{name}_{seen[name]}"
    return unique


def _column(header: str, name: str, guess: Guess, shape: Shape) -> Column:
    kind = guess.kind
    if isinstance(kind, Number) and shape is Shape.PANEL:
        kind = replace(kind, low=None, decimals=0 if kind.whole else 2)
    elif isinstance(kind, Number):
        kind = replace(kind, whole=kind.whole and name in WHOLE_NUMBERS)
    elif shape is Shape.PANEL and name not in (CUSTOMER_ID, SNAPSHOT_DATE):
        kind = None
    unknown = isinstance(kind, Identifier) and name not in IDENTIFIERS
    kind = None if unknown else kind
    words = " ".join(slug(header).split("_"))
    return Column(
        header=header,
        name=name,
        kind=kind,
        meaning=words[:1].upper() + words[1:],
        placeholders=guess.placeholders if kind is not None else (),
        strip=guess.strip if isinstance(kind, Number) else "",
        personal=Personal.YES if guess.personal or unknown else Personal.NO,
    )
