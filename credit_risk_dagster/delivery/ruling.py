"""Which delivery is a month's, month after month: the newest that nothing speaks against."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.candidates import Candidate, latest
from credit_risk_dagster.delivery.entries import Action, TakenFile, Verb
from credit_risk_dagster.delivery.fingerprint import fingerprint
from credit_risk_dagster.months import add_months

MONTHS_COMPARED, FEWEST_COMPARED = 6, 3


class Status(StrEnum):
    """What becomes of a file."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class MonthDecision:
    """What a month of a source is read from.

    Attributes:
        fingerprint: of its rows.
        files: what they are read from; none where it was waived.
        is_there: whether all of them are still in the folder.
        waived: by whom, when and why, if it was.
    """

    fingerprint: str
    files: tuple[TakenFile, ...] = ()
    is_there: bool = True
    waived: str | None = None


@dataclass(frozen=True)
class OpenMonth:
    """Why a month of which something came has no delivery: what became of the newest file."""

    status: Status
    said: str


@dataclass(frozen=True)
class Hold:
    """A delivery that waits for a person: its month holds far less than the months before it."""

    candidate: Candidate
    month: str
    why: str


class Ruling:
    """Decides month after month, since a month's volume is compared with those before it."""

    def __init__(
        self,
        source: Source,
        actions: Sequence[Action],
        minimum_share: float,
        newest: str | None,
    ) -> None:
        self.months: dict[str, MonthDecision] = {}
        self.open: dict[str, OpenMonth] = {}
        self.holds: list[Hold] = []
        self.verdicts: dict[tuple[str, str], tuple[Status, str]] = {}
        """What became of each month of each delivery, by its first file."""
        self._source, self._actions, self._share = source, actions, minimum_share
        self._newest = newest
        self._rows: dict[str, int] = {}

    def decide_month(self, month: str, newest_first: Sequence[Candidate]) -> None:
        """Take the first delivery of a month that nothing speaks against."""
        chosen: Candidate | None = None
        for one in newest_first:
            if chosen is not None:
                verdict = (Status.SUPERSEDED, f"by {chosen.name}")
            else:
                verdict = self._verdict(one, month)
                if verdict[0] is Status.ACCEPTED:
                    chosen = one
                else:
                    said = f"{one.name} is {verdict[0]}: {verdict[1]}"
                    self.open.setdefault(month, OpenMonth(verdict[0], said))
            self.verdicts[one.files[0].path, month] = verdict
        if chosen is not None:
            rows = chosen.months[month]
            self._rows[month] = rows.rows
            self.months[month] = MonthDecision(
                fingerprint(self._source, rows), chosen.files, chosen.is_there
            )

    def _verdict(self, one: Candidate, month: str) -> tuple[Status, str]:
        person = latest(self._actions, one, month, Verb.ACCEPT, Verb.WITHDRAW)
        if person is not None and person.verb is Verb.ACCEPT:
            return Status.ACCEPTED, f"accepted {person.said}"
        if person is not None:
            return Status.WITHDRAWN, person.said
        if one.incomplete is not None:
            return Status.WAITING, one.incomplete
        held = latest(self._actions, one, month, Verb.HOLD)
        if held is not None:
            return Status.WAITING, held.why
        thin = self._thin(one, month) if month == self._newest else None
        if thin is not None:
            self.holds.append(Hold(one, month, thin))
            return Status.WAITING, thin
        return Status.ACCEPTED, ""

    def _thin(self, one: Candidate, month: str) -> str | None:
        """Say by how much the month has fewer rows than those before it, if it has far fewer."""
        before = [add_months(month, -step) for step in range(1, MONTHS_COMPARED + 1)]
        rows = [self._rows[key] for key in before if key in self._rows]
        if len(rows) < FEWEST_COMPARED:
            return None
        usual, found = median(rows), one.months[month].rows
        if found >= self._share * usual:
            return None
        return (
            f"{month[:7]} has {found} rows where the {len(rows)} months before it had {usual:g} "
            f"(median); less than {self._share:.0%} of that waits for a person. If it is right: "
            f"`credit-risk deliveries accept {one.files[0].path} --why …`"
        )
