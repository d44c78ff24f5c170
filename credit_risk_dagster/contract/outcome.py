"""What counts as a default, and when it is known."""

from dataclasses import dataclass
from enum import StrEnum


class LeftEarly(StrEnum):
    """What is taken of a loan that leaves the book before its label's month on book."""

    UNKNOWN = "unknown"
    """It has no label: it is in no training and no figure of performance."""
    AS_LAST_SEEN = "as_last_seen"
    """Its last row in the book decides: paid off in order is good, written off is bad."""
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class Outcome:
    """The label of a loan: in default where it is so much in arrears at a month on book.

    Attributes:
        month_on_book: months from origination to the snapshot in which the label is known.
        days_past_due: the fewest days past due of a default.
        installments_missed: the fewest missed instalments of one; one of the two is given.
        within: whether arrears at any month on book up to that one count, and not at that one only.
        left_early: what is taken of loans that are not in the book any more by then.
    """

    month_on_book: int
    days_past_due: int | None = None
    installments_missed: int | None = None
    within: bool = False
    left_early: LeftEarly = LeftEarly.UNKNOWN

    def __str__(self) -> str:
        """Say it in words."""
        when = "within" if self.within else "at"
        return f"{self.arrears} {when} month on book {self.month_on_book}"

    @property
    def arrears(self) -> str:
        """How much a loan in default is in arrears, in words."""
        if self.days_past_due is not None:
            return f"{self.days_past_due} or more days past due"
        return f"{self.installments_missed} or more instalments behind"
