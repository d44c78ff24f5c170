"""Who applies at the German lender in a month, and who of them will fall behind."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from credit_risk_dagster.months import first_day

OCCUPATIONS = (
    "Angestellte/r",
    "Arbeiter/in",
    "Führungskraft",
    "Öffentlicher Dienst",
    "Selbständig",
)
CREDITS = {"Autokredit": 0.35, "Dispokredit": 0.3, "Kreditkarte": 0.4, "Möbelkauf": 0.15}
CHANNELS = ("Dauerauftrag", "Lastschrift", "Überweisung")
FIRST_NAMES = ("Anna", "Björn", "Fatma", "Jürgen", "Käthe", "Lena", "Mehmet", "Uwe")
LAST_NAMES = ("Groß", "Köhler", "Müller", "Nowak", "Schäfer", "Weiß", "Yilmaz", "Özdemir")

PAYING = {"in_order": 0.88, "behind_for_a_while": 0.06, "late_once": 0.05, "paid_off_early": 0.01}
"""How those pay who do not default."""

USUAL_RISK = -1.9
"""Log-odds of default of somebody who is average in everything: about one in seven."""


@dataclass(frozen=True)
class Borrower:
    """Somebody who applies, with the loan, and with what nobody knows yet."""

    customer: str
    loan: str
    name: str
    tax_id: str
    applied: str
    paid_out: date
    amount: float
    tenure: int
    rate: float
    income: float
    housing: float
    employed_since: date
    account_months: int
    occupation: str
    credits: tuple[str, ...]
    habit: str
    channel: str
    score: float
    is_online: bool
    distress: float
    """What only the account shows: debits are returned, and spending comes close to income."""

    @property
    def log_odds(self) -> float:
        """How likely this loan is to default."""
        burden = self.amount / self.tenure / (self.income - self.housing)
        employed_months = (self.paid_out - self.employed_since).days / 30
        return float(
            USUAL_RISK
            + 1.0 * np.log(burden / 0.16)
            - 0.4 * (self.score - 94)
            - 0.5 * np.log(employed_months / 35)
            + 1.2 * (self.habit == "schleppend")
            + 0.7 * ("Dispokredit" in self.credits)
            + 1.1 * self.distress
        )


def draw_borrowers(seed: int, month: str, count: int) -> list[Borrower]:
    """Return the applicants of a month: always the same for a seed and a month."""
    random = np.random.default_rng([seed, *map(int, month.split("-"))])
    return [_draw(random, month, number) for number in range(count)]


def draw_paying(seed: int, borrowers: list[Borrower]) -> dict[str, str]:
    """Return how each loan is paid: `defaulting`, or one of `PAYING`."""
    random = np.random.default_rng([seed, *map(int, borrowers[0].applied.split("-")), 1])
    defaults = random.logistic(size=len(borrowers)) < [one.log_odds for one in borrowers]
    others = random.choice(list(PAYING), len(borrowers), p=list(PAYING.values()))
    paying = np.where(defaults, "defaulting", others)
    return dict(zip((one.loan for one in borrowers), paying.tolist(), strict=True))


def _draw(random: np.random.Generator, month: str, number: int) -> Borrower:
    year, of_year = int(month[2:4]), int(month[5:7])
    income = float(np.exp(random.normal(7.9, 0.35)))
    score = float(np.clip(random.normal(94, 3), 60, 99.9))
    paid_out = first_day(month) + timedelta(days=int(random.integers(0, 28)))
    return Borrower(
        customer=f"K{year * 12 + of_year:03d}{number:04d}",
        loan=f"RK-{year:02d}-{of_year:02d}{number:04d}",
        name=f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}",
        tax_id=str(random.integers(10**10, 10**11)),
        applied=month,
        paid_out=paid_out,
        amount=float(np.ceil(income * np.exp(random.normal(1.2, 0.5)) / 500) * 500),
        tenure=int(random.choice([24, 36, 48, 60])),
        rate=5.5 + (97 - score) * 0.4 + random.uniform(0, 1.5),
        income=income,
        housing=income * float(np.clip(random.normal(0.32, 0.08), 0.1, 0.6)),
        employed_since=paid_out - timedelta(days=30 + int(random.exponential(1800))),
        account_months=1 + int(random.exponential(80)),
        occupation=str(random.choice(OCCUPATIONS)),
        credits=tuple(name for name, share in CREDITS.items() if random.random() < share),
        habit="schleppend" if random.random() < 0.2 else "pünktlich",
        channel=str(random.choice(CHANNELS)),
        score=score,
        is_online=bool(random.random() < 0.8),
        distress=float(random.normal()),
    )
