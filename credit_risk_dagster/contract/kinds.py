"""What a delivered text stands for: the few kinds that the columns of a contract have."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Multiple:
    """So many times another number of the same row: beyond it, a number is a typing error.

    Attributes:
        factor: how many times.
        of: our name of the other number.
    """

    factor: float
    of: str


@dataclass(frozen=True)
class Number:
    """A number; outside its range it is known dirt, and goes missing.

    Attributes:
        low: the lowest value that the lender accepts.
        high: the highest one.
        whole: whether only whole numbers belong here.
        decimals: digits behind the decimal sign of a panel's reading, whose sums are kept as whole
            numbers; a reading with more of them is rounded.
        at_most: a limit that depends on the row.
    """

    low: float | None = None
    high: float | None = None
    whole: bool = False
    decimals: int = 0
    at_most: Multiple | None = None


@dataclass(frozen=True)
class Category:
    """One of a closed list of texts.

    Attributes:
        values: the texts, as they are delivered.
        ordered: whether they are named from the lowest to the highest.
    """

    values: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True)
class Identifier:
    """A name of a thing by which rows are matched: the whole text matches a regular expression.

    Attributes:
        pattern: what keeps names and numbers of persons out, as narrow as the lender's own.
    """

    pattern: str


@dataclass(frozen=True)
class Month:
    """A month, written as its first day or without a day."""


@dataclass(frozen=True)
class Date:
    """A day; where the platform reads a month, it stands for that month."""


@dataclass(frozen=True)
class Duration:
    """A length of time in words, read as months.

    Attributes:
        forms: the texts with `{years}` or `{months}` or both in place of the numbers; what may be
            left out stands in brackets: `{years} Year[s] and {months} Month[s]`.
    """

    forms: tuple[str, ...]


@dataclass(frozen=True)
class Element:
    """One text of a list.

    Attributes:
        text: the text, as it is delivered.
        suffix: what its column is called, behind the name of the list.
    """

    text: str
    suffix: str


@dataclass(frozen=True)
class ListOf:
    """Several of a closed list of texts in one field.

    Becomes one column for each element, 1 where it is listed and else 0, and one for whatever is
    not declared, `<name>_other`. Elements match whole, white space around them dropped.

    Attributes:
        elements: the texts, with the suffixes of their columns.
        separators: what stands between two elements, longest first.
    """

    elements: tuple[Element, ...]
    separators: tuple[str, ...] = (",",)


@dataclass(frozen=True)
class Part:
    """One of the categories in a text that holds two.

    Attributes:
        name: the name of its column.
        values: its texts.
        meaning: what it is, as a phrase without a full stop.
        ordered: whether they are named from the lowest to the highest.
    """

    name: str
    values: tuple[str, ...]
    meaning: str
    ordered: bool = False


@dataclass(frozen=True)
class TwoCategories:
    """Two categories in one text, which becomes a column for each.

    Attributes:
        form: the text with the names of the parts in braces where they stand:
            `{spending_level}_spent_{payment_size}_value_payments`.
        parts: the two.
    """

    form: str
    parts: tuple[Part, Part]


Kind = Number | Category | Identifier | Month | Date | Duration | ListOf | TwoCategories
