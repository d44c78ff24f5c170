"""Which names of a contract collide with those that the platform gives to columns and tables."""

from collections.abc import Iterator

from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.contract.finding import Finding
from credit_risk_dagster.contract.lender import (
    Contract,
    count_of,
    known_of,
    mean_of,
    months_of,
    squares_of,
)
from credit_risk_dagster.contract.roles import IDENTIFIERS, MONTHS
from credit_risk_dagster.contract.source import Shape, Source

OF_BRONZE = (
    "snapshot_month",
    "source_file",
    "line_number",
    "reason",
    "text",
    "unknown_columns",
)
"""What the reader adds to the columns of a delivery, which keep the lender's headers."""

OF_SILVER = (
    "months",
    "latest_reading_date",
    "dormant_since",
    "corrections",
    "reasons",
    "disposition",
    "partition_month",
    "default",
)
"""What silver and the running state of a panel have beside the columns of the contract."""

OF_STATE = ("count", "sum", "sum_of_squares")
"""What a panel's state keeps of each reading, behind its name."""

OF_GOLD = (
    *IDENTIFIERS,
    *MONTHS,
    "days_past_due",
    "latest_input_date",
    "application_date",
    "default",
    "cohort",
    "probability",
)
"""What gold and the frames of the models have beside the features."""

TABLES = (
    "features",
    "labels",
    "cohort",
    "training_decision",
    *CANDIDATES,
    "production_model",
    "predictions",
    "drift",
    "performance",
    "portfolio",
    "early_outcomes",
    "report",
)
"""Tables of the platform's own: a source of that name could be told apart by its layer only."""

BESIDE = ("_so_far", "_rejected", "_quarantined", "_duplicates", "_dormant", "_dormant_index")
"""How tables are called that belong to that of a source."""


def source_name_findings(source: Source) -> Iterator[Finding]:
    """Yield the names of a source and of its columns that the platform gives to something else."""
    place = f"source {source.name}"
    if source.name in TABLES or source.name.endswith(BESIDE):
        yield Finding(place, f"a table of the platform is called {source.name}: take another name.")
    for header in source.headers:
        if header.casefold() in OF_BRONZE:
            yield Finding(
                f"{place}, column {header}",
                "the platform keeps a column of this name beside what is delivered: have the "
                "lender call it something else.",
            )
    sums = {f"{one.name}_{part}" for one in source.readings() for part in OF_STATE}
    for column in source.columns:
        for name in dict.fromkeys((column.name, *column.names)):
            taken = source.shape is Shape.PANEL and name in {*sums, "given_by", "given_in"}
            if taken or name in OF_SILVER or name.endswith("_right"):
                yield Finding(
                    f"{place}, column {column.header}",
                    f"{name} is a name of the platform's own: take another.",
                )


def gold_name_findings(contract: Contract) -> Iterator[Finding]:
    """Yield the names of features, and of columns that they read, that gold gives to others."""
    taken = {known_of(source.name) for source in contract.applicants}
    taken |= {
        name for one in contract.panels for name in (months_of(one.name), f"{one.name}_until")
    }
    taken |= {
        behind(reading.name)
        for panel in contract.panels
        for reading in panel.readings()
        for behind in (count_of, squares_of)
    }
    of_applicants = (contract.loan_book, *contract.applicants)
    means = {mean_of(reading.name) for panel in contract.panels for reading in panel.readings()}
    for source in of_applicants:
        for column in source.columns:
            for name in sorted({*column.names} & (taken | means)):
                yield Finding(
                    f"source {source.name}, column {column.header}",
                    f"gold has a column {name} of its own: take another name.",
                )
    reserved = {*taken, *OF_GOLD}
    for feature in contract.features:
        names = {feature.name} | {
            column.name for column in contract.feature_columns if column.feature is feature
        }
        for name in sorted(names & reserved):
            yield Finding(
                f"feature {feature.name}",
                f"gold has a column {name} of its own: take another name.",
            )
