from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from credit_risk_dagster.datamart.manifest import Manifest
from credit_risk_dagster.tables.quarantine import (
    quarantined_rows,
    quarantined_share,
    reason_counts,
)
from credit_risk_dagster_tests.tables.refined import outcomes


def manifest(beside: dict[str, int], delivered: int) -> Manifest:
    return Manifest(
        table="any",
        month="2024-03-01",
        rows=0,
        columns={},
        content_hash="",
        inputs={},
        code_version="",
        folder="",
        beside={name: {"rows": rows} for name, rows in beside.items()},
        facts={"delivered": delivered},
    )


def reasons_file(folder: Path, *reasons: str) -> Path:
    path = folder / "quarantined.parquet"
    pq.write_table(pa.table({"reasons": pa.array(reasons, pa.string())}), path)
    return path


def test_lines_that_cannot_be_read_count_among_the_quarantined() -> None:
    bronze = manifest({"rejected": 3}, delivered=200)
    silver = manifest({"quarantined": 7, "duplicates": 50}, delivered=200)
    assert quarantined_rows(bronze, silver) == 10
    assert quarantined_share(bronze, silver) == pytest.approx(0.05)


def test_of_nothing_delivered_nothing_is_quarantined() -> None:
    empty = manifest({"rejected": 0, "quarantined": 0}, delivered=0)
    assert quarantined_share(empty, empty) == 0.0


def test_reasons_are_counted_without_their_values_most_frequent_first(tmp_path: Path) -> None:
    path = reasons_file(
        tmp_path,
        "Outstanding_Debt 'x' is not a number",
        "Credit_Mix '?' is not a known category; Outstanding_Debt 'y' is not a number",
        "Customer_ID is empty",
    )
    assert reason_counts(path) == [
        ("Outstanding_Debt is not a number", 2),
        ("Credit_Mix is not a known category", 1),
        ("Customer_ID is empty", 1),
    ]


def test_a_value_that_looks_like_punctuation_stays_out_of_the_reasons(tmp_path: Path) -> None:
    values = ["a; b", "it's", "'; '", "''", "; "]
    found = outcomes(
        "financials", ({"Credit_Mix": value, "Credit_History_Age": "; '"} for value in values)
    )
    assert reason_counts(reasons_file(tmp_path, *(row.reasons for row in found))) == [
        ("Credit_History_Age is not like 10 Years and 9 Months", len(values)),
        ("Credit_Mix is not a known category", len(values)),
    ]


def test_no_reasons_are_counted_where_nothing_is_quarantined(tmp_path: Path) -> None:
    assert reason_counts(reasons_file(tmp_path)) == []
