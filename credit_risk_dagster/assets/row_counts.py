"""What became of the rows that were delivered: accepted, quarantined, duplicate."""

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.tables.bronze import BRONZE, REJECTED
from credit_risk_dagster.tables.judgement import DUPLICATES, QUARANTINED
from credit_risk_dagster.tables.silver import SILVER


def row_counts(datamart: Datamart, source: str, month: str) -> dict[str, int] | None:
    """Return the rows of a source's month by what became of them, or None if it was not run.

    The three of `accepted`, `quarantined` and `duplicate` add up to `delivered`.
    """
    bronze = datamart.manifest(BRONZE[source], month)
    silver = datamart.manifest(SILVER[source], month)
    if bronze is None or silver is None:
        return None
    return {
        "delivered": bronze.facts["delivered"],
        "accepted": silver.rows,
        "quarantined": bronze.beside[REJECTED]["rows"] + silver.beside[QUARANTINED]["rows"],
        "duplicate": silver.beside[DUPLICATES]["rows"],
    }
