"""Vintages, roll rates and volumes of a small book that can be counted by hand."""

from datetime import date

import ibis
import pandas as pd
import pytest

from credit_risk_dagster.datamart.duckdb_engine import DuckDBEngine
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.monitoring.portfolio import book_facts, roll_facts, vintage_facts
from credit_risk_dagster.tables.portfolio import book_counts, roll_counts, vintage_counts

JANUARY, FEBRUARY, MARCH = date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)

BOOK = [
    # loan, originated, snapshot, month on book, missed instalments, balance
    ("a", JANUARY, JANUARY, 0, 0, 1000.0),
    ("a", JANUARY, FEBRUARY, 1, 1, 1000.0),
    ("a", JANUARY, MARCH, 2, 0, 800.10),
    ("b", JANUARY, JANUARY, 0, 0, 500.0),
    ("b", JANUARY, FEBRUARY, 1, 0, 400.0),
    ("b", JANUARY, MARCH, 2, 1, 400.0),
    ("c", FEBRUARY, FEBRUARY, 0, 0, 700.0),
    ("c", FEBRUARY, MARCH, 1, 0, 0.0),
    ("d", FEBRUARY, MARCH, 1, 3, 300.0),
]


DAYS = {
    **{(month, 0): 0 for month in (JANUARY, FEBRUARY, MARCH)},
    (FEBRUARY, 1): 31,
    (MARCH, 1): 29,
    (MARCH, 3): 91,
}
"""Days past due of a snapshot and the instalments missed: one of them is 31 in February."""


@pytest.fixture(params=["duckdb", "pyspark"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "pyspark":
        spark: Engine = request.getfixturevalue("spark")
        return spark
    return DuckDBEngine(threads=1)


@pytest.fixture
def counts(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("loan_id", "loan_start_date", "snapshot_date", "month_on_book", "installments_missed")
    rows = [dict(zip((*names, "balance"), row, strict=True)) for row in BOOK]
    table = pa.Table.from_pylist(
        [
            row
            | {
                "loan_amount": 1000.0,
                "days_past_due": DAYS[row["snapshot_date"], row["installments_missed"]],
            }
            for row in rows
        ]
    )
    path = tmp_path_factory.mktemp("book") / "loans.parquet"
    pq.write_table(table, path)
    loans = engine.read([path], table.schema)
    functions = (vintage_counts, roll_counts, book_counts)
    return {one.__name__: one(loans).to_pyarrow().to_pandas() for one in functions}


def rates(month: str, counts: dict[str, pd.DataFrame], first: str = "2024-01-01") -> dict[str, str]:
    facts = vintage_facts(month, first, counts["vintage_counts"])
    return {fact.subject: f"{fact.value} of {fact.sample_size}" for fact in facts}


def test_a_vintage_counts_loans_that_were_ever_late_up_to_the_month(
    counts: dict[str, pd.DataFrame],
) -> None:
    assert rates("2024-01-01", counts) == {"2024-01": "0.0 of 2"}
    assert rates("2024-02-01", counts) == {"2024-01": "0.5 of 2", "2024-02": "0.0 of 1"}
    assert rates("2024-03-01", counts) == {"2024-01": "0.5 of 2", "2024-02": "0.5 of 2"}


def test_vintages_that_were_not_seen_whole_are_left_out(counts: dict[str, pd.DataFrame]) -> None:
    assert rates("2024-03-01", counts, first="2024-02-01") == {"2024-02": "0.5 of 2"}


def test_a_vintage_is_followed_for_twelve_months(counts: dict[str, pd.DataFrame]) -> None:
    assert list(rates("2025-01-01", counts)) == ["2024-01", "2024-02"]
    assert list(rates("2025-02-01", counts)) == ["2024-02"]


def test_roll_rates_are_shares_of_where_loans_were_a_month_before(
    counts: dict[str, pd.DataFrame],
) -> None:
    rolls = counts["roll_counts"]
    march = roll_facts(rolls[rolls["snapshot_date"].astype(str) == "2024-03-01"])
    moved = {fact.subject: (fact.value, fact.sample_size) for fact in march if fact.value}
    assert moved == {
        "0 to 0": (0.5, 2),
        "0 to 1": (0.5, 2),
        "1 to 0": (1.0, 1),
    }
    assert len(march) == 8


def test_volumes_are_sums_of_the_month_to_the_cent(counts: dict[str, pd.DataFrame]) -> None:
    book = counts["book_counts"].set_index("snapshot_date")
    book.index = book.index.astype(str)
    row = {str(name): int(value) for name, value in book.loc["2024-03-01"].items()}
    facts = {fact.metric: fact for fact in book_facts(row, 9, 8, defaults=1, labels=4)}

    assert facts["outstanding_balance"].value == 1500.10
    assert facts["active_loans"].value == 3
    assert facts["arrears_rate"].value == pytest.approx(1 / 3)
    assert facts["originated_loans"].value == 0
    assert (facts["applications"].value, facts["scored_applicants"].value) == (9, 8)
    assert (facts["default_rate"].value, facts["default_rate"].sample_size) == (0.25, 4)


@pytest.mark.parametrize(
    ("missed", "expected"),
    [(None, "0"), (-1, "0"), (0, "0"), (1, "1"), (2, "2"), (3, "3+"), (60, "3+")],
)
def test_buckets_count_missed_instalments_up_to_three(missed: int | None, expected: str) -> None:
    from credit_risk_dagster.tables.portfolio import bucket

    assert ibis.duckdb.connect().execute(bucket(ibis.literal(missed, "int64"))) == expected
