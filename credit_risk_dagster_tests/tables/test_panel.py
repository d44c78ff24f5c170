"""The running state of the clickstream is what all readings up to the month say, added up."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.kinds import Number
from credit_risk_dagster.contract.source import Column, Shape, Source
from credit_risk_dagster.months import add_months, first_day, month_range
from credit_risk_dagster.tables.panel import (
    LARGEST_SQUARED,
    known_at,
    mean_so_far,
    months_of_dormant,
    so_far,
    so_far_table,
)
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_FEATURES
from credit_risk_dagster_tests.tables.panels import State, known, states

MONTHS = month_range("2023-11-01", "2024-06-01")
DAYS = [first_day(month) for month in MONTHS]
CUSTOMERS = ("A", "B", "C", "D")

Row = dict[str, Any]

READING = st.none() | st.integers(-(10**12), 10**12) | st.integers(-900, 900)
PANELS = st.dictionaries(
    st.tuples(st.sampled_from(CUSTOMERS), st.sampled_from(DAYS)),
    st.tuples(READING, READING),
    max_size=20,
)
"""Two readings, by customer and month: with gaps, silences and returns."""


def as_readings(panel: Mapping[tuple[str, date], tuple[int | None, int | None]]) -> list[Row]:
    """Readings of the first and the last feature; the others are missing."""
    return [
        {"customer_id": customer, "snapshot_date": month, "fe_1": first, "fe_20": last}
        for (customer, month), (first, last) in panel.items()
    ]


def recomputed(readings: Sequence[Row], customer: str, until: date) -> Row | None:
    """What all readings of a customer up to a month say; None if there is none."""
    mine = [
        row for row in readings if row["customer_id"] == customer and row["snapshot_date"] <= until
    ]
    if not mine:
        return None
    latest = max(row["snapshot_date"] for row in mine)
    state: Row = {"customer_id": customer, "months": len(mine), "latest_reading_date": latest}
    for name in CLICKSTREAM_FEATURES:
        given_ones = [row[name] for row in mine if row.get(name) is not None]
        is_small = all(abs(value) <= LARGEST_SQUARED for value in given_ones)
        state |= {
            f"{name}_count": len(given_ones),
            f"{name}_sum": sum(given_ones),
            f"{name}_sum_of_squares": sum(value**2 for value in given_ones) if is_small else None,
        }
    return state


def by_customer(rows: pa.Table) -> dict[str, Row]:
    found = {row["customer_id"]: row for row in rows.to_pylist()}
    assert len(found) == rows.num_rows
    return found


def without_month(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "snapshot_date"}


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(panel=PANELS, kept_for=st.integers(1, 4))
def test_a_state_is_what_all_readings_up_to_its_month_add_up_to(
    panel: dict[tuple[str, date], tuple[int | None, int | None]], kept_for: int
) -> None:
    """Rows of who gave one lately; of the others a dormant row, once, as they leave."""
    readings = as_readings(panel)
    made = states(readings, MONTHS, kept_for)
    for month in MONTHS:
        here, expected = made[month], {}
        asleep = {}
        for customer in CUSTOMERS:
            state = recomputed(readings, customer, first_day(month))
            if state is None:
                continue
            leaves = add_months(state["latest_reading_date"].isoformat(), kept_for)
            if month < leaves:
                expected[customer] = {**state, "snapshot_date": first_day(month)}
            else:
                asleep[customer] = first_day(leaves)
            gone = by_customer(here.dormant).get(customer)
            assert (gone is not None) == (month == leaves)
            assert gone is None or without_month(gone) == state
        assert by_customer(here.rows) == expected
        assert {
            row["customer_id"]: row["dormant_since"] for row in here.index.to_pylist()
        } == asleep


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(panel=PANELS, kept_for=st.integers(1, 4), asked=st.sets(st.sampled_from(DAYS), min_size=1))
def test_whoever_applies_is_known_by_all_readings_however_long_ago_the_newest_was(
    panel: dict[tuple[str, date], tuple[int | None, int | None]], kept_for: int, asked: set[date]
) -> None:
    readings = as_readings(panel)
    made = states(readings, MONTHS, kept_for)
    pairs = [(customer, month) for customer in (*CUSTOMERS, "nobody") for month in asked]
    wanted = pa.table(
        [[customer for customer, _ in pairs], [month for _, month in pairs]],
        schema=pa.schema([("customer_id", pa.string()), ("snapshot_date", pa.date32())]),
    )
    found = {(row["customer_id"], row["snapshot_date"]): row for row in known(wanted, made)}
    expected = {
        (customer, month): {**state, "snapshot_date": month}
        for customer, month in pairs
        if (state := recomputed(readings, customer, month)) is not None
    }
    assert found == expected


def silent_customer() -> dict[str, State]:
    """A gives a reading in the first month and returns in the sixth; B gives one every month."""
    panel = {("A", DAYS[0]): (4, 1), ("A", DAYS[5]): (6, 1)}
    panel |= {("B", day): (1, 1) for day in DAYS}
    return states(as_readings(panel), MONTHS, kept_for=2)


def test_who_returns_goes_on_where_they_stopped() -> None:
    made = silent_customer()
    assert by_customer(made[MONTHS[2]].dormant)["A"]["fe_1_sum"] == 4
    assert list(by_customer(made[MONTHS[4]].rows)) == ["B"]
    back = by_customer(made[MONTHS[5]].rows)["A"]
    assert (back["months"], back["fe_1_sum"], back["fe_1_sum_of_squares"]) == (2, 10, 52)


def test_only_the_month_in_which_somebody_wanted_left_is_looked_up() -> None:
    made = silent_customer()
    index = made[MONTHS[4]].index
    assert months_of_dormant(index, pa.chunked_array([["A", "B", "new"]])) == [MONTHS[2]]
    assert months_of_dormant(index, pa.chunked_array([["B", "new"]])) == []
    assert made[MONTHS[5]].index.num_rows == 0


def test_a_reading_whose_square_is_too_large_to_sum_leaves_count_and_sum() -> None:
    large = LARGEST_SQUARED + 1
    panel = {("A", DAYS[0]): (large, LARGEST_SQUARED), ("A", DAYS[1]): (2, -LARGEST_SQUARED)}
    row = by_customer(states(as_readings(panel), MONTHS[:2], 12)[MONTHS[1]].rows)["A"]
    assert (row["fe_1_count"], row["fe_1_sum"], row["fe_1_sum_of_squares"]) == (2, large + 2, None)
    assert (row["fe_20_sum"], row["fe_20_sum_of_squares"]) == (0, 2 * LARGEST_SQUARED**2)


def test_any_panel_is_added_up_by_its_own_names_and_with_its_decimals() -> None:
    """Amounts of money are summed in their last decimal, so that no order of rows changes a sum."""
    panel = Source(
        "accounts",
        Shape.PANEL,
        ("accounts",),
        (Column("Saldo", "account_balance", Number(decimals=2), "Balance of the account"),),
        "Balances of accounts",
    )
    table = so_far_table(panel)
    assert (table.path, table.key) == ("silver/accounts_so_far", ("customer_id",))
    db = ibis.duckdb.connect()
    empty = table.schema.empty_table()
    before, dormant = (db.create_table(name, empty) for name in ("before", "dormant"))
    given = {"customer_id": ["A"], "snapshot_date": DAYS[:1], "account_balance": [-0.37]}
    readings = db.create_table("readings", pa.table(given))
    rows = so_far(panel, before, readings, dormant, kept_for=2)
    (found,) = rows.to_pyarrow().to_pylist()
    assert list(found.values()) == ["A", DAYS[0], 1, DAYS[0], 1, -37, 1369, "rows"]
    wanted = readings.select("customer_id", "snapshot_date")
    state = known_at(wanted, dormant, rows.drop("disposition"))
    (mean,) = state.select(mean=mean_so_far(state, panel.columns[0])).to_pyarrow().to_pylist()
    assert mean == {"mean": -0.37}
