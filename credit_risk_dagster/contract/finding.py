"""One thing that is wrong with a contract."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Where something is wrong, and what: with what to do, in one or two sentences."""

    place: str
    sentence: str

    def __str__(self) -> str:
        """Say both."""
        return f"{self.place}: {self.sentence}"
