"""Writes extracts of the German lender: five files a month, the same for the same seed.

python -m examples.second_lender.generate --raw raw --months 20 --applicants 100
"""

import argparse
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.months import add_months, first_day, month_range, months_between
from examples.second_lender.borrowers import Borrower, draw_borrowers, draw_paying
from examples.second_lender.contract import (
    CONTRACT,
    FINANCES,
    LOAN_BOOK,
    NOT_STATED,
    ONLINE_BANKING,
    PERSONS,
    TURNOVER,
)

FIRST_MONTH = "2023-01-01"
MONTHS_BEFORE, MONTHS_AFTER = 3, 6
"""For how long around an application the turnover of the account is known."""

MISSED: Mapping[str, tuple[int, int | None]] = {
    "defaulting": (2, None),
    "behind_for_a_while": (3, 5),
    "late_once": (1, 3),
}
"""In which month on book the first instalment is missed, and in which it is paid after all.

Instalments fall due on the 15th: missed in month 2, a loan is 73 to 77 days past due at the end of
month 4; missed in month 3, 43 to 46 days, which is no default of this lender.
"""

FAILED = "2023-07-01"
"""The month of which online banking delivers nothing."""

LEAVES_AFTER = 2
"""The last month on book of a loan that is paid off early."""

Random = np.random.Generator
Rows = Iterator[dict[str, str]]


