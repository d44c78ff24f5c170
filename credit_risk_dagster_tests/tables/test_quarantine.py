from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from credit_risk_dagster.datamart.record import Beside, MonthRecord
from credit_risk_dagster.tables.quarantine import (
    quarantined_rows,
    quarantined_share,
    reason_counts,
)
from credit_risk_dagster_tests.tables.refined import outcomes


def record(beside: dict[str, int], delivered: int) -> MonthRecord:
    return MonthRecord(
        table="any",
        month="2024-03-01",
        version=1,
        rows=0,
        columns={},
        content_hash="",
        inputs={},
        input_versions={},
        definition="",
        origin="",
        recipe="",
        beside={name: Beside(rows, content_hash="", version=1) for name, rows in beside.items()},
        facts={"delivered": delivered},
    )


def reasons_file(path: Path, *reasons: str) -> Path:
    pq.write_table(pa.table({"reasons": pa.array(reasons, pa.string())}), path)
    return path


def test_lines_that_cannot_be_read_count_among_the_quarantined() -> None:
    bronze = record({"rejected": 3}, delivered=200)
    silver = record({"quarantined": 7, "duplicates": 50}, delivered=200)
    assert quarantined_rows(bronze, silver) == 10
    assert quarantined_share(bronze, silver) == pytest.approx(0.05)


def test_of_nothing_delivered_nothing_is_quarantined() -> None:
    empty = record({"rejected": 0, "quarantined": 0}, delivered=0)
    assert quarantined_share(empty, empty) == 0.0


def test_reasons_are_counted_without_their_values_most_frequent_first(tmp_path: Path) -> None:
    one = reasons_file(
        tmp_path / "one.parquet",
        "Outstanding_Debt 'x' is not a number",
        "Credit_Mix '?' is not a known category; Outstanding_Debt 'y' is not a number",
    )
    other = reasons_file(tmp_path / "other.parquet", "Customer_ID is empty")
    assert reason_counts([one, other]) == [
        ("Outstanding_Debt is not a number", 2),
        ("Credit_Mix is not a known category", 1),
        ("Customer_ID is empty", 1),
    ]


def test_a_value_that_looks_like_punctuation_stays_out_of_the_reasons(tmp_path: Path) -> None:
    values = ["a; b", "it's", "'; '", "''", "; "]
    found = outcomes(
        "financials", ({"Credit_Mix": value, "Credit_History_Age": "; '"} for value in values)
    )
    file = reasons_file(tmp_path / "quarantined.parquet", *(row.reasons for row in found))
    assert reason_counts([file]) == [
        ("Credit_History_Age is not like 10 Years and 9 Months", len(values)),
        ("Credit_Mix is not a known category", len(values)),
    ]


def test_no_reasons_are_counted_where_nothing_is_quarantined(tmp_path: Path) -> None:
    assert reason_counts([]) == []
    assert reason_counts([reasons_file(tmp_path / "quarantined.parquet")]) == []
