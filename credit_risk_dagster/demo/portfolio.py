"""What a demo portfolio is: its months, its size, its seed and the drift injected into it."""

from dataclasses import dataclass

from credit_risk_dagster.months import add_months, month_range, parse_month


@dataclass(frozen=True)
class DemoPortfolio:
    """The parameters that determine every byte of the four extracts.

    Attributes:
        last_month: the final snapshot.
        months: the number of snapshots.
        applicants_per_month: customers who apply in each month; a few of them get no loan.
        seed: portfolios with different seeds have different borrowers, alike as a population.
        drift_from: the month from which applicants differ; none if they never do.
        drift_size: how far incomes fall, and debts and interest rates rise, in their standard
            deviations (on the scale on which they are normally distributed).
    """

    last_month: str
    months: int = 30
    applicants_per_month: int = 500
    seed: int = 1
    drift_from: str | None = None
    drift_size: float = 1.0

    def __post_init__(self) -> None:
        """Check the numbers and complete the months.

        Raises:
            ValueError: if a month is not one or a number is too small.
        """
        object.__setattr__(self, "last_month", parse_month(self.last_month))
        if self.drift_from is not None:
            object.__setattr__(self, "drift_from", parse_month(self.drift_from))
        for name, lowest in (("months", 1), ("applicants_per_month", 1), ("seed", 0)):
            if getattr(self, name) < lowest:
                raise ValueError(f"{name} is {getattr(self, name)}: give {lowest} or more")

    @property
    def first_month(self) -> str:
        """The first snapshot; no loan is older."""
        return add_months(self.last_month, 1 - self.months)

    @property
    def month_keys(self) -> list[str]:
        """Every snapshot, in order."""
        return month_range(self.first_month, self.last_month)

    def drift_in(self, month: str) -> float:
        """Return how many standard deviations the applicants of a month are off."""
        drifts = self.drift_from is not None and month >= self.drift_from
        return self.drift_size if drifts else 0.0
