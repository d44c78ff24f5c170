"""What was quarantined: its share of a delivery, and why."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.tables.bronze import REJECTED
from credit_risk_dagster.tables.cleaning import SEPARATOR
from credit_risk_dagster.tables.judgement import QUARANTINED, REASONS

QUOTED_VALUE = re.compile(r" '.*?' (?=is )", re.DOTALL)
"""A value as reasons quote it; it may hold the separator of reasons."""


def quarantined_rows(bronze: MonthRecord, silver: MonthRecord) -> int:
    """Return how many delivered rows could not be read or were quarantined."""
    return bronze.beside[REJECTED].rows + silver.beside[QUARANTINED].rows


def quarantined_share(bronze: MonthRecord, silver: MonthRecord) -> float:
    """Return the share of the delivered rows that could not be read or were quarantined."""
    delivered = bronze.facts["delivered"]
    return quarantined_rows(bronze, silver) / delivered if delivered else 0.0


def reason_counts(quarantined: Sequence[Path]) -> list[tuple[str, int]]:
    """Return the reasons in files of quarantined rows, without values, most frequent first."""
    read = (pq.read_table(path, columns=[REASONS], partitioning=None) for path in quarantined)
    texts = [text for part in read for text in part[REASONS].to_pylist()]
    without_values = (re.sub(QUOTED_VALUE, " ", text) for text in texts)
    counts = Counter(reason for text in without_values for reason in text.split(SEPARATOR))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
