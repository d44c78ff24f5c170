"""What the models see: features, each with its meaning, its computation and its words."""

from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Which way credit sense demands that a feature moves the probability of default."""

    UP = "up"
    DOWN = "down"
    FREE = "free"


@dataclass(frozen=True)
class FromColumn:
    """A column of an applicant source or of the loan book at month on book 0, as it is.

    Attributes:
        column: our name of it.
    """

    column: str


@dataclass(frozen=True)
class Ratio:
    """One number divided by another; missing where either is, or where the other is 0.

    Attributes:
        numerator: the column that is divided.
        denominator: the column that it is divided by.
        at_least: the least that is divided by; so 0 loans can count as 1.
    """

    numerator: str
    denominator: str
    at_least: float | None = None


@dataclass(frozen=True)
class Flags:
    """The columns of a list, 1 where an element is listed and else 0.

    Attributes:
        column: our name of the list.
    """

    column: str


@dataclass(frozen=True)
class MonthsSince:
    """Whole months from a date or month to the month of application.

    Attributes:
        column: our name of the date.
    """

    column: str


@dataclass(frozen=True)
class Readings:
    """The readings of a panel up to the month of application, each as its mean.

    Attributes:
        panel: the name of the source.
    """

    panel: str


@dataclass(frozen=True)
class Function:
    """What a function makes of columns: `package.module:name`.

    Attributes:
        name: the function, of a package that is installed beside the platform.
        columns: what it takes as Ibis expressions, in this order; it returns a number.
    """

    name: str
    columns: tuple[str, ...]


Expression = FromColumn | Ratio | Flags | MonthsSince | Readings | Function


@dataclass(frozen=True)
class Feature:
    """One thing that the models see, and that a reason can name.

    Attributes:
        name: the name of its column in gold; of several columns, what they have in common.
        expression: how it is computed of what was known at application.
        meaning: what it is, as a phrase without a full stop.
        group: what it belongs to, for an overview.
        direction: the direction that credit sense demands.
        raises: what is said to an applicant whose probability of default it raises.
        lowers: what is said where it lowers it.
        scored: whether models read it; else it is watched for drift alone, as what is weak, or has
            no lasting sign, should be: a reason that names it would often say the contrary of what
            is so.
    """

    name: str
    expression: Expression
    meaning: str
    group: str
    direction: Direction = Direction.FREE
    raises: str = ""
    lowers: str = ""
    scored: bool = True
