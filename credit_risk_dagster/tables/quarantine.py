"""What was quarantined: its share of a delivery, and why."""

import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from credit_risk_dagster.datamart.manifest import Manifest
from credit_risk_dagster.tables.bronze import REJECTED
from credit_risk_dagster.tables.cleaning import SEPARATOR
from credit_risk_dagster.tables.judgement import QUARANTINED, REASONS

QUOTED_VALUE = re.compile(r" '.*?' (?=is )", re.DOTALL)
"""A value as reasons quote it; it may hold the separator of reasons."""


def quarantined_rows(bronze: Manifest, silver: Manifest) -> int:
    """Return how many delivered rows could not be read or were quarantined."""
    return int(bronze.beside[REJECTED]["rows"]) + int(silver.beside[QUARANTINED]["rows"])


def quarantined_share(bronze: Manifest, silver: Manifest) -> float:
    """Return the share of the delivered rows that could not be read or were quarantined."""
    delivered = bronze.facts["delivered"]
    return quarantined_rows(bronze, silver) / delivered if delivered else 0.0


def reason_counts(quarantined: Path) -> list[tuple[str, int]]:
    """Return the reasons in a file of quarantined rows, without values, most frequent first."""
    texts = pq.read_table(quarantined, columns=[REASONS], partitioning=None)[REASONS].to_pylist()
    without_values = (re.sub(QUOTED_VALUE, " ", text) for text in texts)
    counts = Counter(reason for text in without_values for reason in text.split(SEPARATOR))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
