"""What became of the rows that were delivered: accepted, quarantined, duplicate."""

from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.tables.bronze import REJECTED
from credit_risk_dagster.tables.judgement import DUPLICATES, QUARANTINED


def row_counts(bronze: MonthRecord | None, silver: MonthRecord | None) -> dict[str, int] | None:
    """Return the rows of a source's month by what became of them, or None if it was not run.

    The three of `accepted`, `quarantined` and `duplicate` add up to `delivered`.
    """
    if bronze is None or silver is None:
        return None
    return {
        "delivered": bronze.facts["delivered"],
        "accepted": silver.rows,
        "quarantined": bronze.beside[REJECTED].rows + silver.beside[QUARANTINED].rows,
        "duplicate": silver.beside[DUPLICATES].rows,
    }