def generate(folder: Path, months: int, applicants: int, seed: int = 1) -> None:
    """Write the monthly files of so many months from January 2023 on into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    last_month = add_months(FIRST_MONTH, months - 1)
    known = month_range(FIRST_MONTH, add_months(last_month, MONTHS_BEFORE))
    borrowers = {month: draw_borrowers(seed, month, applicants) for month in known}
    paying = {month: draw_paying(seed, people) for month, people in borrowers.items()}
    for month in month_range(FIRST_MONTH, last_month):
        random = np.random.default_rng([seed, *map(int, month.split("-")), 2])
        customers = [
            one
            for start, people in borrowers.items()
            if -MONTHS_BEFORE <= months_between(start, month) <= MONTHS_AFTER
            for one in people
        ]
        rows = {
            LOAN_BOOK.name: _agreements(borrowers, paying, month),
            PERSONS.name: _persons(borrowers[month], random),
            FINANCES.name: _finances(borrowers[month], random),
            TURNOVER.name: _turnover(customers, random),
            ONLINE_BANKING.name: _online_banking(customers, random),
        }
        for source in CONTRACT.sources:
            if source.delivered_in(month) and (source is not ONLINE_BANKING or month != FAILED):
                _write(folder, source, month, rows[source.name])


def _write(folder: Path, source: Source, month: str, rows: Rows) -> None:
    headers = source.headers_in(month)
    dated = ({**row, "Stichtag": _date(_last_day(month))} for row in rows)
    lines = [";".join(row[header] for header in headers) for row in dated]
    text = "".join(f"{line}\r\n" for line in [";".join(headers), *lines])
    path = folder / f"{source.files[0]}_{month[:7]}.csv"
    path.write_bytes(text.encode("cp1252"))


def _last_day(month: str) -> date:
    return first_day(add_months(month, 1)) - timedelta(days=1)


def _agreements(
    borrowers: Mapping[str, list[Borrower]], paying: Mapping[str, Mapping[str, str]], month: str
) -> Rows:
    for start in month_range(FIRST_MONTH, month):
        on_book = months_between(start, month)
        for one in borrowers[start]:
            how = paying[start][one.loan]
            if on_book <= (LEAVES_AFTER if how == "paid_off_early" else one.tenure):
                days = _days_past_due(how, start, month)
                paid = on_book - -(-days // 30)
                yield {
                    "Vertragsnummer": one.loan,
                    "Kundennummer": one.customer,
                    "Auszahlungstag": _date(one.paid_out),
                    "Laufzeit": str(one.tenure),
                    "Kreditbetrag": f"{_decimal(one.amount)}\xa0€",
                    "Sollzins": f"{_decimal(one.rate)} %",
                    "Restschuld": _decimal(one.amount * (1 - max(paid, 0) / one.tenure)),
                    "Verzugstage": str(days),
                }


def _days_past_due(how: str, start: str, month: str) -> int:
    first, paid = MISSED.get(how, (None, None))
    on_book = months_between(start, month)
    if first is None or on_book < first or (paid is not None and on_book >= paid):
        return 0
    due = first_day(add_months(start, first)).replace(day=15)
    return (_last_day(month) - due).days


def _persons(people: list[Borrower], random: Random) -> Rows:
    for one in people:
        row = {
            "Kundennummer": one.customer,
            "Name": one.name,
            "Steuer-ID": one.tax_id,
            "Beschäftigt seit": _or_not_stated(_date(one.employed_since), random),
            "Beruf": _or_not_stated(one.occupation, random),
        }
        yield row
        if random.random() < 0.002:  # sent twice
            yield row


def _finances(people: list[Borrower], random: Random) -> Rows:
    for one in people:
        comma_lost = random.random() < 0.01
        income = f"{one.income * 100:.0f}" if comma_lost else _decimal(one.income)
        yield {
            "Kundennummer": one.customer,
            "Nettoeinkommen": income + ("\xa0€" if random.random() < 0.3 else ""),
            "Wohnkosten": _decimal(one.housing),
            "Konto besteht seit": _or_not_stated(_duration(one.account_months), random),
            "Bestehende Kredite": _listed(one.credits),
            "Zahlungsweise": f"{one.habit} per {one.channel}",
            "Auskunft-Score": "-" if random.random() < 0.04 else _decimal(one.score),
        }


def _turnover(people: list[Borrower], random: Random) -> Rows:
    for one in people:
        money_in = one.income * random.normal(1.05, 0.05)
        spent = random.normal(0.95 + 0.03 * one.distress, 0.02)
        returned = random.poisson(np.exp(one.distress - 1.2))
        yield {
            "Kundennummer": one.customer,
            "Eingänge": _decimal(money_in),
            "Ausgänge": _decimal(money_in * spent),
            "Rücklastschriften": str(returned),
        }


def _online_banking(people: list[Borrower], random: Random) -> Rows:
    for one in people:
        logins, pages = random.poisson(6), random.poisson(25)
        if one.is_online:
            yield {
                "Kundennummer": one.customer,
                "Anmeldungen": str(logins),
                "Seitenaufrufe": str(logins + pages),
            }


def _or_not_stated(text: str, random: Random) -> str:
    return NOT_STATED if random.random() < 0.03 else text


def _date(day: date) -> str:
    return f"{day:%d.%m.%Y}"


def _decimal(number: float) -> str:
    """Write a number with dots between thousands and a decimal comma."""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


def _duration(months: int) -> str:
    """Write months as years and months, leaving out what is 0."""
    years, rest = divmod(months, 12)
    in_years = f"{years} Jahr{'e' * (years != 1)}"
    in_months = f"{rest} Monat{'e' * (rest != 1)}"
    return " und ".join(text for text, number in ((in_years, years), (in_months, rest)) if number)


def _listed(names: tuple[str, ...]) -> str:
    """Write a list in words: A, B und C."""
    return " und ".join(text for text in (", ".join(names[:-1]), *names[-1:]) if text)


def main() -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path, required=True, help="the folder to write into")
    parser.add_argument("--months", type=int, default=20, help="snapshot months from 2023-01 on")
    parser.add_argument("--applicants", type=int, default=100, help="applicants a month")
    parser.add_argument("--seed", type=int, default=1, help="other seeds give other borrowers")
    given = parser.parse_args()
    generate(given.raw, given.months, given.applicants, given.seed)


if __name__ == "__main__":
    main()
