"""What a source delivers: its files, its columns, and what identifies a row."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from credit_risk_dagster.contract.dialect import PLAIN, Dialect
from credit_risk_dagster.contract.kinds import Kind, ListOf, TwoCategories

SNAPSHOT_DATE, CUSTOMER_ID = "snapshot_date", "customer_id"
LOAN_ID, APPLICATION_ID = "loan_id", "application_id"


class Shape(StrEnum):
    """What one row of a source is."""

    LOAN_BOOK = "loan_book"
    """One loan in one month on book."""
    APPLICANT = "applicant"
    """One customer, or one application, in the month of application."""
    PANEL = "panel"
    """One customer in one month, before and after applying."""


class Personal(StrEnum):
    """Whether a column tells who somebody is."""

    NO = "no"
    YES = "yes"
    """Name, number, address, e-mail: kept in bronze and nowhere else."""


@dataclass(frozen=True)
class Column:
    """One column of a delivery.

    Attributes:
        header: the lender's name for it, as in the header line.
        name: our name; a name of `contract/roles.py` gives the column that role. It is the name in
            silver, or the beginning of the names that a list becomes.
        kind: what its texts stand for; none for a column that goes no further than bronze.
        meaning: what it is, as a phrase without a full stop.
        unit: what it is counted in.
        placeholders: texts that stand for a missing value.
        strip: characters that are no part of the value, dropped from both ends.
        required: whether a row without a value is refused.
        personal: whether it tells who somebody is.
        begins: the first month in which it is delivered, if not from the first of all.
        ends: the last month in which it is delivered, if it is delivered no more.
    """

    header: str
    name: str
    kind: Kind | None
    meaning: str
    unit: str | None = None
    placeholders: tuple[str, ...] = ()
    strip: str = ""
    required: bool = False
    personal: Personal = Personal.NO
    begins: str | None = None
    ends: str | None = None

    def delivered_in(self, month: str) -> bool:
        """Return whether the column is delivered in a month."""
        return (self.begins or month) <= month <= (self.ends or month)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of silver that it becomes."""
        if self.kind is None:
            return ()
        if isinstance(self.kind, TwoCategories):
            return tuple(part.name for part in self.kind.parts)
        if isinstance(self.kind, ListOf):
            suffixes = [*(element.suffix for element in self.kind.elements), "other"]
            return tuple(f"{self.name}_{suffix}" for suffix in suffixes)
        return (self.name,)


@dataclass(frozen=True)
class Source:
    """One raw extract.

    Attributes:
        name: the name of its tables.
        shape: what one row is.
        files: what its files are called: a stem (`loans` takes `loans.csv`, `loans_2024-01.csv` and
            what lies in a folder `loans`), or a pattern with `*`, matched against path and name.
        columns: its columns, in the order in which they are shown.
        meaning: what the source is, as a phrase.
        dialect: how its files are written.
        required: whether a month waits for it; without an optional source a month is run when its
            deadline is over, or when a person waives it.
        begins: the first month in which it is delivered, if not from the first of all.
        ends: the last month in which it is delivered, if it is delivered no more.
    """

    name: str
    shape: Shape
    files: tuple[str, ...]
    columns: tuple[Column, ...]
    meaning: str
    dialect: Dialect = PLAIN
    required: bool = True
    begins: str | None = None
    ends: str | None = None

    @cached_property
    def headers(self) -> tuple[str, ...]:
        """The lender's names of all its columns."""
        return tuple(column.header for column in self.columns)

    def headers_in(self, month: str) -> tuple[str, ...]:
        """Return the lender's names of the columns that are delivered in a month."""
        return tuple(column.header for column in self.columns if column.delivered_in(month))

    @cached_property
    def personal_headers(self) -> tuple[str, ...]:
        """The lender's names of the columns that tell who somebody is."""
        return tuple(one.header for one in self.columns if one.personal is Personal.YES)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """What identifies a row, by our names."""
        if self.shape is Shape.LOAN_BOOK:
            return (LOAN_ID, SNAPSHOT_DATE)
        if self.shape is Shape.APPLICANT and self.has(APPLICATION_ID):
            return (APPLICATION_ID, SNAPSHOT_DATE)
        return (CUSTOMER_ID, SNAPSHOT_DATE)

    @cached_property
    def key_headers(self) -> tuple[str, ...]:
        """What identifies a row, by the lender's names."""
        return tuple(self.column(name).header for name in self.key)

    @cached_property
    def month_header(self) -> str:
        """The lender's name of the column that says which month a row belongs to."""
        return self.column(SNAPSHOT_DATE).header

    def has(self, name: str) -> bool:
        """Return whether there is a column of our name."""
        return any(column.name == name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return the column of our name.

        Raises:
            KeyError: if there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    def readings(self) -> Iterator[Column]:
        """Yield the columns of a panel that are readings of the customer in the month."""
        return (
            column
            for column in self.columns
            if column.kind is not None and column.name not in (CUSTOMER_ID, SNAPSHOT_DATE)
        )

    def delivered_in(self, month: str) -> bool:
        """Return whether the source is delivered in a month."""
        return (self.begins or month) <= month <= (self.ends or month)
