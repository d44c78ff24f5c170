"""The contract of one lender: sources, features and outcome, with all that follows from them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from credit_risk_dagster.contract.feature import (
    Feature,
    Flags,
    FromColumn,
    Readings,
)
from credit_risk_dagster.contract.kinds import Category, ListOf, TwoCategories
from credit_risk_dagster.contract.outcome import Outcome
from credit_risk_dagster.contract.source import Column, Shape, Source


@dataclass(frozen=True)
class FeatureColumn:
    """One column of gold that the models see.

    Attributes:
        name: its name.
        feature: what it is a column of.
        categorical: whether it holds text.
        meaning: what it is, as a phrase.
        panel: the panel whose readings it is the mean of, if it is.
        flag: whether it is 1 or 0.
    """

    name: str
    feature: Feature
    meaning: str
    categorical: bool = False
    panel: str | None = None
    flag: bool = False


@dataclass(frozen=True)
class Contract:
    """What a lender delivers and what the models see.

    Attributes:
        lender: the name of the lender, for people.
        sources: what arrives, the loan book among it, in the order of their tables.
        features: what the models see, in the order in which it is reported.
        outcome: what counts as a default.
    """

    lender: str
    sources: tuple[Source, ...]
    features: tuple[Feature, ...]
    outcome: Outcome

    @cached_property
    def loan_book(self) -> Source:
        """The source whose rows are loans."""
        (book,) = self.of_shape(Shape.LOAN_BOOK)
        return book

    @cached_property
    def applicants(self) -> tuple[Source, ...]:
        """The sources with a row for each applicant."""
        return self.of_shape(Shape.APPLICANT)

    @cached_property
    def panels(self) -> tuple[Source, ...]:
        """The sources with a row for each customer and month."""
        return self.of_shape(Shape.PANEL)

    def of_shape(self, shape: Shape) -> tuple[Source, ...]:
        """Return the sources of a shape, in order."""
        return tuple(source for source in self.sources if source.shape is shape)

    def source(self, name: str) -> Source:
        """Return the source of a name.

        Raises:
            KeyError: if there is none.
        """
        for source in self.sources:
            if source.name == name:
                return source
        raise KeyError(f"the contract has no source {name}")

    def owner(self, column: str) -> tuple[Source, Column]:
        """Return the applicant source, or the loan book, that has a column of silver.

        Raises:
            KeyError: if none has.
        """
        for source in (*self.applicants, self.loan_book):
            for one in source.columns:
                if column in one.names or column == one.name:
                    return source, one
        raise KeyError(f"no applicant source and no loan book has a column {column}")

    @cached_property
    def feature_columns(self) -> tuple[FeatureColumn, ...]:
        """The columns that the models see, in the order in which they are reported."""
        return tuple(column for feature in self.features for column in self._columns(feature))

    def _columns(self, feature: Feature) -> Iterator[FeatureColumn]:
        expression = feature.expression
        if isinstance(expression, Readings):
            yield from self._means(feature, expression)
        elif isinstance(expression, Flags):
            yield from self._flags(feature, expression)
        else:
            categorical = isinstance(expression, FromColumn) and self._is_text(expression.column)
            yield FeatureColumn(feature.name, feature, feature.meaning, categorical)

    def _means(self, feature: Feature, expression: Readings) -> Iterator[FeatureColumn]:
        for reading in self.source(expression.panel).readings():
            yield FeatureColumn(
                mean_of(reading.name),
                feature,
                f"Mean of the customer's {reading.name} up to the application month; null where "
                "there is none",
                panel=expression.panel,
            )

    def _flags(self, feature: Feature, expression: Flags) -> Iterator[FeatureColumn]:
        _, column = self.owner(expression.column)
        for name, meaning in list_columns(column):
            yield FeatureColumn(name, feature, meaning, flag=True)

    def ordered_categories(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each feature that is a category with an order, and its texts, lowest first."""
        for feature in self.features:
            if isinstance(feature.expression, FromColumn):
                column = feature.expression.column
                _, declared = self.owner(column)
                for name, values in _orders(declared):
                    if name == column:
                        yield feature.name, values

    def _is_text(self, name: str) -> bool:
        _, column = self.owner(name)
        return isinstance(column.kind, (Category, TwoCategories))


def _orders(column: Column) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the categories of a column that have an order, by the name of their column.

    Two texts have the order in which they are named.
    """
    kind = column.kind
    if isinstance(kind, Category) and (kind.ordered or len(kind.values) == 2):
        yield column.name, kind.values
    if isinstance(kind, TwoCategories):
        ordered = (one for one in kind.parts if one.ordered or len(one.values) == 2)
        yield from ((part.name, part.values) for part in ordered)


def mean_of(reading: str) -> str:
    """Return the name of the feature that is the mean of a reading."""
    return f"{reading}_mean"


def count_of(reading: str) -> str:
    """Return the name of the number of readings behind the mean of a reading."""
    return f"{reading}_count"


def squares_of(reading: str) -> str:
    """Return the name of the sum of squares of a reading."""
    return f"{reading}_sum_of_squares"


def months_of(panel: str) -> str:
    """Return the name of the number of months behind the means of a panel.

    Not itself a feature: it grows with calendar time whatever the applicant does.
    """
    return f"{panel}_months"


def evidence_of(panel: str) -> str:
    """Return the name of the evidence of a panel, in log-odds of default."""
    return f"{panel}_evidence"


def known_of(source: str) -> str:
    """Return the name of the column that says whether an applicant source knows the applicant."""
    return f"has_{source}"


def list_columns(column: Column) -> Iterator[tuple[str, str]]:
    """Yield the columns that a list becomes, each with its meaning."""
    elements = column.kind.elements if isinstance(column.kind, ListOf) else ()
    texts = [f"'{element.text}'" for element in elements]
    for name, text in zip(column.names, [*texts, "anything else"], strict=True):
        yield name, f"1 if {text} is among: {column.meaning}; else 0, null where it is not known"
